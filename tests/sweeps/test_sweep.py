import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sequence_lab import experiment
from sequence_lab.experiment import default_config
from sequence_lab.schema import Refused
from sequence_lab.sweeps import sweep, worker
from sequence_lab.training.loop import Diverged
from sequence_lab.training.recorder import TIMES, read_metrics

SCRIPT = Path(__file__).with_name("tiny_sweep.py")
STEPS = 1000


def tiny_config():
    config = default_config()
    config.name, config.dataset_name, config.model_name = "tiny", "adding", "recurrent_classifier"
    config.dataset = {"length": 4, "num_train": 64, "num_test": 16}
    config.model = {"cell": "rnn", "features": (4,)}
    config.objectives = {"sum": {"name": "regression"}}
    config.training.num_steps = 3
    return config


def test_sweep_runs_reports_survives_failures_and_repeats_nothing(tmp_path):
    axes = ["optimizer.learning_rate=0.01,1e38", "dataset.length=4,1"]  # diverges; too short to mark two places
    said = []
    summary = sweep(tiny_config(), tmp_path, axes, workers=1, say=said.append)
    best, *others = summary["points"]
    assert best["values"] == {"optimizer.learning_rate": 0.01, "dataset.length": 4}
    assert [point["failed"] for point in others] == [1, 1, 1]
    assert len(said) == 6  # a line for each trial, the table, and where it is
    reasons = list(summary["failures"].values())
    assert sum("dataset.length is 1; allowed: at least 2" in reason for reason in reasons) == 2
    assert sum("the norm of its gradient" in reason for reason in reasons) == 1
    assert not any(word in reason for reason in reasons for word in ("Refused", "Diverged", "\n"))
    run = tmp_path / "trials" / best["trials"][0]
    alone = json.loads((run / "summary.json").read_text())
    assert best["validation"]["mean"] == alone["metrics"]["validation"]["loss"]
    assert best["test"]["mean"] == alone["metrics"]["test"]["loss"]
    assert "first step done" in (run / "log.txt").read_text()
    assert json.loads((tmp_path / "summary.json").read_text()) == summary

    before, ended = _times(tmp_path), ("0000", "0002")
    assert sweep(tiny_config(), tmp_path, axes, say=said.append) == summary
    assert len(said) == 10  # the two that were refused are tried anew
    changed = [path for path, time in _times(tmp_path).items() if before.get(path) != time]
    assert not [path for path in changed if path.relative_to(tmp_path / "trials").parts[0].startswith(ended)]


def test_trials_without_their_data_or_a_disk_to_write_to_are_run_once_these_are_there(tmp_path):
    table = tmp_path / "table.csv"
    config = tiny_config()
    config.dataset_name, config.dataset = "text_table", {"files": str(table)}
    config.objectives = {"kind": {"name": "classification"}}
    axes = ["optimizer.learning_rate=0.01,0.02"]
    with pytest.raises(Refused, match=r"table\.csv"):
        sweep(config, tmp_path / "sweep", axes)

    with pytest.raises(BrokenPipeError):
        sweep(config, tmp_path / "sweep", axes, say=_closed)

    table.write_text("text,label\n" + "".join(f"{word} {n},{word}\n" for n in range(20) for word in ("good", "bad")))
    trials = tmp_path / "sweep" / "trials"
    log = next(trials.iterdir()) / "log.txt"
    log.unlink()
    log.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        sweep(config, tmp_path / "sweep", axes)

    log.unlink()
    summary = sweep(config, tmp_path / "sweep", axes)
    assert [(point["seeds"], point["failed"], point["waiting"]) for point in summary["points"]] == [([0], 0, 0)] * 2


def _closed(line):
    raise BrokenPipeError


FULL = OSError(errno.ENOSPC, "No space left on device", "a/file")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Refused("no such field"), "refused"),
        (PermissionError(errno.EACCES, "Permission denied", "data.csv"), "refused"),
        (Diverged("the loss is nan"), "failed"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a/file"), "failed"),
        (FULL, "stopped"),
    ],
)
def test_only_a_disk_that_takes_nothing_more_stops_a_sweep(tmp_path, monkeypatch, error, state):
    """Also where it does so as the reason of a trial's end is written to the trial's log."""

    def raises(*arguments, **named):
        raise named.get("error", error)

    monkeypatch.setattr(worker, "_log_to", lambda folder: None)
    monkeypatch.setattr(experiment, "run", raises)
    job = worker.Job({}, "loss", workers=1)
    outcome = worker.attempt({}, tmp_path, job)
    assert outcome.state == state
    assert (outcome.error is None) == (error is not FULL)
    monkeypatch.setattr("builtins.print", lambda *_, **__: raises(error=FULL))
    outcome = worker.attempt({}, tmp_path, job)
    assert (outcome.state, outcome.error.errno) == ("stopped", errno.ENOSPC)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to sweep"),
        ({"axes": ["optimizer.lerning_rate=1"]}, "did you mean optimizer.learning_rate"),
        (
            {"axes": ["optimizer.learning_rate=0.1,-1"]},
            "the point optimizer.learning_rate=-1: optimizer.learning_rate is",
        ),
        (
            {"axes": ["model_name=recurrent_classifier,recurrent"]},
            "the point model_name=recurrent: config.model_name is",
        ),
        ({"axes": ["objectives.sum.name=regression,classification"]}, "judged by max accuracy and min loss"),
        ({"seeds": 2, "workers": 0}, "--workers is 0"),
        ({"seeds": 2, "datasets": {"mine": lambda: None}}, "cannot go to a worker"),
        ({"seeds": 2, "datasets": {"adding": None}}, "already the name"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(tmp_path, arguments, message):
    with pytest.raises(Refused, match=message) as raised:
        sweep(tiny_config(), tmp_path / "sweep", **arguments)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "sweep").exists()


