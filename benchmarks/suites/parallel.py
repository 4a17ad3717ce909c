"""Engines that are parallel in time beside the loop over time: for linear cells, and Newton's method for the others."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.tasks import Recurrent, label

LOOP = Contestant("scan", "ours", {"engine": "scan"})
LINEAR = (
    LOOP,
    Contestant("associative", "ours", {"engine": "associative"}),
    Contestant("by associative_scan", "ours", {"engine": "associative", "method": "associative_scan"}),
)
NEWTON = (
    LOOP,
    Contestant("newton full", "ours", {"engine": "newton"}),
    Contestant("newton diagonal", "ours", {"engine": "newton", "jacobian": "diagonal"}),
)
LINEAR_CELLS = ("min_gru", "lru")
LINEAR_SHAPES = ((32, 128, 9, 64), (64, 100, 128, 256), (1, 1000, 64, 128), (8, 2048, 64, 128), (1, 16384, 64, 128))
NEWTON_SHAPES = ((1, 1000, 1), (1, 16384, 1), (1, 16384, 2), (1, 16384, 4), (1, 16384, 8), (1, 1000, 16), (8, 1000, 64))


def linear(asked: Asked) -> Iterator[Case]:
    for cell in LINEAR_CELLS:
        for shape in ((2, 16, 3, 4),) if asked.quick else LINEAR_SHAPES:
            task = Recurrent(cell, *shape, dtype=asked.dtype)
            yield Case(label(task), task, LINEAR)


def newton(asked: Asked) -> Iterator[Case]:
    for B, T, D in ((2, 16, 2),) if asked.quick else NEWTON_SHAPES:
        task = Recurrent("gru", B, T, D, D, asked.dtype)
        yield Case(label(task), task, NEWTON)
