"""Two processes train one model, as on two machines: equal to two devices of one process, stopped and resumed alike."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sequence_lab.training import processes
from sequence_lab.training.recorder import TIMES, read_metrics

ROOT = Path(__file__).resolve().parents[1]
OVERRIDES = (
    "--config.training.num_steps=60", "--config.training.log_every=5", "--config.training.evaluate_every=20",
    "--config.training.checkpoint_every=10", "--config.training.batch_size=4", "--config.training.k1=12",
    "--config.training.k2=16", "--config.model.features=(24,)", "--config.model.dropout=0.2", "--config.baselines=()",
)  # fmt: skip


def launch(workdir, *more, devices=1):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    command = [sys.executable, str(ROOT / "launch.py"), f"--workdir={workdir}", *OVERRIDES, *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def launch_two(workdir, *more):
    """Only the first is told the folder of the run."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    spec = f"--distributed=localhost:{port},2,"
    return [launch(folder, *more, f"{spec}{i}") for i, folder in enumerate((workdir, workdir / "unseen"))]


def outcomes(found):
    outputs = [process.communicate(timeout=300)[0] for process in found]
    return [process.returncode for process in found], outputs


def records(workdir):
    return [{key: x for key, x in record.items() if key not in TIMES} for record in read_metrics(workdir)]


def assert_close(found, expected):
    assert [(one["step"], one["split"]) for one in found] == [(one["step"], one["split"]) for one in expected]
    for one, other in zip(found, expected, strict=True):
        for name in one.keys() - {"step", "split"}:
            np.testing.assert_allclose(one[name], other[name], rtol=2e-3, err_msg=f"{name} of step {one['step']}")


@pytest.mark.slow
def test_two_processes_equal_two_devices_and_resume_together(tmp_path):
    codes, outputs = outcomes([launch(tmp_path / "one", devices=2)])
    assert codes == [0], outputs
    two = launch_two(tmp_path / "two")
    while not (tmp_path / "two" / "checkpoints" / "20").exists():
        assert two[0].poll() is None, two[0].communicate()
        time.sleep(0.01)
    two[1].send_signal(signal.SIGTERM)  # to one of them: both stop, after the same step
    codes, outputs = outcomes(two)
    assert codes == [130, 130], outputs
    assert "the same command goes on from there" in outputs[0]
    codes, outputs = outcomes(launch_two(tmp_path / "two"))
    assert codes == [0, 0], outputs
    assert "resuming after step" in outputs[0]
    assert not (tmp_path / "two" / "unseen").exists()
    assert_close(records(tmp_path / "two"), records(tmp_path / "one"))
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two")]
    np.testing.assert_allclose(*(found["metrics"]["test"]["loss"] for found in summaries), rtol=2e-3)
    assert summaries[1]["device"]["count"] == 2


@pytest.mark.slow
def test_what_the_first_process_refuses_all_refuse(tmp_path):
    (tmp_path / "other").write_text("a file of somebody's")
    codes, outputs = outcomes(launch_two(tmp_path))
    assert codes == [2, 2], outputs
    assert all(output.strip().splitlines()[-1].startswith("launch.py: --workdir") for output in outputs), outputs


@pytest.mark.parametrize("described", ["", "somewhere", "host:1", "host:1,2", "host:1,2,2", "host:1,2,-1", "host,2,0"])
def test_a_process_described_wrongly_is_refused(described):
    with pytest.raises(ValueError, match="allowed: auto, or HOST:PORT,COUNT,INDEX"):
        processes.join(described)


def test_one_process_is_the_first_and_asks_nobody(tmp_path):
    assert processes.is_first()
    assert processes.from_first(lambda: 3) == 3
    assert [processes.in_any(flag) for flag in (True, False)] == [True, False]
    with processes.folder_of(tmp_path) as folder:
        assert folder == tmp_path
