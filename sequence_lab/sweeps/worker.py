"""A worker process: runs one trial after another, each as an ordinary run in its folder, as its parent says."""

import contextlib
import functools
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from sequence_lab import experiment
from sequence_lab.run_folder import LOCK
from sequence_lab.schema import Refused
from sequence_lab.training.checkpoints import NO_ROOM
from sequence_lab.training.interrupts import Interrupted
from sequence_lab.training.loop import Diverged

LOG = "log.txt"


class Job(NamedTuple):
    """What every trial of a sweep has in common; goes to the workers.

    Attributes:
      tables: "models", "datasets", "objectives" for ``experiment.run``.
      measure: which validation measure is the score.
      workers: how many processes share the device.
      command: what started the sweep, for the summaries.
    """

    tables: Mapping[str, Any]
    measure: str
    workers: int
    command: str = ""


class Outcome(NamedTuple):
    """What a worker reports of a trial.

    Attributes:
      state: "refused" where nothing was trained, as by data that are not there, cannot be read or are not what they
        were; "stopped" by the parent or, with ``error``, by a disk that takes nothing more.
    """

    state: Literal["complete", "failed", "refused", "stopped"]
    score: float = math.nan
    attributes: Mapping[str, Any] | None = None
    reason: str = ""
    error: OSError | None = None


def work(orders: Connection, lifeline: Connection, job: Job) -> None:
    """A worker's life: says None when it is ready, then an outcome for every (config, folder) that it is given."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_obey, args=(lifeline,), daemon=True).start()
    if job.workers > 1:  # JAX would take three quarters of an accelerator's memory for each of them
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 / job.workers:.3f}")
    with contextlib.suppress(EOFError, Interrupted):
        orders.send(None)
        while True:
            config, folder = orders.recv()
            outcome = attempt(config, folder, job)
            orders.send(outcome)
            if outcome.state == "stopped":
                return
            jax.clear_caches()


def _leave(number: int, frame: Any) -> None:
    raise Interrupted("stopped outside of training; the same command goes on from the last checkpoint")


def _obey(lifeline: Connection) -> None:
    """Waits for the parent's word to stop, or for its death."""
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)
    # Sent to the process, where it is one with a signal that already waits; this thread then lets it in.
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def attempt(config: Mapping[str, Any], folder: Path, job: Job) -> Outcome:
    """Runs one trial in its folder, with all that it prints in a log there."""
    try:
        return _tried(config, folder, job)
    except OSError as error:  # also of the log, in which a reason was to be written
        if error.errno not in NO_ROOM:
            raise
        return Outcome("stopped", error=OSError(error.errno, error.strerror, error.filename))


def _tried(config: Mapping[str, Any], folder: Path, job: Job) -> Outcome:
    try:
        _log_to(folder)
        summary = experiment.run(
            config, folder, **job.tables, command=job.command, say=functools.partial(print, flush=True)
        )
    except Interrupted as stopped:
        print(stopped, flush=True)
        return Outcome("stopped")
    except (Refused, PermissionError) as error:
        return _ended("refused", str(error))
    except Diverged as error:
        return _ended("failed", str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        traceback.print_exc()
        return _ended("failed", f"{type(error).__name__}: {error}")
    score = summary["metrics"]["validation"][job.measure]
    if not math.isfinite(score):
        return _ended("failed", f"validation {job.measure} is {score}")
    return Outcome("complete", score, {name: summary[name] for name in ("metrics", "seconds", "step", "parameters")})


def _ended(state: Literal["failed", "refused"], reason: str) -> Outcome:
    print(f"{state}: {reason}", flush=True)
    return Outcome(state, reason=" ".join(reason.split()))


def _log_to(folder: Path) -> None:
    """Sends this process's output to the folder's log, what compiled libraries write included."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LOCK).touch()
    with (folder / LOG).open("a") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            os.dup2(log.fileno(), number)
