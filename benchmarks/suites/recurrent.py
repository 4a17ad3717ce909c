"""LSTM, GRU and simple recurrent layers: forward, and forward + backward into all parameters and the inputs."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.tasks import HAIKU_HAS, Recurrent, label

CELLS = ("lstm", "gru", "rnn")
SHAPES = (
    (32, 128, 9, 64),
    (64, 100, 128, 256),
    (20, 35, 200, 200),
    (32, 256, 512, 512),
    (1, 1000, 64, 128),
    (8, 2048, 64, 128),
)
QUICK = ((3, 7, 5, 4),)
# Rounding alone carries some units of a network of ReLUs across zero, and over so many steps what depends on them.
LONG, LONG_RELU_TOLERANCE = 2000, 1e-1


def contestants(task: Recurrent, asked: Asked) -> list[Contestant]:
    """Every engine asked for, and every peer."""
    ours = [
        Contestant("ours" if engine == "auto" else f"ours {engine}", "ours", {"engine": engine})
        for engine in asked.engines
    ]
    found = [*ours, *asked.contestants("flax", "haiku", "keras", "torch")[1:]]
    other = HAIKU_HAS.get(task.cell)
    if other is None:
        return found
    tolerance = LONG_RELU_TOLERANCE if other == "rnn_relu" and task.T > LONG else None
    reference = task._replace(cell=other)
    return [c._replace(reference=reference, tolerance=tolerance) if c.peer == "haiku" else c for c in found]


def cases(asked: Asked) -> Iterator[Case]:
    for cell in CELLS:
        for shape in QUICK if asked.quick else SHAPES:
            task = Recurrent(cell, *shape, dtype=asked.dtype)
            yield Case(label(task), task, contestants(task, asked))
