"""What a longer sequence costs, and a larger batch: time, throughput, peak memory; and compiling, which T must not."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.tasks import Recurrent, label

LENGTHS = (256, 1024, 4096, 16384)
BATCHES = (1, 8, 32, 128, 512)
BACKWARD = ("forward + backward",)


def contestants(asked: Asked, remat: bool = True) -> list[Contestant]:
    first, *peers = asked.contestants("flax", "haiku", "keras", "torch")
    return [first, *([Contestant("ours remat", "ours", {"remat": True})] if remat else []), *peers]


def by_length(asked: Asked) -> Iterator[Case]:
    for T in (8, 16) if asked.quick else LENGTHS:
        task = Recurrent("lstm", 8, T, 64, 64, asked.dtype)
        yield Case(label(task), task, contestants(asked), ("time", "memory"), BACKWARD, ("T", T), 8 * T)


def by_batch(asked: Asked) -> Iterator[Case]:
    for B in (1, 2) if asked.quick else BATCHES:
        task = Recurrent("lstm", B, 8 if asked.quick else 256, 64, 64, asked.dtype)
        found = contestants(asked, remat=False)
        yield Case(label(task), task, found, programs=BACKWARD, at=("B", B), steps=B * task.T)


def peak_memory(asked: Asked) -> Iterator[Case]:
    """Of one training step: forward and backward."""
    for cell in ("lstm", "gru"):
        for T in (16,) if asked.quick else (2048, 16384):
            task = Recurrent(cell, 8, T, 64, 128, asked.dtype)
            yield Case(label(task), task, contestants(asked), ("memory",), BACKWARD)


def compiling(asked: Asked) -> Iterator[Case]:
    for T in (8, 16) if asked.quick else (16, 256, 4096):
        task = Recurrent("lstm", 8, T, 64, 64, asked.dtype)
        found = asked.contestants("flax", "haiku", "keras")
        yield Case(label(task), task, found, ("compile",), BACKWARD, ("T", T))
