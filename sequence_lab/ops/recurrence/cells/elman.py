"""The simple recurrent network."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.nn.initializers import zeros

from sequence_lab.ops.recurrence.cells.cell import (
    Dot,
    HiddenCarry,
    Local,
    Options,
    Params,
    Zoneout,
    dropped,
    normalised,
    plus,
    zoned,
)

Array = jax.Array

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RNNCell(Options):
    """Elman's network (1990): h = activation(W x + U h + b); ``torch.nn.RNN``, its two biases added up.

    With layer_norm: h = activation(LN(W x + U h) * scale + b) (Ba et al. 2016, equation 4). The IRNN of Le et al.
    (2015) is activation="relu", recurrent_init="identity"; Mikolov's (2010) is activation="sigmoid", use_bias=False.

    Attributes: those of ``Options``, and
      activation: "tanh", "relu" or "sigmoid".
    """

    activation: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {self.activation!r}; allowed: {', '.join(ACTIVATIONS)}")

    @property
    def is_unitwise(self) -> bool:
        return not self.layer_norm

    def parameters(self, in_features: int) -> Params:
        return Params(self.matrices(in_features, 1), self.biases(bias=zeros) | self.scales(scale=1))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        return dot("input", x) if self.layer_norm else dot("input", x, add=local.get("bias"))

    def step(
        self,
        local: Local,
        carry: HiddenCarry,
        u: Array,
        dot: Dot,
        context: Array | None = None,
        noise: Zoneout | None = None,
    ) -> tuple[HiddenCarry, Array]:
        keep = noise or Zoneout()
        a = dot("recurrent", dropped(carry.h, context), add=u)
        if self.layer_norm:
            a = plus(normalised(a, local["scale"]), local, "bias")
        h = ACTIVATIONS[self.activation](a)
        h = zoned(h, carry.h, self.zoneout_hidden, keep.h)
        return HiddenCarry(h), h
