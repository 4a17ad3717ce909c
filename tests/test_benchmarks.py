"""The benchmark's own promises: its files and table, rows that fail on wrong outputs, flags."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import plots, report, tasks
from benchmarks.cases import Asked, Case, Contestant
from benchmarks.measure import Session
from benchmarks.results import Row, ratio
from benchmarks.suites import SUITES
from benchmarks.worker import Absent, Failed, Server, _answer

RUN = Path(__file__).resolve().parent.parent / "benchmarks" / "run.py"
TASK = tasks.Recurrent("lstm", 1, 2, 1, 1)


def launch(*arguments: str) -> Any:
    return subprocess.run([sys.executable, str(RUN), *arguments], capture_output=True, text=True)


def test_quick_run_writes_table_json_and_picture(tmp_path: Path) -> None:
    """Real processes, real layers: ours beside Flax."""
    done = launch("recurrent", "--quick", "--only=gru", "--peers=flax", "--settings=setup", f"--out={tmp_path}")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert [row["program"] for row in found["rows"]] == ["forward", "forward + backward"]
    assert found["about"]["versions"].keys() >= {"jax", "flax", "python"}
    assert found["ceilings"]["setup"] > 0
    for row in found["rows"]:
        assert list(row["contestants"]) == ["ours", "flax"]
        for entry in row["contestants"].values():
            assert len(entry["rounds"]) == 2
            assert min(entry["rounds"]) > 0
            assert 0 <= entry["error"] < 1e-5
        theirs, ours = row["contestants"]["flax"], row["contestants"]["ours"]
        assert theirs["ratio"] == pytest.approx(theirs["median"] / ours["median"])
        assert ours["share_of_ceiling"] == pytest.approx(row["floor"] / ours["median"])
    page = (tmp_path / "results.md").read_text()
    assert "| gru B3 T7 C5 D4 | forward + backward |" in page
    assert page.strip() in done.stdout
    assert (tmp_path / "recurrent-setup.png").stat().st_size > 10_000


class InProcess:
    """A worker without a process, for a peer that has ``outputs``."""

    def __init__(self, outputs: Any, good_runs: float = np.inf) -> None:
        self.good_runs = good_runs

        def run(mode: str) -> None:
            self.good_runs -= 1
            if self.good_runs < 0:
                raise FloatingPointError("out of memory")

        def build(task: Any) -> Any:
            return SimpleNamespace(modes=("forward",), run=run, outputs=outputs)

        self.server = Server(SimpleNamespace(BUILDERS={tasks.Recurrent: build}))

    def call(self, name: str, *arguments: Any) -> Any:
        kind, answer = _answer(self.server, name, arguments)
        if kind != "done":
            raise {"absent": Absent, "failed": Failed}[kind](answer)
        return answer


def values(**changes: Any) -> Any:
    found = {"outputs": np.array([1.0, -2.0]), "gradient of input": np.array([[3.0]])} | changes
    return lambda: found


def crashes() -> Any:
    raise FloatingPointError("the peer fell over")


def absent() -> Any:
    raise NotImplementedError("no such cell")


@pytest.mark.parametrize(
    ("outputs", "note", "fails"),
    [
        (values(), None, False),
        (values(outputs=np.array([1.0, -2.0001])), None, False),
        (
            values(outputs=np.array([1.0, -2.001])),
            "1 of 2 outputs differ from the reference: outputs by 5.0e-04",
            True,
        ),
        (values(outputs=np.array([np.nan, -2.0])), "outputs by inf", True),
        (values(outputs=np.array([1.0])), "outputs has shape (1,); allowed: (2,)", True),
        (values(**{"gradient of input": np.array([[-3.0]])}), "gradient of input by 2.0e+00", True),
        (values(surplus=np.zeros(1)), "outputs are", True),
        (crashes, "the peer fell over", True),
        (absent, "no such cell", False),
    ],
)
def test_a_row_has_times_only_of_right_outputs(tmp_path: Path, outputs: Any, note: str | None, fails: bool) -> None:
    workers = type("Workers", (dict,), {"setting": "stock"})(ours=InProcess(values()), other=InProcess(outputs))
    session = Session(workers, InProcess(values()), tmp_path, rounds=3, seconds=0.0)
    case = Case("a case", TASK, [Contestant("ours", "ours"), Contestant("other", "other")])
    (row,) = session.rows("suite", case)
    assert len(row.values["ours"]) == 3
    assert ("other" in row.values) == (note is None)
    assert ("other" in row.failures) == fails
    table = report.table([row], {"stock": 1e9})
    assert ("FAILED" in table) == fails
    if note is not None:
        assert note in row.notes["other"]
        assert note in "\n".join(report.notes([row]))


def test_a_contestant_that_fails_in_a_later_round_has_no_times(tmp_path: Path) -> None:
    workers = type("Workers", (dict,), {"setting": "stock"})(ours=InProcess(values()), other=InProcess(values(), 3))
    session = Session(workers, InProcess(values()), tmp_path, rounds=4, seconds=0.0)
    (row,) = session.rows("suite", Case("a case", TASK, [Contestant("ours", "ours"), Contestant("other", "other")]))
    assert list(row.values) == ["ours"]
    assert "out of memory" in row.failures["other"]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_has_cases_told_apart_by_name(suite: str, quick: bool) -> None:
    cases = list(SUITES[suite](Asked(("flax", "haiku", "torch"), ("auto", "scan"), quick=quick)))
    assert len({case.name for case in cases}) == len(cases) > 0
    for case in cases:
        labels = [contestant.label for contestant in case.contestants]
        assert len(set(labels)) == len(labels) > 1


def test_ratio_is_that_of_medians_and_rounds_are_drawn_together() -> None:
    """A machine that slows both down by whole rounds leaves the ratio of the two alone."""
    slow = np.array([1.0, 1.0, 5.0, 1.0, 9.0, 2.0, 1.0])
    assert ratio(3 * slow, slow) == pytest.approx((3, 3, 3))
    value, low, high = ratio([2.0, 2.2, 1.8, 2.1, 1.9], [1.0, 1.1, 1.0, 0.9, 1.0])
    assert value == 2.0
    assert 1.7 < low < 2.0 < high < 2.5


def test_curves_and_values_are_drawn(tmp_path: Path) -> None:
    def row(suite: str, unit: str, T: int) -> Row:
        found = {"ours": [T * 1.0, T * 1.1], "torch": [T * 2.0, T * 2.5]}
        return Row(suite, "stock", f"lstm T{T}", "step", unit, ("ours", "torch"), found, at=("T", T))

    rows = [row("length", "ms", T) for T in (8, 16, 32)] + [row("memory", "MiB", 8)]
    paths = plots.draw(tmp_path, rows, "a machine")
    assert [path.name for path in paths] == ["length-stock.png", "memory-stock.png"]
    assert min(path.stat().st_size for path in paths) > 10_000


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("recurrrent", "suite is 'recurrrent'; allowed: recurrent, "),
        ("--peers=mxnet", "--peers is 'mxnet'; allowed: flax, "),
        ("--settings=fast", "--settings is 'fast'; allowed: stock, setup"),
        ("--only=transformer", "--only is 'transformer'; allowed: a part of the name of a case, such as 'lstm"),
        ("--rounds=0", "rounds"),
        ("--round=5", "round"),
    ],
)
def test_bad_flags_end_in_one_line(argument: str, message: str) -> None:
    done = launch(argument)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
