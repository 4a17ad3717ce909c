"""Records and the host's part of the state."""

import json

import numpy as np

from sequence_lab.ops.metrics import Mean
from sequence_lab.training.host_state import HostState
from sequence_lab.training.recorder import METRICS, Recorder, read_metrics


def record(folder, step, steps):
    recorder = Recorder(folder, step)
    for number in steps:
        recorder.record(number, "train", {"loss": np.float32(1 / number)})
    recorder.close()


def test_records_after_the_restored_step_are_cut_off(tmp_path):
    record(tmp_path, 0, range(1, 6))
    record(tmp_path, 3, [4])
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3, 4]
    assert read_metrics(tmp_path)[2]["loss"] == float(np.float32(1 / 3))


def test_a_line_that_was_being_written_is_dropped(tmp_path):
    record(tmp_path, 0, [1, 2])
    path = tmp_path / METRICS
    path.write_text(path.read_text()[:-9])
    record(tmp_path, 1, [2])
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2]


def test_what_is_not_finite_is_null_and_the_file_stays_json(tmp_path):
    recorder = Recorder(tmp_path, 0)
    recorder.record(1, "validation", {"loss": float("nan"), "accuracy": 0.5})
    recorder.close()

    def refuse(constant):
        raise AssertionError(constant)

    line = json.loads((tmp_path / METRICS).read_text(), parse_constant=refuse)
    assert line == {"step": 1, "split": "validation", "loss": None, "accuracy": 0.5}


def test_tensorboard_events_are_written(tmp_path):
    record(tmp_path, 0, [1])
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"train/loss" in events.read_bytes()


def test_events_that_a_killed_process_left_unwritten_are_written_anew(tmp_path):
    record(tmp_path, 0, range(1, 6))
    for path in (tmp_path / "tensorboard").iterdir():
        path.write_bytes(b"")
    record(tmp_path, 3, [4])
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert events.read_bytes().count(b"train/loss") == 4


def test_host_state_survives_json_exactly():
    host = HostState(step=7, seconds=0.1, best_score=1 / 3, best_step=5, unlogged={"loss": Mean(0.1 + 0.2, 3.0)})
    assert HostState.from_json(json.loads(json.dumps(host.to_json()))) == host


def test_judge_follows_the_mode_and_never_prefers_nan():
    for mode, scores, expected in (
        ("max", [0.5, float("nan"), 0.4, 0.6, 0.6], [True, False, False, True, True]),
        ("min", [0.5, float("nan"), 0.6, 0.4, 0.4], [True, False, False, True, True]),
        ("min", [float("nan"), 2.0], [False, True]),
    ):
        host = HostState()
        found = []
        for host.step, score in enumerate(scores, 1):
            found.append(host.judge(score, mode))
        assert found == expected
        assert host.best_step == max(number for number, best in enumerate(expected, 1) if best)
        assert host.since_best == len(scores) - 1 - scores.index(host.best_score)
