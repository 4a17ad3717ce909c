"""Recurrent cells: a cell is its gate equations, written once, as the paper writes them.

A cell multiplies by a matrix only through the ``dot`` that an engine hands it, and never sees time, a mask or
a direction. So an engine is free in how it runs the products, and every engine runs every cell. Weights are
stored ``[in, out]`` with the gates side by side along the last axis: one product serves all gates.

Write a new cell as a frozen dataclass with the four members of ``Cell`` and add it to ``CELLS``.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.nn import initializers, sigmoid

Array = jax.Array
Carry = Any
Initializer = Callable[[Array, tuple[int, ...], Any], Array]

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {"tanh": jnp.tanh, "relu": jax.nn.relu}


class Dot(Protocol):
    """``a @ matrices[name] (+ add)``: the only way a cell multiplies by a matrix. Each name once a step."""

    def __call__(self, name: str, a: Array, add: Array | None = None) -> Array: ...


class Parameter(NamedTuple):
    """Shape and initialiser of one array of parameters."""

    shape: tuple[int, ...]
    init: Initializer


class Params(NamedTuple):
    """A cell's parameters, as arrays or as the ``Parameter`` that describes each.

    ``matrices`` are touched by ``dot`` alone; ``local`` holds biases and other small arrays.
    """

    matrices: Mapping[str, Any]
    local: Mapping[str, Any]


class Cell(Protocol):
    """Plain, hashable options and the equations; holds no arrays, so it can be a static argument."""

    @property
    def features(self) -> int:
        """Size D of the output y_BD."""

    def parameters(self, in_features: int) -> Params:
        """The ``Parameter`` of every array, for inputs of size C."""

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any) -> Carry:
        """The carry before the first step: zeros."""

    def inputs(self, local: Mapping[str, Array], x: Array, dot: Dot) -> Array:
        """What the input alone contributes, u = W x + b; no carry, so it may run over all T at once."""

    def step(self, local: Mapping[str, Array], carry: Carry, u: Array, dot: Dot) -> tuple[Carry, Array]:
        """One step of time: (carry, u) to (carry, y)."""


def per_gate(init: Initializer, num_gates: int) -> Initializer:
    """Draws each gate's ``[in, D]`` block on its own, then sets the blocks side by side: ``[in, G * D]``."""

    def stacked(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
        block = (*shape[:-1], shape[-1] // num_gates)
        wide = jnp.promote_types(dtype, jnp.float32)  # an orthogonal matrix cannot be drawn in bfloat16
        blocks = [init(k, block, wide) for k in jax.random.split(key, num_gates)]
        return jnp.concatenate(blocks, axis=-1).astype(dtype)

    return stacked


def _parameters(in_features: int, features: int, num_gates: int, bias: Initializer) -> Params:
    """The common case: one input and one recurrent product for all gates, one bias."""
    width = num_gates * features
    return Params(
        matrices={
            "input": Parameter((in_features, width), per_gate(initializers.lecun_normal(), num_gates)),
            "recurrent": Parameter((features, width), per_gate(initializers.orthogonal(), num_gates)),
        },
        local={"bias": Parameter((width,), bias)},
    )


class HiddenCarry(NamedTuple):
    """The carry of cells whose only memory is their output."""

    h: Array


class LSTMCarry(NamedTuple):
    """Cell state c and output h."""

    c: Array
    h: Array


@dataclasses.dataclass(frozen=True)
class RNNCell:
    """Elman's network (1990): h = activation(W x + U h + b); ``torch.nn.RNN``, its two biases added up."""

    features: int
    activation: str = "tanh"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {self.activation!r}; allowed: {', '.join(ACTIVATIONS)}")

    def parameters(self, in_features: int) -> Params:
        return _parameters(in_features, self.features, 1, initializers.zeros)

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> HiddenCarry:
        return HiddenCarry(jnp.zeros((*batch_shape, self.features), dtype))

    def inputs(self, local: Mapping[str, Array], x: Array, dot: Dot) -> Array:
        return dot("input", x, add=local["bias"])

    def step(self, local: Mapping[str, Array], carry: HiddenCarry, u: Array, dot: Dot) -> tuple[HiddenCarry, Array]:
        h = ACTIVATIONS[self.activation](dot("recurrent", carry.h, add=u))
        return HiddenCarry(h), h


@dataclasses.dataclass(frozen=True)
class LSTMCell:
    """Long short-term memory with forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W x + U h + b), each its own rows;  g = tanh(W_g x + U_g h + b_g)
    c = f * c + i * g;  h = o * tanh(c)

    Gates lie in the order i f g o, as in ``torch.nn.LSTM``, whose two biases are added up here.

    Attributes:
      forget_bias: initial value of b_f; 1 lets gradients through from the start (Jozefowicz et al. 2015).
    """

    features: int
    forget_bias: float = 0.0

    def parameters(self, in_features: int) -> Params:
        def bias(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
            return jnp.zeros(shape, dtype).at[self.features : 2 * self.features].set(self.forget_bias)

        return _parameters(in_features, self.features, 4, bias)

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> LSTMCarry:
        zeros = jnp.zeros((*batch_shape, self.features), dtype)
        return LSTMCarry(c=zeros, h=zeros)

    def inputs(self, local: Mapping[str, Array], x: Array, dot: Dot) -> Array:
        return dot("input", x, add=local["bias"])

    def step(self, local: Mapping[str, Array], carry: LSTMCarry, u: Array, dot: Dot) -> tuple[LSTMCarry, Array]:
        i, f, g, o = jnp.split(dot("recurrent", carry.h, add=u), 4, axis=-1)
        c = sigmoid(f) * carry.c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
        return LSTMCarry(c, h), h


@dataclasses.dataclass(frozen=True)
class GRUCell:
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the recurrent product.

    r, z = sigmoid(W x + U h + b), each its own rows
    n = tanh(W_n x + b_n + r * (U_n h + b_recurrent))
    h = (1 - z) * n + z * h

    Gates lie in the order r z n, as in ``torch.nn.GRU`` and cuDNN; their r and z biases are added up here.
    """

    features: int

    def parameters(self, in_features: int) -> Params:
        params = _parameters(in_features, self.features, 3, initializers.zeros)
        recurrent_bias = Parameter((self.features,), initializers.zeros)
        return params._replace(local={**params.local, "recurrent_bias": recurrent_bias})

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> HiddenCarry:
        return HiddenCarry(jnp.zeros((*batch_shape, self.features), dtype))

    def inputs(self, local: Mapping[str, Array], x: Array, dot: Dot) -> Array:
        return dot("input", x, add=local["bias"])

    def step(self, local: Mapping[str, Array], carry: HiddenCarry, u: Array, dot: Dot) -> tuple[HiddenCarry, Array]:
        u_r, u_z, u_n = jnp.split(u, 3, axis=-1)
        h_r, h_z, h_n = jnp.split(dot("recurrent", carry.h), 3, axis=-1)
        r, z = sigmoid(u_r + h_r), sigmoid(u_z + h_z)
        n = jnp.tanh(u_n + r * (h_n + local["recurrent_bias"]))
        h = (1 - z) * n + z * carry.h
        return HiddenCarry(h), h


CELLS: Mapping[str, Callable[..., Cell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
