"""Runs in one process: composed from tables, resumed, evaluated, sampled, and refused when nothing fits."""

import functools
import json
import math
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import experiment
from sequence_lab.analysis import guessing, plots, scores
from sequence_lab.composition import compose
from sequence_lab.data import Dataset, Examples, characters
from sequence_lab.nn import Dense
from sequence_lab.ops import losses, metrics
from sequence_lab.results import samples, summaries
from sequence_lab.schema import Refused
from sequence_lab.training.checkpoints import Checkpoints
from sequence_lab.training.loop import Diverged
from sequence_lab.training.objectives import Objective
from sequence_lab.training.recorder import TIMES, read_metrics

TEXT = "".join(chr(97 + (i * i + i // 7) % 13) for i in range(3000))


def small_text():
    return characters({"train": TEXT, "validation": TEXT[:400], "test": TEXT[500:800]})


@pytest.fixture(scope="module")
def one_device():
    return jax.devices()[:1]


def adding_config(**training):
    config = experiment.default_config()
    config.name = "small"
    config.dataset_name, config.dataset = "adding", ConfigDict({"length": 6, "num_train": 64, "num_test": 20})
    config.model_name, config.model = "recurrent_classifier", ConfigDict({"cell": "rnn", "features": (4,)})
    config.objectives = ConfigDict({"sum": {"name": "regression"}})
    steps = {"num_steps": 9, "log_every": 2, "evaluate_every": 4, "checkpoint_every": 3, "batch_size": 8}
    config.training.update({**steps, "evaluation_batch_size": 8, **training})
    return config


def order_config(**training):
    config = adding_config(**training)
    config.dataset_name, config.dataset = "temporal_order", ConfigDict({"length": 10, "num_train": 16, "num_test": 13})
    config.objectives = ConfigDict({"order": {"name": "classification"}})
    return config


def text_config(**training):
    config = adding_config(k1=5, k2=8, **training)
    config.dataset_name, config.dataset = "small_text", ConfigDict()
    config.model_name = "recurrent_language_model"
    config.model = ConfigDict({"cell": "gru", "features": (4,), "embedding_features": 3, "dropout": 0.2})
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})
    config.baselines = ("ngram", "xz")
    config.generation.prompt = "abc"
    return config


def run(config, folder, devices, **kwargs):
    lines = []
    datasets = {"small_text": small_text, **kwargs.pop("datasets", {})}
    summary = experiment.run(config, folder, devices=devices, say=lines.append, datasets=datasets, **kwargs)
    return summary, lines


def records(folder):
    return [{k: v for k, v in record.items() if k not in TIMES} for record in read_metrics(folder)]


def kept(folder, devices, make):
    """Everything in the newest checkpoint, as NumPy arrays and plain values, times aside."""
    like = compose(make(), devices=devices, datasets={"small_text": small_text}).checkpoint_like()
    step, arrays, values = Checkpoints(folder / "checkpoints").restore_latest(like)
    host = {name: value for name, value in values["host"].items() if "seconds" not in name}
    return step, arrays, {**values, "host": host}


def test_a_language_model_runs_reports_and_generates(tmp_path, one_device):
    config = text_config()
    summary, lines = run(config, tmp_path / "run", one_device)
    report = "\n".join(lines)
    assert "parameters" in report
    assert "interpolated" in report
    assert "xz" in report
    assert set(summary["metrics"]) == {"validation", "test"}
    bits = summary["metrics"]["test"]["bits_per_symbol"]
    np.testing.assert_allclose(bits, summary["metrics"]["test"]["loss"] / math.log(2), rtol=1e-6)
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == summary
    assert json.loads((tmp_path / "run" / "vocabulary.json").read_text())["symbols"][0] == "\ufffd"
    assert (tmp_path / "run" / "plots" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert {"device", "versions", "git_commit", "cpus", "xla_flags", "baselines", "clipped_share"} <= set(summary)
    assert {"grad_norm", "clipped", "learning_rate", "input_share"} <= set(read_metrics(tmp_path / "run")[0])
    sampled = experiment.generate(
        config, tmp_path / "run", datasets={"small_text": small_text}, devices=one_device, say=lines.append
    )
    assert sampled.startswith("abc")
    assert len(sampled) == 303
    parts = []
    own = {"datasets": {"small_text": small_text}, "devices": one_device}
    assert experiment.generate(config, tmp_path / "run", **own, write=parts.append) == sampled
    config.generation.seed = 1
    other = experiment.generate(config, tmp_path / "run", **own, say=lines.append)
    assert other != sampled
    assert other.startswith("abc")
    assert parts[-1] == "\n"
    assert "".join(parts[:-1]) == sampled
    assert len(parts) > 200  # as they were drawn
    evaluated = experiment.evaluate(
        config, tmp_path / "run", datasets={"small_text": small_text}, devices=one_device, say=lines.append
    )
    assert evaluated == summary["metrics"]


@pytest.mark.parametrize("text", [TEXT[:-1], TEXT[:-1] + "z", TEXT[-1] + TEXT[1:]])
def test_a_run_is_not_gone_on_with_or_judged_on_other_data_under_the_same_name(text, tmp_path, one_device):
    """Only a text is written whatever became of the data, as long as symbols are what they were."""
    folder = tmp_path / "run"
    run(text_config(num_steps=2), folder, one_device)
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    other = characters({"train": text, "validation": TEXT[:400], "test": TEXT[500:800]})
    own = {"devices": one_device, "datasets": {"small_text": lambda: other}, "say": lambda line: None}
    for act in (experiment.run, experiment.evaluate, experiment.generate):
        config = text_config(num_steps=3 if act is experiment.run else 2)
        if act is experiment.generate and "z" not in text:
            assert act(config, folder, **own).startswith("abc")
            continue
        allowed = "the same data, or another --workdir" if act is experiment.run else "the same data"
        with pytest.raises(Refused, match=rf"small_text is not what the run in .* began with .*; allowed: {allowed}$"):
            act(config, folder, **own)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("kept", ["[]", '{"vocabulary": 3}'])
def test_a_damaged_fingerprint_is_refused(kept, tmp_path, one_device):
    run(text_config(num_steps=2), tmp_path / "run", one_device)
    (tmp_path / "run" / "data.json").write_text(kept)
    with pytest.raises(Refused, match=r"data.json is damaged"):
        run(text_config(num_steps=3), tmp_path / "run", one_device)


@pytest.mark.parametrize(("limit", "right"), [(2000, True), (1, False)])
def test_weights_are_guessed_until_all_of_the_test_split_is_right(limit, right, tmp_path, one_device):
    config = adding_config(num_steps=1)
    config.dataset_name, config.dataset = "latch", ConfigDict({"length": 8, "num_train": 16, "num_test": 60})
    config.objectives = ConfigDict({"held": {"name": "classification"}})
    config.guesses = limit
    summary, lines = run(config, tmp_path / "run", one_device)
    test = compose(config, devices=one_device).dataset.splits["test"].arrays
    found = guessing.guess(test["inputs"], test["labels"], test["lengths"], at_most=limit)
    assert summary["guesses"] == {"drawn": found[0] if right else limit, "right": right}
    assert f"network{'' if right else 's'}" in lines[-2]
    assert ("was the first right" if right else "none of 1 networks") in lines[-2]


@pytest.mark.parametrize(
    ("name", "fields"), [("temporal_order", {}), ("noise_free_lag", {}), ("digits", {"view": "rows"})]
)
def test_of_more_classes_or_of_labels_at_every_step_none_are_guessed(name, fields, one_device):
    config = adding_config()
    config.dataset_name, config.dataset = name, ConfigDict(fields)
    config.objectives = ConfigDict({"class": {"name": "classification"}})
    config.model_name = "recurrent_tagger" if name == "noise_free_lag" else config.model_name
    config.guesses = 9
    with pytest.raises(ValueError, match=f"guesses is 9; allowed: 0 unless .*classification on {name}"):
        compose(config, devices=one_device)


def plateau_config():
    config = adding_config(evaluate_every=2)
    config.optimizer.update({"learning_rate": 1e-12, "schedule": "plateau", "plateau_patience": 2})
    return config


def lstm_config():
    config = text_config()
    config.model.cell = "lstm"
    return config


@pytest.fixture(
    scope="module",
    params=[adding_config, text_config, pytest.param(lstm_config, marks=pytest.mark.slow), plateau_config],
)
def uninterrupted(request, tmp_path_factory, one_device):
    """A config, the folder of its run in one, and the summary."""
    folder = tmp_path_factory.mktemp("whole")
    summary, _ = run(request.param(), folder, one_device)
    return request.param, folder, summary


@pytest.mark.parametrize("saves", [2, pytest.param(99, marks=pytest.mark.slow)])
def test_a_run_in_two_parts_equals_one_in_one(tmp_path, one_device, uninterrupted, saves, monkeypatch):
    make, whole_folder, whole = uninterrupted
    # The second half starts from what the first left on disk, as after a kill between two steps, or (99) after the
    # last checkpoint and before the summary.
    calls = []
    save = Checkpoints.save

    def killed(self, step, *args):
        save(self, step, *args)
        calls.append(step)
        if len(calls) == saves:
            self.finish()
            raise RuntimeError("killed")

    def killed_in_the_end(*args):
        raise RuntimeError("killed")

    monkeypatch.setattr(Checkpoints, "save", killed)
    monkeypatch.setattr(summaries, "metrics", killed_in_the_end)
    with pytest.raises(RuntimeError, match="killed"):
        run(make(), tmp_path / "parts", one_device)
    monkeypatch.undo()
    parts, lines = run(make(), tmp_path / "parts", one_device)
    assert any("resuming after step" in line for line in lines)
    assert parts["metrics"] == whole["metrics"]
    assert records(tmp_path / "parts") == records(whole_folder)
    one, other = (kept(folder, one_device, make) for folder in (whole_folder, tmp_path / "parts"))
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_finished_run_says_so_and_more_steps_go_on(tmp_path, one_device):
    run(adding_config(), tmp_path / "run", one_device)
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    _, lines = run(adding_config(), tmp_path / "run", one_device)
    assert "is finished (step 9)" in lines[0]
    validated = [record["step"] for record in read_metrics(tmp_path / "run") if record["split"] == "validation"]
    assert validated == [4, 8, 9]  # every 4 steps, and the last
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
    older = json.loads((tmp_path / "run" / "config.json").read_text())
    del older["dynamic_rate"], older["optimizer"]["weight_decay"], older["model"]["dropout"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(older))  # as a version without these fields had kept it
    changed = adding_config()
    changed.optimizer.weight_decay = 0.1
    with pytest.raises(Refused, match=r"optimizer.weight_decay is 0.1, but the run in .* has 0"):
        run(changed, tmp_path / "run", one_device)
    summary, _ = run(adding_config(num_steps=12), tmp_path / "run", one_device)
    assert summary["step"] == 12
    assert read_metrics(tmp_path / "run")[-1]["step"] == 12


@pytest.mark.parametrize("make", [adding_config, pytest.param(lstm_config, marks=pytest.mark.slow)])
def test_jit_and_pmap_on_one_and_eight_devices_agree(tmp_path, make):
    found = []
    for kind, count in (("jit", 1), ("jit", 8), ("pmap", 8)):
        config = make()
        config.model.update({"dropout": 0.0})
        config.parallel = kind
        config.optimizer.clip_norm = 0.1
        folder = tmp_path / f"{kind}{count}"
        run(config, folder, jax.devices()[:count])
        found.append([(r["step"], r["split"], r["loss"], r.get("grad_norm")) for r in read_metrics(folder)])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            assert one[:2] == two[:2]
            np.testing.assert_allclose(np.array(one[2:], float), np.array(two[2:], float), rtol=1e-5)


def test_best_checkpoint_is_kept_and_reported(tmp_path, one_device):
    config = adding_config(num_steps=24, evaluate_every=2)
    config.optimizer.learning_rate = 0.3
    summary, _ = run(config, tmp_path / "run", one_device)
    scores = {r["step"]: r["loss"] for r in read_metrics(tmp_path / "run") if r["split"] == "validation"}
    assert summary["best_step"] == min(scores, key=scores.get)
    np.testing.assert_allclose(summary["metrics"]["validation"]["loss"], min(scores.values()), rtol=1e-6)
    assert summary["best_step"] in Checkpoints(tmp_path / "run" / "checkpoints").steps()


def test_early_stopping_ends_the_run(tmp_path, one_device):
    config = adding_config(num_steps=200, evaluate_every=2, early_stopping_patience=3)
    config.optimizer.learning_rate = 0.0
    summary, _ = run(config, tmp_path / "run", one_device)
    assert summary["step"] == 2 + 3 * 2
    _, lines = run(config, tmp_path / "run", one_device)
    assert "is finished" in lines[0]


def test_the_best_state_patience_and_plateau_go_by_the_objectives_own_measure(tmp_path, one_device):
    """In this run accuracy and loss are best at other steps, and the run ends at another."""
    config = order_config(num_steps=40, evaluate_every=2, log_every=2, early_stopping_patience=4)
    config.seed = 1
    config.optimizer.update({"learning_rate": 0.03, "schedule": "plateau", "plateau_patience": 2, "decay_factor": 0.5})
    summary, _ = run(config, tmp_path / "run", one_device)
    found = read_metrics(tmp_path / "run")
    scores = {r["step"]: r["accuracy"] for r in found if r["split"] == "validation"}
    best, best_step, waited, since, rate, rates = -np.inf, 0, 0, 0, 0.03, {}
    for step, score in scores.items():
        rates[step] = rate  # of the record before the evaluation
        waited, since = (0, 0) if score > best else (waited + 1, since + 1)
        best, best_step = (score, step) if score >= best else (best, best_step)
        rate, since = (rate / 2, 0) if since == 2 else (rate, since)
    assert summary["best_step"] == best_step
    assert waited == 4, "it stopped for another reason"
    assert {r["step"]: r["learning_rate"] for r in found if r["split"] == "train"} == pytest.approx(rates)
    losses = {r["step"]: r["loss"] for r in found if r["split"] == "validation"}
    assert min(losses, key=lambda step: (losses[step], -step)) != best_step


def test_plateau_lowers_the_rate(tmp_path, one_device):
    run(plateau_config(), tmp_path / "run", one_device)
    # The score never changes: evaluations after steps 2, 4, 6, 8 are the best one, two without a better one (then
    # the rate is halved), and one more.
    rates = {r["step"]: r["learning_rate"] for r in read_metrics(tmp_path / "run") if r["split"] == "train"}
    assert rates == pytest.approx({2: 1e-12, 4: 1e-12, 6: 1e-12, 8: 5e-13, 9: 5e-13})


def test_a_loss_that_is_not_finite_stops_the_run_and_leaves_the_last_good_checkpoint(tmp_path, one_device):
    def poisoned():
        random = np.random.default_rng(0)
        arrays = {
            "inputs": random.normal(size=(64, 5, 2)).astype(np.float32),
            "labels": random.normal(size=(64, 1)).astype(np.float32),
        }
        train = {name: array.copy() for name, array in arrays.items()}
        train["labels"][train["inputs"][:, 0, 0].argmax()] = np.nan
        splits = {"train": Examples(train), "validation": Examples(arrays), "test": Examples(arrays)}
        return Dataset(splits, {"num_outputs": 1})

    config = adding_config(checkpoint_every=1, log_every=1)
    config.dataset_name, config.dataset = "poisoned", ConfigDict()
    with pytest.raises(Diverged, match=r"step \d+: the loss is nan .*optimizer\.learning_rate") as caught:
        run(config, tmp_path / "run", one_device, datasets={"poisoned": poisoned})
    step = int(str(caught.value).split(":")[0].removeprefix("step "))
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    assert (checkpoints.steps() or [0])[0] == step - 1
    assert all(checkpoints.fault(kept) is None for kept in checkpoints.steps())


class Constant(nn.Module):
    """Somebody's own model."""

    num_outputs: int
    scale: float = 1.0

    @nn.compact
    def __call__(self, inputs, lengths=None, *, train=False):
        return self.scale * Dense(self.num_outputs)(inputs.mean(1))


def absolute_error(outputs, labels, mask):
    return {"loss": metrics.weighted(abs(outputs - labels).mean(-1) + 0 * losses.squared_error(outputs, labels), mask)}


def test_own_rows_join_the_tables_without_touching_the_package(tmp_path, one_device):
    config = adding_config()
    config.model_name, config.model = "constant", ConfigDict({"scale": 0.5})
    config.dataset_name, config.dataset = "tiny", ConfigDict({"size": 16})
    config.objectives = ConfigDict({"sum": {"name": "absolute"}})

    def tiny(size: int = 4):
        arrays = {
            "inputs": np.linspace(0, 1, size * 6, dtype=np.float32).reshape(size, 3, 2),
            "labels": np.ones((size, 1), np.float32),
        }
        return Dataset(dict.fromkeys(("train", "validation", "test"), Examples(arrays)), {"num_outputs": 1})

    own = {
        "models": {"constant": Constant},
        "datasets": {"tiny": tiny},
        "objectives": {"absolute": Objective(absolute_error)},
    }
    summary, _ = run(config, tmp_path / "run", one_device, **own)
    assert summary["step"] == 9
    with pytest.raises(Refused, match="'recurrent_tagger' is already"):
        run(config, tmp_path / "other", one_device, models={"recurrent_tagger": Constant})


def changed(**fields):
    config = adding_config().to_dict()
    for name, value in fields.items():
        *groups, last = name.split("__")
        functools.reduce(dict.__getitem__, groups, config)[last] = value
    return config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_name": "recurent_classifier"}, r"model_name is .*did you mean recurrent_classifier\?"),
        ({"dataset_name": "ading"}, r"dataset_name is .*did you mean adding\?"),
        ({"model__feature": (3,)}, r"field of config\.model is 'feature' \(did you mean features\?"),
        ({"model__features": 3}, r"config\.model\.features is 3"),
        ({"model__cell": "lsmt"}, r"cell is 'lsmt'; allowed: rnn, lstm, gru"),
        ({"model__cell_options": {"bias": 1}}, r"cell_options of rnn"),
        ({"model__representation": "end"}, r"representation is 'end'"),
        ({"training__num_steps": -5}, r"training\.num_steps is -5; allowed: 0 or more"),
        ({"training__batch_size": 0}, r"batch_size is 0; allowed: 1 or more"),
        ({"optimizer__learning_rate": "fast"}, r"learning_rate is 'fast', str; allowed: float"),
        ({"objectives": {}}, r"objectives is empty"),
        ({"objectives": {"sum": {"name": "regresion"}}}, r"did you mean regression\?"),
        ({"objectives": {"sum": {"name": "classification"}}}, r"classification compares"),
        ({"baselines": ("zip",)}, r"baselines is 'zip'"),
        ({"baselines": ("ngram",)}, r"baselines is .*allowed: \(\) unless .*\(here regression on adding\)"),
        ({"objectives": {"sum": {"name": "regression", "labels": "targets"}}}, r"labels is 'targets'; allowed: inputs"),
        ({"objectives": {"sum": {"name": "regression", "weight": "heavy"}}}, r"weight is 'heavy', str; allowed: float"),
        ({"training__k1": 3, "training__k2": 8}, r"k1 is 3 .*allowed on adding, which is no stream: 0"),
        ({"model__dropout": 1.5}, r"dropout is 1\.5; allowed: 0 or more, below 1"),
        ({"objectives": {"sum": {"name": "regression", "weight": -1.0}}}, r"weight is -1\.0; allowed: 0 or more"),
        ({"name": "a/b"}, r"name is 'a/b'"),
        ({"seed": -1}, r"seed is -1; allowed: 0 or more"),
        ({"guesses": -1}, r"guesses is -1; allowed: 0 or more"),
        ({"guesses": 9}, r"guesses is 9; allowed: 0 unless .*two classes.*\(here regression on adding\)"),
        ({"sead": 1}, r"field of config is 'sead' \(did you mean seed\?"),
        ({"model_name": "conv_net_2d", "model": {}}, r"."),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_before_anything_is_written(tmp_path, one_device, fields, message):
    with pytest.raises(Refused, match=message) as caught:
        run(changed(**fields), tmp_path / "run", one_device)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_without_a_validation_split_is_refused(tmp_path, one_device):
    with pytest.raises(Refused, match="has the splits train; allowed: train, validation"):
        run(
            changed(dataset_name="bare", dataset={}),
            tmp_path / "run",
            one_device,
            datasets={"bare": lambda: Dataset({"train": Examples({"inputs": np.zeros((4, 3, 2))})}, {})},
        )


class Centred(nn.Module):
    """A model that keeps something beside its parameters: a running mean of its inputs."""

    num_outputs: int

    @nn.compact
    def __call__(self, inputs, lengths=None, *, train=False):
        mean = self.variable("batch_stats", "mean", jnp.zeros, ())
        if train:
            mean.value = 0.5 * mean.value + 0.5 * inputs.mean()
        return Dense(self.num_outputs)(inputs.mean(1) - mean.value)


def test_a_language_model_with_penalties_stands_beside_other_models_of_its_text(tmp_path, one_device, monkeypatch):
    monkeypatch.setattr(scores, "BLOCK", 10)
    config = text_config(num_steps=2)
    config.model.with_hidden = True
    config.objectives = ConfigDict(
        {
            "next": {"name": "language_modelling", "output": "symbols"},
            "penalty": {"name": "activation", "output": "dropped"},
            "penalty_on_changes": {"name": "slowness", "output": "hidden"},
        }
    )
    config.baselines, config.dynamic_rate = ("ngram",), 0.1
    summary, lines = run(config, tmp_path / "run", one_device)
    bits = summary["metrics"]["test"]["next/bits_per_symbol"]
    assert {"this run, dynamic"} < set(summary["baselines"])
    assert abs(summary["baselines"]["this run, dynamic"] - bits) < 0.1
    assert "| this run " in "\n".join(lines)
    assert (tmp_path / "run" / "plots" / "learning_curve.png").exists()
    intervals = summary["intervals"]["test"]
    assert set(intervals) == {"next/bits_per_symbol", "next/perplexity"}
    for name, (low, high) in intervals.items():
        assert low < summary["metrics"]["test"][name] < high


def test_what_a_model_keeps_beside_its_parameters_is_trained_checkpointed_and_resumed(tmp_path, one_device):
    own = {"models": {"centred": Centred}}

    def config(num_steps):
        found = adding_config(num_steps=num_steps)
        found.model_name, found.model = "centred", ConfigDict()
        return found

    whole, _ = run(config(9), tmp_path / "whole", one_device, **own)
    run(config(4), tmp_path / "parts", one_device, **own)
    parts, _ = run(config(9), tmp_path / "parts", one_device, **own)
    assert parts["metrics"] == whole["metrics"]
    like = compose(config(9), devices=one_device, **own).checkpoint_like()
    found = [Checkpoints(tmp_path / name / "checkpoints").restore_latest(like) for name in ("whole", "parts")]
    means = [arrays["state"].statistics["batch_stats"]["mean"] for _, arrays, _ in found]
    assert means[0] == means[1] != 0


def test_how_text_is_sampled_may_change_and_nothing_else(tmp_path, one_device):
    own = {"devices": one_device, "datasets": {"small_text": small_text}, "say": lambda line: None}
    run(text_config(), tmp_path / "run", one_device)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    config = text_config()
    config.generation.update({"prompt": "ba", "length": 5, "temperature": 0.0})
    assert len(experiment.generate(config, tmp_path / "run", **own)) == 7
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    config.seed = 4
    with pytest.raises(Refused, match="seed is 4"):
        experiment.generate(config, tmp_path / "run", **own)


def test_a_damaged_checkpoint_is_told_and_another_is_evaluated(tmp_path, one_device):
    run(adding_config(), tmp_path / "run", one_device)
    newest = Checkpoints(tmp_path / "run" / "checkpoints").steps()[0]
    largest = max((tmp_path / "run" / "checkpoints" / str(newest)).rglob("*"), key=lambda p: p.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    lines = []
    experiment.evaluate(adding_config(), tmp_path / "run", devices=one_device, say=lines.append)
    assert f"checkpoint of step {newest} cannot be used" in lines[0]


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_and_left_as_it_is(tmp_path, one_device):
    run(adding_config(), tmp_path / "run", one_device)
    for step in Checkpoints(tmp_path / "run" / "checkpoints").steps():
        next((tmp_path / "run" / "checkpoints" / str(step)).glob("*METADATA*")).write_bytes(b"")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(Refused, match=r"no checkpoint in .* is whole \(step 9: .* has changed"):
        run(adding_config(num_steps=12), tmp_path / "run", one_device)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_two_objectives_train_together(tmp_path, one_device):
    config = adding_config()
    config.objectives = ConfigDict({"sum": {"name": "regression"}, "again": {"name": "regression", "weight": 0.5}})
    summary, _ = run(config, tmp_path / "run", one_device)
    found = summary["metrics"]["test"]
    assert found["loss"] == pytest.approx(1.5 * found["sum/loss"])


def test_evaluating_what_was_never_trained_is_refused(tmp_path, one_device):
    with pytest.raises(Refused, match="no whole checkpoint"):
        experiment.evaluate(adding_config(), tmp_path / "run", devices=one_device)
    run(adding_config(), tmp_path / "run", one_device)
    with pytest.raises(Refused, match="cannot generate"):
        experiment.generate(adding_config(), tmp_path / "run", devices=one_device)


def test_time_to_the_first_step_is_said(tmp_path, one_device, capsys):
    run(adding_config(), tmp_path / "run", one_device, started=time.monotonic() - 100)
    assert "first step done 10" in capsys.readouterr().err


def test_a_classifier_leaves_scores_intervals_and_predictions_of_the_test_split(tmp_path, one_device, monkeypatch):
    config = order_config(num_steps=2)
    config.published = ConfigDict({"accuracy": (0.99, "a paper")})
    drawn = []
    save = plots._save
    monkeypatch.setattr(
        plots, "_save", lambda figure, path, **kw: (drawn.append((path, figure)), save(figure, path, **kw))
    )
    summary, lines = run(config, tmp_path / "run", one_device)
    test, (low, high) = summary["metrics"]["test"], summary["intervals"]["test"]["accuracy"]
    assert {"loss", "accuracy", "mcc", "macro_f1"} <= set(test)
    assert low <= test["accuracy"] <= high
    assert "95 % interval" in "\n".join(lines)
    found = np.load(tmp_path / "run" / "predictions" / "test.npz")
    split = compose(config, devices=one_device).dataset.splits["test"]
    np.testing.assert_array_equal(found["order/labels"], split.arrays["labels"])
    assert (found["order/outputs"].argmax(-1) == found["order/labels"]).mean() == pytest.approx(test["accuracy"])
    figure = dict(drawn)[tmp_path / "run" / "plots" / "confusion_order.png"]
    counts = {tuple(np.array(text.get_position()).astype(int)): int(text.get_text()) for text in figure.axes[0].texts}
    pairs = list(zip(found["order/outputs"].argmax(-1).tolist(), found["order/labels"].tolist(), strict=True))
    assert counts == {(answer, label): pairs.count((answer, label)) for answer in range(4) for label in range(4)}
    assert any(counts[one] != counts[one[::-1]] for one in counts)
    logged = [record for record in read_metrics(tmp_path / "run") if record["split"] == "train"]
    assert summary["training"] == {name: logged[-1][name] for name in ("accuracy", "loss")}


@pytest.mark.parametrize("figure", [0.9, (0.9,), ("0.9", "a paper")])
def test_a_published_figure_has_a_value_and_a_source(tmp_path, one_device, figure):
    with pytest.raises(Refused, match=r"published.loss is .*; allowed: \(value, source\), \(None, source\)"):
        run(changed(published={"loss": figure}), tmp_path / "run", one_device)


def pairs_config():
    config = adding_config(num_steps=2)
    config.dataset_name = "reverse"
    config.dataset = ConfigDict({"num_train": 16, "num_test": 9, "min_length": 2, "max_length": 4, "symbols": 3})
    config.model_name, config.model = (
        "sequence_to_sequence",
        ConfigDict({"features": 4, "embedding_features": 3, "maxout_features": 4}),
    )
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})
    config.generation.update({"length": 5, "beam_width": 2, "prompt": "cab"})
    config.training.num_shapes = 1
    return config


def test_a_model_of_pairs_decodes_its_test_split_and_generates(tmp_path, one_device):
    config = pairs_config()
    summary, _ = run(config, tmp_path / "run", one_device)
    test = summary["metrics"]["test"]
    assert {"greedy/exact_match", "beam/exact_match", "greedy/token_accuracy"} <= set(test)
    assert "greedy/exact_match" in summary["intervals"]["test"]
    found = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "test.jsonl").read_text().splitlines()]
    assert len(found) == 9
    assert all(one["target"] == one["source"][::-1] for one in found)
    right = sum(one["beam"] == one["target"] for one in found) / 9
    assert test["beam/exact_match"] == pytest.approx(right)
    # The loss of the test split is a mean over the symbols of its targets, of which the end is one.
    symbols = sum(len(one["target"]) + 1 for one in found)
    assert -sum(one["log_probability"] for one in found) / symbols == pytest.approx(test["loss"], rel=1e-4)
    each = [(len(one["target"]), one["log_probability"]) for one in found]
    assert np.corrcoef(np.transpose(each))[0, 1] < -0.8  # it has learnt little yet: every symbol costs as much

    one, lines = found[0], []
    config.generation.prompt = one["source"]
    said = experiment.generate(config, tmp_path / "run", devices=one_device, say=lines.append)
    assert lines == [said]
    source, greedy, *beam = [line.split(maxsplit=1) for line in said.splitlines()[1:]]
    assert source == ["source", one["source"]]
    assert greedy[1].split()[1:] == one["greedy"].split()
    assert [row[1].split()[0] for row in beam] == ["1", "2"]
    assert beam[0][1].split()[2:] == one["beam"].split()
    assert 0 > float(beam[0][1].split()[1]) >= float(beam[1][1].split()[1])
    config.generation.beam_width = 1
    alone = experiment.generate(config, tmp_path / "run", devices=one_device, say=lines.append)
    assert alone.splitlines() == said.splitlines()[:3]


