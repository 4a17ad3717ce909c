"""The table of many runs: seeds and folds are merged, what else differs is not, every figure has its command."""

import ast
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from experiments import adding_lstm
from sequence_lab import reports, schema
from sequence_lab.composition import tables
from sequence_lab.config import resolved
from sequence_lab.schema import Refused
from sequence_lab.sweeps.space import search_space
from sequence_lab.sweeps.study import folder_name

OBJECTIVES = {"class": {"name": "classification"}}


def finished(
    folder, scores, *, seed=0, published=None, intervals=None, command="python launch.py", more=None, **fields
):
    """A run's folder, as far as a report reads it."""
    config = {"name": "small", "seed": seed, "objectives": OBJECTIVES, "replicates": ["dataset.fold"], **fields}
    config["published"] = published or {}
    summary = {
        "experiment": config["name"],
        "metrics": {"validation": {"accuracy": 0.1}, "test": scores},
        "seconds": 90.0,
        "command": command,
        "intervals": {"test": intervals or {}},
        **(more or {}),
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "summary.json").write_text(json.dumps(summary))


def report(tmp_path, **kwargs):
    lines = []
    rows = reports.write([tmp_path / "runs"], tmp_path / "out", lines.append)
    return rows, "\n".join(lines)


def test_seeds_and_folds_are_one_row_and_other_fields_are_not(tmp_path):
    for number, (seed, fold, layer) in enumerate([(0, 0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 2)]):
        dataset = {"fold": fold, "layer": layer, "leaked": False}
        finished(tmp_path / "runs" / str(number), {"accuracy": 0.7 + number / 10}, seed=seed, dataset=dataset)
    rows, text = report(tmp_path)
    assert [(row["experiment"], row["runs"], row["scores"]) for row in rows] == [
        ("small: layer 1", "3", [0.7, 0.7999999999999999, 0.8999999999999999]),
        ("small: layer 2", "1", [1.0]),
    ]
    assert rows[0]["ours"] == "0.80 ± 0.25"
    assert rows[0]["minutes"] == "1.5"
    assert "| small: layer 1 |" in text


def test_runs_over_data_that_changed_between_them_are_apart(tmp_path):
    data = {"changed": {"inputs of train": {"size": [4], "crc32": 1}}, "first": {"inputs of train": {"size": [3]}}}
    data["first"]["inputs of train"]["crc32"] = 1
    for number, (fold, which) in enumerate([(0, None), (0, "first"), (1, "first"), (0, "changed"), (0, "first")]):
        folder = tmp_path / "runs" / str(number)
        finished(folder, {"accuracy": number / 10}, seed=number, dataset={"fold": fold})
        if which is not None:
            (folder / "data.json").write_text(json.dumps(data[which]))
    rows, _ = report(tmp_path)
    assert [(row["experiment"], row["scores"]) for row in rows] == [
        ("small: data 1, fold 0", [0.0, 0.1, 0.4]),
        ("small: data 1, fold 1", [0.2]),
        ("small: data 2, fold 0", [0.3]),
    ]


def test_data_have_the_same_number_at_each_point_and_folds_on_either_are_not_averaged(tmp_path):
    runs = [(0, 0.1, "old"), (0, 0.1, "new"), (0, 0.2, "new"), (1, 0.1, "new")]
    for number, (fold, rate, which) in enumerate(runs):
        folder = tmp_path / "runs" / str(number)
        finished(folder, {"accuracy": number / 10}, dataset={"fold": fold}, model={"dropout": rate})
        (folder / "data.json").write_text(json.dumps({"inputs of train": {"size": [fold], "crc32": which}}))
    rows, _ = report(tmp_path)
    assert [(row["experiment"], row["scores"]) for row in rows] == [
        ("small: data 1, fold 0, dropout 0.1", [0.0]),
        ("small: data 2, fold 0, dropout 0.1", [0.1]),
        ("small: data 2, fold 0, dropout 0.2", [0.2]),
        ("small: data 1, fold 1, dropout 0.1", [0.3]),
    ]


def test_a_field_that_there_was_not_yet_has_its_default(tmp_path):
    config = resolved(schema.plain(adding_lstm.get_config()), tables())
    older = {**config, "optimizer": {k: v for k, v in config["optimizer"].items() if k != "average_from"}}
    for number, kept in enumerate((older, config)):
        finished(tmp_path / "runs" / str(number), {"loss": 0.5 + number}, **{**kept, "seed": number})
    rows, _ = report(tmp_path)
    assert [(row["experiment"], row["scores"]) for row in rows] == [("adding_lstm", [0.5, 1.5])]


