"""Whole training steps: forward, backward, update; and their peak memory."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case
from benchmarks.tasks import TrainingStep

CASES = {
    "ResNet-20 B128, 32x32": TrainingStep("resnet", 128, (32, 3)),
    "Kim's CNN B50 T56": TrainingStep("kim_cnn", 50, (20_000, 300, 56, 100)),
    "LSTM 2x200 B20 T35": TrainingStep("lstm_lm", 20, (10_000, 200, 35)),
}
QUICK = {
    "ResNet-8 B4, 8x8": TrainingStep("resnet", 4, (8, 1)),
    "Kim's CNN B2 T9": TrainingStep("kim_cnn", 2, (20, 6, 9, 5)),
    "LSTM 2x4 B2 T5": TrainingStep("lstm_lm", 2, (20, 4, 5)),
}
# In a deep network of ReLUs rounding alone carries some activations across zero, and their whole share of the gradient
# comes or goes.
TOLERANCES = {"ResNet-20 B128, 32x32": 5e-2}


def cases(asked: Asked) -> Iterator[Case]:
    if asked.dtype != "float32":
        return  # mixed precision is a recipe of its own in each framework
    for name, task in (QUICK if asked.quick else CASES).items():
        tolerance = TOLERANCES.get(name, 1e-3)
        yield Case(name, task, asked.contestants("flax", "torch"), ("time", "memory"), ("step",), tolerance=tolerance)
