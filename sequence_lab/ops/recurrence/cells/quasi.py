"""The quasi-recurrent network and the simple recurrent unit: what they put out is gated, not what they remember."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jax.nn.initializers import constant, zeros

from sequence_lab.ops.recurrence.cells.cell import Carry, Dot, Local, Params, plus
from sequence_lab.ops.recurrence.cells.linear import LinearOptions, StateCarry, gates, wide

Array = jax.Array
POOLINGS = ("f", "fo", "ifo")
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {"identity": lambda c: c, "tanh": jnp.tanh}


class QRNNCarry(NamedTuple):
    """Memory c, and what the inputs so far add to the gates of the ``kernel_size - 1`` steps to come.

    As coefficient a it has no ``past``, of which a step keeps nothing.
    """

    c: Array
    past: Array | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class QRNNCell(LinearOptions):
    """Quasi-recurrent network (Bradbury et al. 2017, section 2): gates from a window of inputs, then pooling.

    z = tanh(W_z * x + b_z)
    f, o, i = sigmoid(W * x + b), each its own rows
    c' = f * c + (1 - f) * z, with pooling "ifo" f * c + i * z
    h' = o * c', with pooling "f" c'

    W * x is the sum over k < kernel_size of V_k x_{t-k}: inputs before the first are 0. The matrix holds V_0, V_1 and
    so on side by side, each with the gates in the order z f o i, as far as there are any. The carry is
    ``QRNNCarry(c, past)``, for kernel_size 1 ``StateCarry(c)``. The paper's own zoneout does not take the expectation
    outside training.

    Attributes: those of ``LinearOptions``, and
      kernel_size: inputs that a gate sees, the present one and those just before.
      pooling: "f", "fo" or "ifo".
    """

    kernel_size: int = 2
    pooling: str = "fo"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.kernel_size, int) or self.kernel_size < 1:
            raise ValueError(f"kernel_size is {self.kernel_size!r}; allowed: an int >= 1")
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling is {self.pooling!r}; allowed: {', '.join(POOLINGS)}")

    @property
    def delay(self) -> int:
        return self.kernel_size - 1

    @property
    def num_gates(self) -> int:
        """z, and those of the pooling."""
        return 1 + len(self.pooling)

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> Carry:
        c = jnp.zeros((*batch_shape, self.features), dtype)
        if not self.delay:
            return StateCarry(c)
        return QRNNCarry(c, jnp.zeros((*batch_shape, self.delay * self.num_gates * self.features), dtype))

    def parameters(self, in_features: int) -> Params:
        matrix = self.input_matrix(in_features, self.kernel_size * self.num_gates)
        return Params({"input": matrix}, self.biases(bias=[zeros] * self.num_gates))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        return dot("input", x)

    def coefficients(self, local: Local, before: Any, u: Array, noise: Array | None) -> tuple[Carry, Carry]:
        z, f, *more = self._gates(local, before, u)
        i = sigmoid(more[1] if self.pooling == "ifo" else -f)
        a, b = self.zoned(sigmoid(f) if self.pooling == "ifo" else 1 - i, i * jnp.tanh(z), noise)
        if not self.delay:
            return StateCarry(a), StateCarry(b)
        width = self.num_gates * self.features
        past = wide(u[..., width:])
        if self.delay > 1:
            # What was to come after the next step is now one step nearer.
            nearer = jnp.concatenate([before.past[..., width:], jnp.zeros_like(before.past[..., :width])], axis=-1)
            past = past + nearer
        return QRNNCarry(a, None), QRNNCarry(b, past)

    def outputs(self, local: Local, before: Any, after: Any, u: Array, dot: Dot) -> Array:
        return after.c if self.pooling == "f" else sigmoid(self._gates(local, before, u)[2]) * after.c

    def _gates(self, local: Local, before: Any, u: Array) -> list[Array]:
        """z f o i before their activations, from all inputs that they see."""
        width = self.num_gates * self.features
        present = wide(u[..., :width]) + before.past[..., :width] if self.delay else u
        return gates(local, present, self.num_gates)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SRUCell(LinearOptions):
    """Simple recurrent unit (Lei et al. 2018), the one without v * c in its gates, which is linear in c.

    v = W x
    f = sigmoid(W_f x + b_f)
    r = sigmoid(W_r x + b_r)
    c' = f * c + (1 - f) * v
    h' = r * activation(c') + (1 - r) * x

    The matrix holds v f r, and, where x is not of size D, a fourth block p, with p = W_p x in the place of x.

    Attributes: those of ``LinearOptions``, and
      activation: "identity", or "tanh", as the paper's first version has it (arXiv 1709.02755v1).
      highway_bias: initial value of b_r; below 0 a deep stack starts nearer to passing x on (section 3.2).
      rescale: x or p in h' times sqrt(1 + 2 exp(highway_bias)), which keeps its variance in deep stacks (section 3.2).
    """

    activation: str = "identity"
    highway_bias: float = 0.0
    rescale: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {self.activation!r}; allowed: {', '.join(ACTIVATIONS)}")
        if not self.use_bias and self.highway_bias:
            raise ValueError("use_bias is False; allowed with a highway_bias: True")

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> StateCarry:
        return StateCarry(jnp.zeros((*batch_shape, self.features), dtype))

    def parameters(self, in_features: int) -> Params:
        matrix = self.input_matrix(in_features, 3 if in_features == self.features else 4)
        return Params({"input": matrix}, self.biases(bias=[zeros, constant(self.highway_bias)]))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        u = dot("input", x)
        return u if u.shape[-1] == 4 * self.features else jnp.concatenate([u, x], axis=-1)

    def coefficients(
        self, local: Local, before: StateCarry | None, u: Array, noise: Array | None
    ) -> tuple[StateCarry, StateCarry]:
        v, f, _, _ = self._split(local, u)
        i = sigmoid(-f)
        a, b = self.zoned(1 - i, i * v, noise)
        return StateCarry(a), StateCarry(b)

    def outputs(self, local: Local, before: StateCarry | None, after: StateCarry, u: Array, dot: Dot) -> Array:
        _, _, r, x = self._split(local, u)
        r = sigmoid(r)
        scale = math.sqrt(1 + 2 * math.exp(self.highway_bias)) if self.rescale else 1.0
        return r * ACTIVATIONS[self.activation](after.c) + (1 - r) * scale * x

    def _split(self, local: Local, u: Array) -> tuple[Array, Array, Array, Array]:
        v, fr, x = jnp.split(wide(u), [self.features, 3 * self.features], axis=-1)
        f, r = jnp.split(plus(fr, local, "bias"), 2, axis=-1)
        return v, f, r, x