def test_published_figures_stand_beside_ours_with_their_commands(tmp_path):
    published = {"mcc": [0.5, "a paper"], "accuracy": [0.75, "another"]}
    scores, intervals = {"accuracy": 0.8, "mcc": 0.6}, {"mcc": [0.5, 0.7]}
    finished(tmp_path / "runs" / "a", scores, published=published, intervals=intervals, command="python launch.py --a")
    finished(tmp_path / "runs" / "b", {"accuracy": 0.3}, name="other", command="python launch.py --b")
    rows, text = report(tmp_path)
    assert [(row["experiment"], row["measure"], row["published"]) for row in rows] == [
        ("other", "accuracy", "-"),
        ("small", "mcc", "0.5 (a paper)"),
        ("small", "accuracy", "0.75 (another)"),
    ]
    assert rows[1]["ours"] == "0.6 (0.5 to 0.7 over rows)"
    assert rows[2]["ours"] == "0.8"
    assert "1. `python launch.py --b`\n2. `python launch.py --a`" in text
    assert (tmp_path / "out" / "results.md").read_text().strip() in text
    assert (tmp_path / "out" / "results.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == rows


def test_runs_over_the_same_rows_have_the_interval_over_these_and_folds_have_not(tmp_path):
    for number, fold in enumerate((0, 0, 1)):
        scores, intervals = {"accuracy": 0.8 + number / 50}, {"accuracy": [0.7 + number / 50, 0.9 + number / 50]}
        kept = {"seed": number, "dataset": {"fold": fold}, "name": "folds" if fold else "seeds"}
        finished(tmp_path / "runs" / str(number), scores, intervals=intervals, **kept)
    scores, intervals = {"accuracy": 0.85}, {"accuracy": [0.8, 0.9]}
    finished(tmp_path / "runs" / "other", scores, intervals=intervals, dataset={"fold": 0}, name="folds")
    rows, _ = report(tmp_path)
    assert [(row["experiment"], row["ours"]) for row in rows] == [
        ("folds", "0.845 ± 0.064"),
        ("seeds", "0.81 ± 0.13 (0.71 to 0.91 over rows)"),
    ]
    finished(tmp_path / "runs" / "all", {"accuracy": 1.0}, intervals={"accuracy": [1.0, 1.0]}, name="all")
    assert report(tmp_path)[0][0]["ours"] == "1"


def test_copies_of_a_run_count_once_and_another_outcome_of_its_seed_is_another_run(tmp_path):
    runs = {"a": (0, 0.7), "b": (1, 0.8), "copy": (0, 0.7), "other/sweep": (1, 0.8), "again": (1, 0.9)}
    for folder, (seed, accuracy) in runs.items():
        finished(tmp_path / "runs" / folder, {"accuracy": accuracy}, seed=seed)
    rows, _ = report(tmp_path)
    assert [(row["runs"], sorted(row["scores"])) for row in rows] == [("3", [0.7, 0.8, 0.9])]


def test_seeds_that_succeed_or_fail_are_listed(tmp_path):
    for seed, accuracy in enumerate((1.0, 1.0, 0.0)):
        finished(tmp_path / "runs" / str(seed), {"accuracy": accuracy}, seed=seed)
    rows, _ = report(tmp_path)
    assert rows[0]["ours"] == "0.667 (1, 1, 0)"


def test_training_and_other_models_of_the_text_can_be_shown_too(tmp_path):
    published = {"perplexity, KN5": [10.0, "a paper"], "train accuracy": [None, "drawn"], "loss": [None, ""]}
    for seed, bits in enumerate((3.0, 4.0)):
        more = {"training": {"accuracy": 0.75}, "baselines": {"KN5": bits}}
        finished(tmp_path / "runs" / str(seed), {"loss": 1.5}, seed=seed, published=published, more=more)
    rows, _ = report(tmp_path)
    assert [(row["measure"], row["published"], row["scores"]) for row in rows] == [
        ("perplexity, KN5", "10 (a paper)", [8.0, 16.0]),
        ("train accuracy", "- (drawn)", [0.75, 0.75]),
        ("loss", "-", [1.5, 1.5]),
    ]


def test_a_measure_that_no_run_has_is_not_measured(tmp_path):
    for seed, scores in enumerate(({"accuracy": 0.8}, {"accuracy": 0.8, "mcc": 0.5})):
        published = {"f1": [0.5, "a paper"], "mcc": [0.5, "a paper"]}
        intervals = {"mcc": [0.4, 0.6]} if "mcc" in scores else {}
        finished(tmp_path / "runs" / str(seed), scores, seed=seed, published=published, intervals=intervals)
    rows, _ = report(tmp_path)
    shown = [(row["measure"], row["ours"], row["runs"]) for row in rows]
    assert shown == [("f1", "not measured", "0"), ("mcc", "0.5 (0.4 to 0.6 over rows)", "1")]


def test_guesses_are_a_measure_and_a_run_in_which_none_was_right_makes_them_infinite(tmp_path):
    published = {"accuracy": [None, ""], "guesses": [None, "a paper"]}
    for number, (lag, right) in enumerate([(20, True), (20, True), (50, True), (50, False)]):
        more = {"guesses": {"drawn": 40 + 20 * number, "right": right}}
        kept = {"seed": number, "dataset": {"length": lag}, "guesses": 10 * number}
        finished(tmp_path / "runs" / str(number), {"accuracy": 1.0}, published=published, more=more, **kept)
    rows, _ = report(tmp_path)
    found = [(row["experiment"], row["published"], row["ours"]) for row in rows if row["measure"] == "guesses"]
    assert found == [("small: length 20", "- (a paper)", "50 (40, 60)"), ("small: length 50", "- (a paper)", "inf")]


def test_no_finished_run_is_one_line(tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(Refused, match="where no run is finished; allowed: folders of runs or sweeps"):
        report(tmp_path)
    assert not (tmp_path / "out").exists()


ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "docs" / "results"


def test_the_results_that_are_kept_are_those_of_their_summaries_and_of_the_readme(tmp_path):
    reports.write([KEPT], tmp_path, lambda line: None)
    table = (tmp_path / "results.md").read_text()
    assert table == (KEPT / "results.md").read_text()
    assert table in (ROOT / "README.md").read_text()


def first_rows():
    """Of each experiment that has kept runs, at each point of its sweep if there was one, the first measure."""
    rows = json.loads((KEPT / "results.json").read_text())
    return {row["experiment"]: row for row in reversed(rows)}


@pytest.mark.parametrize("title", sorted(first_rows()))
def test_what_an_experiment_says_of_itself_is_what_its_kept_runs_came_to(title):
    scores = first_rows()[title]["scores"]
    mean = sum(scores) / len(scores)
    forms = ("{:.3g}", "{:.4g}", "{:.2f}", "{:.3f}", "{:.5f}")
    written = {form.format(mean) for form in forms} | {f"{100 * mean:.1f}", f"{100 * mean:.2f}"}
    written = {form for form in written if len(form.replace(".", "")) >= 3}  # a "1" or "0" may stand for anything
    doc = ast.get_docstring(ast.parse((ROOT / "experiments" / f"{title.partition(':')[0]}.py").read_text()))
    assert written & set(re.findall(r"\d+(?:\.\d+)?", doc))


@pytest.mark.parametrize("name", sorted({title.partition(":")[0] for title in first_rows()}))
def test_an_experiment_takes_the_minutes_that_its_kept_runs_took(name):
    took = [float(row["minutes"]) for title, row in first_rows().items() if title.partition(":")[0] == name]
    doc = ast.get_docstring(ast.parse((ROOT / "experiments" / f"{name}.py").read_text()))
    said = re.findall(r"(\d+(?:\.\d+)?)(?: to (\d+(?:\.\d+)?))?\s+minutes?\b", doc)
    ranges = [(float(low) / 1.5 - 0.1, float(high or low) * 1.5 + 0.1) for low, high in said]
    assert any(low <= minutes <= high for low, high in ranges for minutes in took)


@pytest.mark.parametrize(
    "command", sorted({row["commands"][0] for row in first_rows().values() if "--mode=sweep" in row["commands"][0]})
)
def test_the_kept_runs_of_a_sweep_are_all_of_its_command(command):
    """Run by run: none of the points that it runs was left out."""
    words = [word.removeprefix("--").partition("=") for word in shlex.split(command)[2:]]
    flags = {name: value for name, _, value in words if name in ("config", "seeds", "points")}
    found = runpy.run_path(str(ROOT / flags["config"]))
    config = resolved(schema.plain(found["get_config"]()), tables())
    axes = [value for name, _, value in words if name == "sweep"]
    seeds, points = (int(flags.get(name, 0)) for name in ("seeds", "points"))
    space = search_space(config, axes, seeds, points, found["get_sweep"]() if "get_sweep" in found else None)
    kept = [path for path in KEPT.rglob("summary.json") if json.loads(path.read_text())["command"] == command]
    # Folders of trials are called by their number and what they change.
    expected = [folder_name(0, overrides).partition("_")[2] for overrides in space.trials(config["seed"])]
    assert sorted(path.parent.name.partition("_")[2] for path in kept) == sorted(expected)