def test_a_prompt_that_a_language_model_cannot_read_is_refused_and_without_one_it_goes_on_from_validation(
    tmp_path, one_device
):
    config = text_config()
    config.generation.prompt = "ab!b?"
    with pytest.raises(Refused, match=r"prompt is 'ab!b\?', with unknown '!', '\?'; allowed: symbols of the training"):
        run(config, tmp_path / "run", one_device)
    assert list(tmp_path.iterdir()) == []
    config.generation.prompt = ""
    composed = compose(config, devices=one_device, datasets={"small_text": small_text})
    written = "".join(samples.text(composed, composed.initial_state().variables))
    assert written.startswith(TEXT[:10])
    assert len(written) == 10 + config.generation.length


@pytest.mark.parametrize(
    ("tokens", "prompt", "message"),
    [
        ("characters", "cadda!b", "prompt is 'cadda!b', with unknown 'd', '!'; allowed: characters of the training"),
        ("words", "a new c", "prompt is 'a new c', with unknown 'new'; allowed: words of the training pairs"),
        ("words", " \n", r"prompt is ' \\n', a source without words; allowed: one or more"),
        ("words", "", "prompt is '', a source without words; allowed: one or more"),
    ],
)
def test_a_prompt_that_a_model_of_pairs_cannot_read_is_refused(tmp_path, one_device, tokens, prompt, message):
    (tmp_path / "pairs.tsv").write_text("".join(f"a {x} c\t{x} c\n" for x in "bababbaabb"))
    config = pairs_config()
    config.dataset_name = "text_pairs"
    config.dataset = ConfigDict({"files": str(tmp_path / "pairs.tsv"), "tokens": tokens})
    config.generation.prompt = prompt
    with pytest.raises(Refused, match=message):
        experiment.generate(config, tmp_path / "run", devices=one_device)
    assert not (tmp_path / "run").exists()


def test_an_unknown_word_is_read_by_a_model_that_has_learnt_from_some(tmp_path, one_device):
    (tmp_path / "pairs.tsv").write_text("".join(f"a {x} c\t{x} c\n" for x in "bdefghijkl"))
    config = pairs_config()
    config.dataset_name = "text_pairs"
    config.dataset = ConfigDict({"files": str(tmp_path / "pairs.tsv"), "tokens": "words", "min_count": 3})
    config.generation.prompt = "a new c"
    run(config, tmp_path / "run", one_device)
    said = experiment.generate(config, tmp_path / "run", devices=one_device, say=[].append)
    assert said.splitlines()[1].split() == ["source", "a", "<unk>", "c"]
