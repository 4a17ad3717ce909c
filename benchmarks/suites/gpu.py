"""Shapes for a GPU: DeepBench (github.com/baidu-research/DeepBench), widths, and long sequences of wide layers."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case, Contestant
from benchmarks.suites import recurrent
from benchmarks.tasks import Recurrent, label

# (cell, B, T, D); inputs have as many features as outputs.
DEEPBENCH = (
    ("lstm", 64, 25, 512),
    ("lstm", 64, 25, 1024),
    ("lstm", 64, 25, 2048),
    ("lstm", 64, 25, 4096),
    ("lstm", 16, 50, 1536),
    ("lstm", 16, 150, 256),
    ("lstm", 32, 150, 256),
    ("rnn_relu", 16, 50, 1760),
    ("rnn_relu", 64, 50, 2560),
    ("gru", 32, 1500, 1024),
    ("gru", 32, 1500, 2816),
)
WIDTHS = (64, 128, 256, 512, 1024, 2048)
LONG = (("lstm", 16, 1024, 768), ("gru", 16, 1024, 768), ("rnn", 16, 1024, 768))
QUICK = (("lstm", 2, 5, 4), ("rnn_relu", 2, 5, 4), ("gru", 2, 5, 4))


def contestants(task: Recurrent, asked: Asked) -> list[Contestant]:
    """Beside the engines asked for NVIDIA's own, where it can run the task."""
    found = recurrent.contestants(task, asked)
    if task.cell == "lstm" and "cudnn" not in asked.engines:
        found.insert(1, Contestant("ours cudnn", "ours", {"engine": "cudnn"}))
    return found


def cases(asked: Asked) -> Iterator[Case]:
    for cell, B, T, D in QUICK if asked.quick else LONG + DEEPBENCH:
        task = Recurrent(cell, B, T, D, D, asked.dtype)
        yield Case(label(task), task, contestants(task, asked))
    for D in WIDTHS[:0] if asked.quick else WIDTHS:
        task = Recurrent("lstm", 64, 128, D, D, asked.dtype)
        yield Case(label(task), task, contestants(task, asked), at=("D", D))
