"""Engines that are parallel in time beside the loop over time: linear cells, and Newton's method for small ones."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.tasks import Recurrent, label

LENGTHS = (256, 1024, 4096, 16384)
LINEAR_CELLS = ("min_gru", "min_lstm")
NEWTON_FEATURES = (2, 4, 8, 16)


def engines(*names: str) -> list[Contestant]:
    return [Contestant(name, "ours", {"engine": name}) for name in names]


def cases(asked: Asked) -> Iterator[Case]:
    for cell in LINEAR_CELLS:
        for T in (16,) if asked.quick else LENGTHS:
            task = Recurrent(cell, 8, T, 64, 64, asked.dtype)
            yield Case(label(task), task, engines("associative", "scan"), at=("T", T), steps=8 * T)
    for D in NEWTON_FEATURES[:1] if asked.quick else NEWTON_FEATURES:
        for T in (16,) if asked.quick else LENGTHS:
            task = Recurrent("gru", 4, T, D, D, asked.dtype)
            yield Case(label(task), task, engines("newton", "scan"), at=("T", T), steps=4 * T)
