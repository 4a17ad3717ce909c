"""Real processes, killed with SIGKILL at random moments: the run that is left equals one that nobody touched."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from sequence_lab.training.checkpoints import Checkpoints
from sequence_lab.training.recorder import TIMES, read_metrics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
NUM_STEPS = 400
OVERRIDES = (
    f"--config.training.num_steps={NUM_STEPS}", "--config.training.log_every=7", "--config.training.evaluate_every=50",
    "--config.training.checkpoint_every=10", "--config.training.batch_size=4", "--config.training.k1=12",
    "--config.training.k2=16", "--config.model.features=(160,)", "--config.model.dropout=0.2", "--config.baselines=()",
    "--config.optimizer.schedule=plateau", "--config.optimizer.plateau_patience=1",
)  # fmt: skip


def start(workdir):
    environment = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "JAX_PLATFORMS")}
    command = [sys.executable, str(ROOT / "launch.py"), f"--workdir={workdir}", *OVERRIDES]
    return subprocess.Popen(
        command,
        env={**environment, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(workdir):
    process = start(workdir)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def wait_for(process, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def newest(workdir):
    return max(Checkpoints(workdir / "checkpoints").steps(), default=0)


def being_written(workdir):
    with contextlib.suppress(FileNotFoundError):
        return any("tmp" in path.name for path in (workdir / "checkpoints").iterdir())
    return False


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def records(workdir):
    return [{k: v for k, v in record.items() if k not in TIMES} for record in read_metrics(workdir)]


def files(workdir):
    """Every array file of the last checkpoint, decoded."""
    import orbax.checkpoint as ocp

    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        args = ocp.args.Composite(arrays=ocp.args.StandardRestore(), host=ocp.args.JsonRestore())
        restored = checkpointer.restore(workdir / "checkpoints" / str(NUM_STEPS), args=args)
    return restored["arrays"], restored["host"]


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
def test_killed_five_times_equals_never_killed(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finish(whole)
    moments = random.Random()
    reached = []
    for index in range(5):
        process = start(parts)
        goal = min(newest(parts) + moments.randrange(10, 70), NUM_STEPS - 20)
        wait_for(process, lambda goal=goal: newest(parts) >= goal)
        if index % 2:  # in the middle of a checkpoint
            wait_for(process, lambda: being_written(parts))
        else:
            time.sleep(moments.random() / 10)
        kill(process)
        reached.append((newest(parts), being_written(parts)))
    assert reached[0][0] < reached[-1][0] < NUM_STEPS
    assert any(written for _, written in reached), "no kill came during a write"
    output = finish(parts)
    assert "resuming after step" in output

    (arrays, host), (expected_arrays, expected_host) = files(parts), files(whole)
    leaves, expected = (
        {str(path): np.asarray(x) for path, x in jax.tree.leaves_with_path(tree)} for tree in (arrays, expected_arrays)
    )
    assert leaves.keys() == expected.keys()
    for name, array in leaves.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    for kept in (host, expected_host):
        del kept["host"]["seconds"], kept["host"]["input_seconds"]
    assert host == expected_host
    assert records(parts) == records(whole)
    one, other = (json.loads((folder / "summary.json").read_text()) for folder in (parts, whole))
    assert one["metrics"] == other["metrics"]
    assert one["clipped_share"] == other["clipped_share"]


def test_an_interrupt_saves_and_the_same_command_goes_on(tmp_path):
    process = start(tmp_path / "run")
    wait_for(process, lambda: newest(tmp_path / "run") >= 10)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in output
    assert "Traceback" not in output
    assert Checkpoints(tmp_path / "run" / "checkpoints").fault(newest(tmp_path / "run")) is None
    assert f"resuming after step {newest(tmp_path / 'run')}" in finish(tmp_path / "run")
