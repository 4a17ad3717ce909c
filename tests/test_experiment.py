"""Runs in one process: composed from tables, resumed, evaluated, sampled, and refused when nothing fits."""

import functools
import json
import math
import time

import flax.linen as nn
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import experiment
from sequence_lab.data import Dataset, Examples, characters
from sequence_lab.nn import Dense
from sequence_lab.ops import losses, metrics
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


def final_arrays(folder, step):
    files = sorted((folder / "checkpoints" / str(step) / "arrays").rglob("*"))
    assert files
    checkpoints = Checkpoints(folder / "checkpoints")
    assert checkpoints.fault(step) is None
    return checkpoints


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
    assert (tmp_path / "run" / "plots" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert {"device", "versions", "git_commit", "cpus", "xla_flags", "baselines", "clipped_share"} <= set(summary)
    assert {"grad_norm", "clipped", "learning_rate", "input_share"} <= set(read_metrics(tmp_path / "run")[0])
    sampled = experiment.generate(
        config, tmp_path / "run", datasets={"small_text": small_text}, devices=one_device, say=lines.append
    )
    assert sampled.startswith("abc")
    assert len(sampled) == 303
    evaluated = experiment.evaluate(
        config, tmp_path / "run", datasets={"small_text": small_text}, devices=one_device, say=lines.append
    )
    assert evaluated == summary["metrics"]


@pytest.mark.parametrize("make", [adding_config, text_config])
def test_a_run_in_two_parts_equals_one_in_one(tmp_path, one_device, make, monkeypatch):
    whole, _ = run(make(), tmp_path / "whole", one_device)
    # The second half starts from what the first left on disk, as after a kill between two steps.
    calls = []
    save = Checkpoints.save

    def killed_after_the_second(self, step, *args):
        save(self, step, *args)
        calls.append(step)
        if len(calls) == 2:
            self.finish()
            raise RuntimeError("killed")

    monkeypatch.setattr(Checkpoints, "save", killed_after_the_second)
    with pytest.raises(RuntimeError, match="killed"):
        run(make(), tmp_path / "parts", one_device)
    monkeypatch.undo()
    parts, lines = run(make(), tmp_path / "parts", one_device)
    assert any("resuming after step" in line for line in lines)
    assert parts["metrics"] == whole["metrics"]
    assert records(tmp_path / "parts") == records(tmp_path / "whole")


def test_a_finished_run_says_so_and_more_steps_go_on(tmp_path, one_device):
    run(adding_config(), tmp_path / "run", one_device)
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    _, lines = run(adding_config(), tmp_path / "run", one_device)
    assert "is finished (step 9)" in lines[0]
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
    summary, _ = run(adding_config(num_steps=12), tmp_path / "run", one_device)
    assert summary["step"] == 12
    assert read_metrics(tmp_path / "run")[-1]["step"] == 12


def test_jit_and_pmap_on_one_and_eight_devices_agree(tmp_path):
    found = []
    for kind, count in (("jit", 1), ("jit", 8), ("pmap", 8)):
        config = adding_config()
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


def test_plateau_lowers_the_rate(tmp_path, one_device):
    config = adding_config(num_steps=12, evaluate_every=2)
    config.optimizer.update({"learning_rate": 1e-12, "schedule": "plateau", "plateau_patience": 2})
    run(config, tmp_path / "run", one_device)
    rates = [r["learning_rate"] for r in read_metrics(tmp_path / "run") if r["split"] == "train"]
    assert rates[0] == pytest.approx(1e-12)
    assert rates[-1] == pytest.approx(0.5 * rates[0]) or rates[-1] == pytest.approx(0.25 * rates[0])


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
        ({"model__feature": (3,)}, r"field of config\.model is 'feature'.*did you mean features\?"),
        ({"model__features": 3}, r"config\.model\.features is 3"),
        ({"model__cell": "lsmt"}, r"cell is 'lsmt'; allowed: rnn, lstm, gru"),
        ({"model__cell_options": {"bias": 1}}, r"cell_options of rnn"),
        ({"model__representation": "first"}, r"representation is 'first'"),
        ({"training__num_steps": -5}, r"training\.num_steps is -5; allowed: 0 or more"),
        ({"training__batch_size": 65}, r"batch_size is 65; allowed: 1 to 64"),
        ({"optimizer__learning_rate": "fast"}, r"learning_rate is 'fast', str; allowed: float"),
        ({"objectives": {}}, r"objectives is empty"),
        ({"objectives": {"sum": {"name": "regresion"}}}, r"did you mean regression\?"),
        ({"objectives": {"sum": {"name": "classification"}}}, r"classification compares"),
        ({"baselines": ("zip",)}, r"baselines is 'zip'"),
        ({"sead": 1}, r"field of config is 'sead'.*did you mean seed\?"),
        ({"model_name": "conv_net_2d", "model": {}}, r"."),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_before_anything_is_written(tmp_path, one_device, fields, message):
    with pytest.raises(Refused, match=message) as caught:
        run(changed(**fields), tmp_path / "run", one_device)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_evaluating_what_was_never_trained_is_refused(tmp_path, one_device):
    with pytest.raises(Refused, match="no whole checkpoint"):
        experiment.evaluate(adding_config(), tmp_path / "run", devices=one_device)
    run(adding_config(), tmp_path / "run", one_device)
    with pytest.raises(Refused, match="cannot generate"):
        experiment.generate(adding_config(), tmp_path / "run", devices=one_device)


def test_time_to_the_first_step_is_said(tmp_path, one_device, capsys):
    run(adding_config(), tmp_path / "run", one_device, started=time.monotonic() - 100)
    assert "first step done 10" in capsys.readouterr().err
