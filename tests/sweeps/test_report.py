import json
import math

import pytest

from sequence_lab.sweeps import report


def record(number, rate, seed, score=None, *, cell="gru", test=None, state="complete"):
    values = {"name": f"{number:04d}", "overrides": {"optimizer.learning_rate": rate, "model.cell": cell, "seed": seed}}
    if state != "complete":
        return {**values, "state": state, **({"reason": "diverged"} if state == "failed" else {})}
    metrics = {"validation": {"accuracy": score}, **({} if test is None else {"test": {"accuracy": test}})}
    return {**values, "state": state, "metrics": metrics, "seconds": 2.0 + seed}


RECORDS = [
    record(0, 0.1, 0, 0.5, test=0.4),
    record(1, 0.2, 0, 0.9, test=0.8),
    record(2, 0.3, 0, state="failed"),
    record(3, 0.1, 1, 0.7, test=0.6),
    record(4, 0.2, 1, state="failed"),
    record(5, 0.3, 1, state="waiting"),
]


def test_points_are_ranked_with_their_seeds_merged():
    best, second, last = report.summarise("tiny", RECORDS, "accuracy", "max")["points"]
    assert best["values"] == {"optimizer.learning_rate": 0.2, "model.cell": "gru"}
    assert (best["seeds"], best["failed"], best["validation"]["half_width"]) == ([0], 1, None)
    assert second["validation"]["mean"] == pytest.approx(0.6)
    # Student's t with one degree of freedom: 12.706 * s / sqrt(2), s = 0.2 / sqrt(2)
    assert second["validation"]["half_width"] == pytest.approx(12.706 * 0.1, rel=1e-4)
    assert second["test"]["mean"] == pytest.approx(0.5)
    assert second["seconds"] == pytest.approx(2.5)
    assert (last["validation"], last["failed"], last["waiting"], last["seconds"]) == (None, 1, 1, None)
    lowest_first = report.summarise("tiny", RECORDS, "accuracy", "min")["points"]
    assert [point["values"]["optimizer.learning_rate"] for point in lowest_first] == [0.1, 0.2, 0.3]


def test_table_has_a_row_per_point_and_says_why_trials_failed():
    lines = report.markdown(report.summarise("tiny", RECORDS, "accuracy", "max")).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:5]]
    assert cells[0] == [
        "learning_rate", "cell", "validation accuracy", "test accuracy", "seeds", "failed", "seconds per run",
    ]  # fmt: skip
    assert cells[2] == ["0.2", "gru", "0.9", "0.8", "1", "1", "2.0"]
    assert cells[3] == ["0.1", "gru", "0.6 (0.5, 0.7)", "0.5 (0.4, 0.6)", "2", "0", "2.5"]
    assert cells[4] == ["0.3", "gru", "-", "-", "0", "1", "-"]
    assert lines[6:] == ["- 0002 failed: diverged", "- 0004 failed: diverged"]


def test_seeds_alone_are_one_row_under_the_experiment():
    records = [{**r, "overrides": {"seed": r["overrides"]["seed"]}} for r in RECORDS[:2]]
    lines = report.markdown(report.summarise("tiny", records, "accuracy", "max")).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("| experiment |")
    assert lines[2].startswith("| tiny ")


def test_files_hold_the_same_and_one_numeric_axis_is_drawn(tmp_path):
    records = [*RECORDS, record(6, 0.1, 0, 0.3, cell="lstm")]
    summary = report.summarise("tiny", records, "accuracy", "max")
    table = report.write(tmp_path, summary)
    assert table in (tmp_path / "sweep.md").read_text()
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert (tmp_path / "plots" / "sweep.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("field", ["model.cell", "training.num_steps"])
def test_no_plot_without_exactly_one_numeric_axis(tmp_path, field):
    replaced = {"model.cell": ["gru", "lstm"], "training.num_steps": [1, 2]}[field]
    records = []
    for number, value in enumerate(replaced):
        entry = record(number, 0.1, 0, 0.5)
        entry["overrides"] = {"seed": 0, field: value}
        if field == "training.num_steps":
            entry["overrides"]["optimizer.learning_rate"] = 0.1 * value
        records.append(entry)
    report.write(tmp_path, report.summarise("tiny", records, "accuracy", "max"))
    assert not (tmp_path / "plots").exists()


def test_a_point_without_any_score_is_last_whatever_is_better():
    for mode in ("min", "max"):
        points = report.summarise("tiny", RECORDS, "accuracy", mode)["points"]
        assert points[-1]["validation"] is None
        assert not any(math.isnan(p["validation"]["mean"]) for p in points[:-1])
