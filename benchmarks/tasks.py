"""What is measured: a task fixes shapes and types, and its arrays follow from it, the same for every contestant.

Arrays have the names and the layout of ``sequence_lab``; each peer brings them into its own. They are drawn by NumPy
from seeds, so that no process has to send them to another.
"""

import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]
GATES = {"lstm": 4, "gru": 3, "gru_before": 3, "rnn": 1, "rnn_relu": 1}
# Haiku has the GRU of the paper and a ReLU network in their place: the same products, other pointwise work.
HAIKU_HAS = {"gru": "gru_before", "rnn": "rnn_relu"}


class Recurrent(NamedTuple):
    """One recurrent layer over full rows: inputs [B, T, C], outputs [B, T, D].

    ``cell`` is one of ``GATES`` (``gru_before``: the reset gate before the product) or any cell of ``sequence_lab``.
    """

    cell: str
    B: int
    T: int
    C: int
    D: int
    dtype: str = "float32"

    def flops(self, mode: str) -> float | None:
        """Of the products with matrices alone; each has two gradients, of as many operations."""
        if self.cell not in GATES:
            return None
        forward = 2.0 * self.B * self.T * (self.C + self.D) * GATES[self.cell] * self.D
        return forward if mode == "forward" else 3 * forward


class Convolution(NamedTuple):
    """One convolution without bias: inputs [B, *size, C], kernel [*kernel, C / groups, D], padding as a pair per axis.

    Its kernel and sizes have one axis (time) or two (height and width).
    """

    B: int
    size: tuple[int, ...]
    C: int
    D: int
    kernel: tuple[int, ...]
    stride: int = 1
    groups: int = 1
    padding: tuple[tuple[int, int], ...] = ()
    dtype: str = "float32"

    @property
    def out_size(self) -> tuple[int, ...]:
        ends = self.padding or ((0, 0),) * len(self.size)
        return tuple((n + sum(p) - k) // self.stride + 1 for n, k, p in zip(self.size, self.kernel, ends, strict=True))

    def flops(self, mode: str) -> float:
        return 2.0 * self.B * math.prod(self.out_size) * math.prod(self.kernel) * self.C // self.groups * self.D


class TrainingStep(NamedTuple):
    """One step of training of one of ``models.MODELS``: forward, backward, update."""

    model: str
    B: int
    size: tuple[int, ...] = ()
    dtype: str = "float32"
    dropout: bool = True

    def flops(self, mode: str) -> float:
        from benchmarks.models import MODELS

        return MODELS[self.model].flops(self)


class Products(NamedTuple):
    """A product of two square matrices, large enough to run as fast as the machine can."""

    size: int
    dtype: str = "float32"

    def flops(self, mode: str) -> float:
        return 2.0 * self.size**3


Task = Recurrent | Convolution | TrainingStep | Products


def smaller(task: Any) -> Any:
    """Of the same kind and little memory."""
    return task._replace(T=min(8, task.T)) if isinstance(task, Recurrent) else task._replace(B=2)


def recurrent_shapes(task: Recurrent) -> dict[str, tuple[int, ...]]:
    """The parameters of the cells that every peer has."""
    width = GATES[task.cell] * task.D
    shapes = {"input": (task.C, width), "recurrent": (task.D, width), "bias": (width,)}
    return shapes | ({"recurrent_bias": (task.D,)} if task.cell == "gru" else {})


def recurrent_arrays(task: Recurrent, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """Parameters, inputs, and the cotangent of the outputs: dL/dy of a loss that weighs every output by a number."""
    bound = task.D**-0.5
    params = {name: draw(f"parameter {name}", shape, bound) for name, shape in shapes.items()}
    inputs, cotangent = (
        draw(name, (task.B, task.T, size), 3**0.5) for name, size in (("inputs", task.C), ("cotangent", task.D))
    )
    return params, inputs, cotangent


def convolution_arrays(task: Convolution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, kernel, and the cotangent of the outputs."""
    fan_in = math.prod(task.kernel) * task.C // task.groups
    return (
        draw("inputs", (task.B, *task.size, task.C), 3**0.5),
        draw("kernel", (*task.kernel, task.C // task.groups, task.D), (3 / fan_in) ** 0.5),
        draw("cotangent", (task.B, *task.out_size, task.D), 3**0.5),
    )


def draw(name: str, shape: tuple[int, ...], bound: float) -> np.ndarray:
    """Uniform in -bound .. bound, float32; another draw for every name."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return (generator.random(shape, dtype=np.float32) * 2 - 1) * np.float32(bound)


def label(task: Any) -> str:
    """The name of a recurrent or convolutional task in a table."""
    if isinstance(task, Recurrent):
        return f"{task.cell} B{task.B} T{task.T} C{task.C} D{task.D}"
    size, kernel = ("x".join(map(str, axes)) for axes in (task.size, task.kernel))
    extras = (f" /{task.stride}" if task.stride > 1 else "") + (f" g{task.groups}" if task.groups > 1 else "")
    return f"{kernel} {task.C}-{task.D} B{task.B} on {size}{extras}"