def _times(folder):
    """When each file of each run was last changed."""
    return {path: path.stat().st_mtime_ns for path in (folder / "trials").rglob("*") if path.is_file()}


def _start(folder, workers, *more):
    command = [sys.executable, str(SCRIPT), str(folder), str(STEPS), str(workers), *more]
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(command, start_new_session=True, env=environment, stdout=subprocess.PIPE, text=True)


def _points(folder):
    """The table's numbers, times aside."""
    points = json.loads((folder / "summary.json").read_text())["points"]
    return [{name: value for name, value in point.items() if name != "seconds"} for point in points]


def _records(run):
    return [{name: value for name, value in record.items() if name not in TIMES} for record in read_metrics(run)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = _start(folder, 2)
    process.communicate(timeout=300)
    assert process.returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_sweep_stopped_in_the_middle_goes_on_to_the_same_table(tmp_path, uninterrupted, number):
    process = _start(tmp_path, 2)
    deadline = time.monotonic() + 300
    while not _middle(tmp_path):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    if number != signal.SIGKILL:
        assert "the same command goes on from there" in output
    finished = [path.parent for path in tmp_path.glob("trials/*/summary.json")]
    begun = [path.parent for path in tmp_path.glob("trials/*/metrics.jsonl") if path.parent not in finished]
    assert len(finished) < 4
    assert begun
    # A trial killed between its summary and its report is looked at again (its lock and log), not run again.
    before = {path: time for path, time in _times(tmp_path).items() if _made_by(path, finished)}

    process = _start(tmp_path, 2)
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert _points(tmp_path) == _points(uninterrupted)
    after = _times(tmp_path)
    assert before == {path: after[path] for path in before}
    assert any("resuming after step" in (run / "log.txt").read_text() for run in begun)
    for run in (tmp_path / "trials").iterdir():
        assert _records(run) == _records(uninterrupted / "trials" / run.name)


def _made_by(path, runs):
    """Whether the file holds something that one of these runs has computed."""
    run = next((run for run in runs if run in path.parents), None)
    return run is not None and (path.name in ("metrics.jsonl", "summary.json") or run / "checkpoints" in path.parents)


def _middle(folder):
    """Whether a trial has finished and another one has a checkpoint, but not of its second half."""
    finished = {path.parent for path in folder.glob("trials/*/summary.json")}
    saved: dict[Path, int] = {}
    for path in folder.glob("trials/*/checkpoints/*/manifest.json"):
        saved[path.parents[2]] = max(saved.get(path.parents[2], 0), int(path.parent.name))
    return finished and any(step <= STEPS // 2 for run, step in saved.items() if run not in finished)


@pytest.mark.slow
@pytest.mark.parametrize(("deaths", "failed"), [(1, 0), (2, 1)])
def test_a_worker_that_is_killed_costs_at_most_its_trial(tmp_path, uninterrupted, deaths, failed):
    mark = tmp_path / "mark"
    mark.write_text("x" * deaths)
    process = _start(tmp_path / "sweep", 1, str(mark))
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "its process died with code -9; it goes on from its last checkpoint" in output
    summary = json.loads((tmp_path / "sweep" / "summary.json").read_text())
    assert sum(point["failed"] for point in summary["points"]) == failed
    assert sum(len(point["seeds"]) for point in summary["points"]) == 4 - failed
    if not failed:
        assert [p["validation"] for p in summary["points"]] == [p["validation"] for p in _points(uninterrupted)]


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed_alone(tmp_path, uninterrupted):
    process = _start(tmp_path, 2)
    while not _middle(tmp_path):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while _alive(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process = _start(tmp_path, 2)
    process.communicate(timeout=300)
    assert _points(tmp_path) == _points(uninterrupted)


def _alive(session):
    """Whether the session still has a process."""
    return bool(subprocess.run(["pgrep", "--session", str(session)], capture_output=True, text=True).stdout.strip())
