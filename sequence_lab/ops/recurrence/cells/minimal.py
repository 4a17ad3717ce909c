"""minGRU and minLSTM: gated units whose gates do not look at h."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.nn import sigmoid, softplus
from jax.nn.initializers import constant, zeros

from sequence_lab.ops.recurrence.cells.cell import Dot, HiddenCarry, Local, Params
from sequence_lab.ops.recurrence.cells.linear import LinearOptions, gates

Array = jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class MinGRUCell(LinearOptions):
    """Minimal gated recurrent unit (Feng et al. 2024, section 3.1): ``GRUCell`` without what looks at h.

    z = sigmoid(W_z x + b_z)
    n = W_n x + b_n
    h' = (1 - z) * h + z * n

    The matrix holds the gates in the order z n. Unlike in ``GRUCell``, z lets the new value in.

    Attributes: those of ``LinearOptions``, and
      positive: n = g(W_n x + b_n), g(v) = v + 1/2 for v >= 0, else sigmoid(v): with it every h is a mean of positive
        numbers (appendix B, where it serves to run the recurrence on logarithms; the values here are the same).
    """

    positive: bool = False

    def parameters(self, in_features: int) -> Params:
        return Params({"input": self.input_matrix(in_features, 2)}, self.biases(bias=[zeros] * 2))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        return dot("input", x)

    def coefficients(
        self, local: Local, before: HiddenCarry | None, u: Array, noise: Array | None
    ) -> tuple[HiddenCarry, HiddenCarry]:
        z, n = gates(local, u, 2)
        z = sigmoid(z)
        a, b = self.zoned(1 - z, z * (above_zero(n) if self.positive else n), noise)
        return HiddenCarry(a), HiddenCarry(b)

    def outputs(self, local: Local, before: HiddenCarry | None, after: HiddenCarry, u: Array, dot: Dot) -> Array:
        return after.h


@dataclasses.dataclass(frozen=True, kw_only=True)
class MinLSTMCell(LinearOptions):
    """Minimal LSTM (Feng et al. 2024, section 3.2): gates that do not look at h, and whose sum is 1.

    i = sigmoid(W_i x + b_i)
    f = sigmoid(W_f x + b_f)
    g = W_g x + b_g
    h' = f / (f + i) * h + i / (f + i) * g

    The matrix holds the gates in the order i f g. The quotients are taken as sigmoids of log i - log f, which is there
    when both gates are 0 to rounding.

    Attributes: those of ``LinearOptions``, and
      forget_bias: initial value of b_f; more of it keeps memory for longer from the start.
      positive: as in ``MinGRUCell``, of g.
    """

    forget_bias: float = 0.0
    positive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.use_bias and self.forget_bias:
            raise ValueError("use_bias is False; allowed with a forget_bias: True")

    def parameters(self, in_features: int) -> Params:
        return Params(
            {"input": self.input_matrix(in_features, 3)},
            self.biases(bias=[zeros, constant(self.forget_bias), zeros]),
        )

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        return dot("input", x)

    def coefficients(
        self, local: Local, before: HiddenCarry | None, u: Array, noise: Array | None
    ) -> tuple[HiddenCarry, HiddenCarry]:
        i, f, g = gates(local, u, 3)
        share = sigmoid(softplus(-f) - softplus(-i))  # i / (f + i)
        a, b = self.zoned(1 - share, share * (above_zero(g) if self.positive else g), noise)
        return HiddenCarry(a), HiddenCarry(b)

    def outputs(self, local: Local, before: HiddenCarry | None, after: HiddenCarry, u: Array, dot: Dot) -> Array:
        return after.h


def above_zero(v: Array) -> Array:
    """g of Feng et al. (2024, appendix B): v + 1/2 for v >= 0, else sigmoid(v)."""
    return jnp.where(v >= 0, v + 0.5, sigmoid(v))
