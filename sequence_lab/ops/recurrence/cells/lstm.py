"""Long short-term memory."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jax.nn.initializers import constant, zeros

from sequence_lab.ops.recurrence.cells.cell import (
    Dot,
    Local,
    Options,
    Parameter,
    Params,
    Zoneout,
    dropped,
    named,
    normalised,
    plus,
    zoned,
    zoneout,
)
from sequence_lab.ops.recurrence.initializers import chrono

Array = jax.Array


class LSTMCarry(NamedTuple):
    """Cell state c and output h."""

    c: Array
    h: Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSTMCell(Options):
    """Long short-term memory with forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    i = sigmoid(W_i x + U_i h + p_i * c + b_i)
    f = sigmoid(W_f x + U_f h + p_f * c + b_f)
    g = tanh(W_g x + U_g h + b_g)
    c' = f * c + i * g
    o = sigmoid(W_o x + U_o h + p_o * c' + b_o)
    h' = o * tanh(c')

    The matrices hold the gates in the order i f g o, as ``torch.nn.LSTM``, whose two biases are added up here. With
    layer_norm: LN(W x) * input_scale + LN(U h) * recurrent_scale + b over all gates together, and
    h' = o * tanh(LN(c') * cell_scale + cell_bias) (Ba et al. 2016, equations 20 to 22).

    Attributes: those of ``Options``, and
      forget_bias: initial value of b_f; 1 lets gradients through from the start (Jozefowicz et al. 2015).
      chrono_steps: b_f starts from log U(1, chrono_steps - 1) and b_i from -b_f (Tallec and Ollivier 2018).
      peephole: the p terms (Gers and Schmidhuber 2000; Greff et al. 2015, section 2), which start from 0.
      coupled: f = 1 - i, three gates i g o (CIFG: Greff et al. 2015); forget_bias and chrono_steps then set -b_i.
      projection: h' = P (o * tanh(c')) with so many rows of P (Sak et al. 2014; ``proj_size`` of ``torch.nn.LSTM``).
      zoneout_cell: probability that a unit's c stays as it was (Krueger et al. 2017).
    """

    forget_bias: float = 0.0
    chrono_steps: int | None = None
    peephole: bool = False
    coupled: bool = False
    projection: int | None = None
    zoneout_cell: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.projection is not None and self.projection < 1:
            raise ValueError(f"projection is {self.projection}; allowed: 1 or more, or None")
        if self.forget_bias and self.chrono_steps is not None:
            raise ValueError(f"forget_bias is {self.forget_bias}; allowed under chrono_steps, which sets it: 0")
        if self.chrono_steps is not None:
            chrono(self.chrono_steps)
        if not self.use_bias and (self.forget_bias or self.chrono_steps is not None):
            raise ValueError("use_bias is False; allowed with a forget_bias or chrono_steps: True")

    @property
    def out_features(self) -> int:
        return self.features if self.projection is None else self.projection

    @property
    def is_unitwise(self) -> bool:
        return self.projection is None and not self.layer_norm

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> LSTMCarry:
        c, h = (jnp.zeros((*batch_shape, size), dtype) for size in (self.features, self.out_features))
        return LSTMCarry(c, h)

    def parameters(self, in_features: int) -> Params:
        gates = 3 if self.coupled else 4
        matrices = self.matrices(in_features, gates)
        if self.projection is not None:
            matrices["projection"] = Parameter((self.features, self.projection), named(self.input_init))
        peepholes = {"peephole": Parameter(((gates - 1) * self.features,), zeros)} if self.peephole else {}
        biases = {"bias": Parameter((gates * self.features,), self._bias_init)} if self.use_bias else {}
        biases |= self.biases(cell_bias=zeros) if self.layer_norm else {}
        scales = self.scales(input_scale=gates, recurrent_scale=gates, cell_scale=1)
        return Params(matrices, biases | peepholes | scales)

    def _bias_init(self, key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        draw = constant(self.forget_bias) if self.chrono_steps is None else chrono(self.chrono_steps)
        f = draw(key, (self.features,), dtype)
        zero = jnp.zeros_like(f)
        i = -f if self.coupled or self.chrono_steps is not None else zero
        return jnp.concatenate([i, zero, zero] if self.coupled else [i, f, zero, zero])

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        if not self.layer_norm:
            return dot("input", x, add=local.get("bias"))
        return plus(normalised(dot("input", x), local["input_scale"]), local, "bias")

    def step(
        self,
        local: Local,
        carry: LSTMCarry,
        u: Array,
        dot: Dot,
        context: Array | None = None,
        noise: Zoneout | None = None,
    ) -> tuple[LSTMCarry, Array]:
        keep = noise or Zoneout()
        h = dropped(carry.h, context)
        if self.layer_norm:
            a = u + normalised(dot("recurrent", h), local["recurrent_scale"])
        else:
            a = dot("recurrent", h, add=u)
        i, *f, g, o = jnp.split(a, 3 if self.coupled else 4, axis=-1)
        p_i, *p_f, p_o = jnp.split(local["peephole"], 2 if self.coupled else 3) if self.peephole else (None,) * 3
        i = sigmoid(_peek(i, p_i, carry.c))
        forget = 1 - i if self.coupled else sigmoid(_peek(f[0], p_f[0], carry.c))
        c = forget * carry.c + i * jnp.tanh(g)
        o = sigmoid(_peek(o, p_o, c))
        read = plus(normalised(c, local["cell_scale"]), local, "cell_bias") if self.layer_norm else c
        h = o * jnp.tanh(read)
        if self.projection is not None:
            h = dot("projection", h)
        c = zoned(c, carry.c, self.zoneout_cell, keep.c)
        h = zoned(h, carry.h, self.zoneout_hidden, keep.h)
        return LSTMCarry(c, h), h

    def noise(self, key: Array, batch_shape: tuple[int, ...]) -> Zoneout:
        of_h, of_c = jax.random.split(key)
        c = zoneout(of_c, self.zoneout_cell, (*batch_shape, self.features))
        return super().noise(of_h, batch_shape)._replace(c=c)


def _peek(gate: Array, peephole: Array | None, c: Array) -> Array:
    return gate if peephole is None else gate + peephole * c
