"""What a longer sequence costs, and a larger batch: time, throughput, peak memory; and compiling, which T must not."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.suites import recurrent
from benchmarks.tasks import Recurrent, label

LENGTHS = (256, 1024, 4096, 16384)
BATCHES = (1, 8, 32, 128, 512)
BACKWARD = ("forward + backward",)


def with_remat(task: Recurrent, asked: Asked) -> list[Contestant]:
    """Everyone, and ours computing again what it does not keep."""
    first, *others = recurrent.contestants(task, asked)
    return [first, Contestant("ours remat", "ours", {"remat": True}), *others]


def by_length(asked: Asked) -> Iterator[Case]:
    for T in (8, 16) if asked.quick else LENGTHS:
        task = Recurrent("lstm", 8, T, 64, 64, asked.dtype)
        yield Case(label(task), task, with_remat(task, asked), ("time", "memory"), BACKWARD, ("T", T), 8 * T)


def by_batch(asked: Asked) -> Iterator[Case]:
    for B in (1, 2) if asked.quick else BATCHES:
        task = Recurrent("lstm", B, 8 if asked.quick else 256, 64, 64, asked.dtype)
        found = recurrent.contestants(task, asked)
        yield Case(label(task), task, found, programs=BACKWARD, at=("B", B), steps=B * task.T)


def peak_memory(asked: Asked) -> Iterator[Case]:
    """Of one training step: forward and backward."""
    for cell in ("lstm", "gru"):
        for T in (16,) if asked.quick else (2048, 16384):
            task = Recurrent(cell, 8, T, 64, 128, asked.dtype)
            yield Case(label(task), task, with_remat(task, asked), ("memory",), BACKWARD)


def compiling(asked: Asked) -> Iterator[Case]:
    for T in (8, 16) if asked.quick else (16, 256, 4096):
        task = Recurrent("lstm", 8, T, 64, 64, asked.dtype)
        found = [contestant for contestant in recurrent.contestants(task, asked) if contestant.peer != "torch"]
        yield Case(label(task), task, found, ("compile",), BACKWARD, ("T", T))
