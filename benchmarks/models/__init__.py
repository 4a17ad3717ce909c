"""The networks whose training steps are timed: parameters by name, a batch, and the operations of its products.

Names and layouts of parameters are those of ``sequence_lab``'s layers: kernels ``[*kernel_size, in, out]``, gates side
by side. ``linen`` and ``torch`` hold the same networks.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.tasks import Arrays, TrainingStep, draw

Shapes = dict[str, tuple[int, ...]]
CLASSES = 10
WIDTHS = (3, 4, 5)  # of Kim's convolutions
LAYERS = 2  # of the language model
CHECKED_STEPS = 3


class Model(NamedTuple):
    """What is known of a network without a framework.

    Attributes:
      shapes: of its parameters.
      batch: inputs and labels.
      flops: of the products of one training step.
    """

    shapes: Callable[[TrainingStep], Shapes]
    batch: Callable[[TrainingStep], tuple[np.ndarray, np.ndarray]]
    flops: Callable[[TrainingStep], float]


def resnet_blocks(task: TrainingStep) -> list[tuple[str, int, int, int]]:
    """(name, input channels, channels, stride) of every block of He et al. 2016, section 4.2; size: (side, blocks)."""
    found, features = [], 16
    for stage, wider in enumerate((16, 32, 64)):
        for block in range(task.size[1]):
            found.append((f"{stage}_{block}", features, wider, 2 if stage and not block else 1))
            features = wider
    return found


def resnet_shapes(task: TrainingStep) -> Shapes:
    convolutions = {"0": (3, 16)}
    for name, old, new, _ in resnet_blocks(task):
        convolutions |= {f"{name}_a": (old, new), f"{name}_b": (new, new)}
    shapes: Shapes = {}
    for name, (old, new) in convolutions.items():
        shapes |= {f"conv{name}/kernel": (3, 3, old, new), f"norm{name}/scale": (new,), f"norm{name}/bias": (new,)}
    return shapes | {"head/kernel": (64, CLASSES), "head/bias": (CLASSES,)}


def resnet_batch(task: TrainingStep) -> tuple[np.ndarray, np.ndarray]:
    return draw("images", (task.B, task.size[0], task.size[0], 3), 3**0.5), labels(task.B, CLASSES)


def resnet_flops(task: TrainingStep) -> float:
    side = task.size[0]
    first, total = side**2 * 9 * 3 * 16, 0
    for _, old, new, stride in resnet_blocks(task):
        side //= stride
        total += side**2 * 9 * (old + new) * new
    # The images need no gradient.
    return 2.0 * task.B * (2 * first + 3 * (total + 64 * CLASSES))


def kim_shapes(task: TrainingStep) -> Shapes:
    """Kim 2014; size: (vocabulary, embedding, steps, filters of each width)."""
    vocabulary, embedding, _, filters = task.size
    shapes: Shapes = {"embedding/table": (vocabulary, embedding)}
    for width in WIDTHS:
        shapes |= {f"conv{width}/kernel": (width, embedding, filters), f"conv{width}/bias": (filters,)}
    return shapes | {"head/kernel": (len(WIDTHS) * filters, 2), "head/bias": (2,)}


def kim_batch(task: TrainingStep) -> tuple[np.ndarray, np.ndarray]:
    words = np.random.default_rng(0).integers(0, task.size[0], (task.B, task.size[2]))
    return words.astype(np.int32), labels(task.B, 2)


def kim_flops(task: TrainingStep) -> float:
    _, embedding, steps, filters = task.size
    forward = sum((steps - width + 1) * width * embedding * filters for width in WIDTHS) + len(WIDTHS) * filters * 2
    return 2.0 * 3 * task.B * forward


def lm_shapes(task: TrainingStep) -> Shapes:
    """Zaremba et al. 2014; size: (vocabulary, features, steps)."""
    vocabulary, features, _ = task.size
    shapes: Shapes = {"embedding/table": (vocabulary, features)}
    for layer in range(LAYERS):
        for name in ("input", "recurrent"):
            shapes[f"lstm{layer}/{name}"] = (features, 4 * features)
        shapes[f"lstm{layer}/bias"] = (4 * features,)
    return shapes | {"head/kernel": (features, vocabulary), "head/bias": (vocabulary,)}


def lm_batch(task: TrainingStep) -> tuple[np.ndarray, np.ndarray]:
    vocabulary, _, steps = task.size
    words = np.random.default_rng(0).integers(0, vocabulary, (task.B, steps + 1)).astype(np.int32)
    return words[:, :-1], words[:, 1:]


def lm_flops(task: TrainingStep) -> float:
    vocabulary, features, steps = task.size
    return 2.0 * 3 * task.B * steps * (LAYERS * 8 * features**2 + features * vocabulary)


def labels(count: int, classes: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, classes, count).astype(np.int32)


def parameters(task: TrainingStep) -> Arrays:
    """Drawn to the scale of each layer's inputs; gains of 1."""
    arrays: Arrays = {}
    for name, shape in MODELS[task.model].shapes(task).items():
        fan_in = 1 if name.endswith("table") else math.prod(shape[:-1])
        arrays[name] = draw(name, shape, (3 / fan_in) ** 0.5 if len(shape) > 1 else 0.1)
        if name.endswith("scale"):
            arrays[name] += 1
    return arrays


MODELS: Mapping[str, Model] = {
    "resnet": Model(resnet_shapes, resnet_batch, resnet_flops),
    "kim_cnn": Model(kim_shapes, kim_batch, kim_flops),
    "lstm_lm": Model(lm_shapes, lm_batch, lm_flops),
}
