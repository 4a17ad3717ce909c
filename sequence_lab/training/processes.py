"""Several processes of one run: the first alone touches the run's folder, and tells the others what it found there.

Each process has devices of its own and makes the rows of a batch that they take. So no process but the first needs to
see the folder, and what it refuses, all refuse.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

T = TypeVar("T")


def join(described: str) -> None:
    """Makes this one of several processes that share their devices; before JAX has looked for any.

    Args:
      described: "auto", where Slurm, Open MPI or a TPU pod says how many there are; or HOST:PORT,COUNT,INDEX, with an
        address that the first process listens at and all can reach.

    Raises:
      ValueError: it says something else, or nobody says how many there are.
    """
    address, count, index = (*described.split(","), "", "")[:3]
    wrong = f"--distributed is {described!r}; allowed: auto, or HOST:PORT,COUNT,INDEX with INDEX from 0 to COUNT - 1"
    if described == "auto":
        try:
            jax.distributed.initialize()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{wrong}; nothing here says how many processes there are ({error})") from error
    elif (
        described.count(",") == 2 and ":" in address and count.isdigit() and index.isdigit() and int(index) < int(count)
    ):
        jax.distributed.initialize(address, int(count), int(index))
    else:
        raise ValueError(wrong)


def is_first() -> bool:
    return jax.process_index() == 0


def from_first(make: Callable[[], T]) -> T:
    """What ``make`` returns or raises in the first process, in all of them; the others do not call it."""
    if jax.process_count() == 1:
        return make()
    outcome: tuple[Any, Exception | None] = (None, None)
    if is_first():
        try:
            outcome = (make(), None)
        except Exception as error:  # to be raised below, by all
            outcome = (None, error)
    told = np.frombuffer(pickle.dumps(outcome), np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(told))))
    told = multihost_utils.broadcast_one_to_all(np.resize(told, size))
    value, raised = outcome if is_first() else pickle.loads(told.tobytes())  # of this run's own first process
    if raised is not None:
        raise raised
    return value


def in_any(flag: bool) -> bool:
    """Whether it holds in any of the processes."""
    return flag if jax.process_count() == 1 else bool(np.any(multihost_utils.process_allgather(np.array(flag))))


@contextmanager
def folder_of(run: Path) -> Iterator[Path]:
    """Where a process writes: the run's folder if it is the first, otherwise one that is thrown away."""
    if is_first():
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="sequence_lab-") as scratch:
        yield Path(scratch)
