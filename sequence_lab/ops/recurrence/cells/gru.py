"""The gated recurrent unit."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
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
from sequence_lab.ops.recurrence.initializers import chrono

Array = jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class GRUCell(Options):
    """Gated recurrent unit (Cho et al. 2014).

    r, z = sigmoid(W x + U h + b), each its own rows
    n = tanh(W_n x + b_n + r * (U_n h + recurrent_bias))
    h' = (1 - z) * n + z * h

    The matrices hold the gates in the order r z n, as ``torch.nn.GRU`` and cuDNN, whose r and z biases are added up
    here. With layer_norm every product is LN(.) * scale, that of r and z together, that of n on its own (Ba et al.
    2016, supplement).

    Attributes: those of ``Options``, and
      reset_after: the reset gate after the recurrent product, as above, or before it as the paper has it:
        n = tanh(W_n x + b_n + U_n (r * h)); the word and both forms are those of ``keras.layers.GRU``.
      chrono_steps: b_z starts from log U(1, chrono_steps - 1) (Tallec and Ollivier 2018).
    """

    reset_after: bool = True
    chrono_steps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.use_bias and self.chrono_steps is not None:
            raise ValueError("use_bias is False; allowed with chrono_steps: True")

    def parameters(self, in_features: int) -> Params:
        matrices = self.matrices(in_features, 3)
        if not self.reset_after:
            recurrent, candidate = (
                self.matrices(in_features, 2)["recurrent"],
                self.matrices(in_features, 1)["recurrent"],
            )
            matrices |= {"recurrent": recurrent, "candidate": candidate}
        z = zeros if self.chrono_steps is None else chrono(self.chrono_steps)
        biases = self.biases(bias=[zeros, z, zeros]) | (self.biases(recurrent_bias=zeros) if self.reset_after else {})
        return Params(matrices, biases | self.scales(input_scale=3, recurrent_scale=3))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        if not self.layer_norm:
            return dot("input", x, add=local.get("bias"))
        rz, n = self._split(dot("input", x))
        scale_rz, scale_n = self._split(local["input_scale"])
        return plus(jnp.concatenate([normalised(rz, scale_rz), normalised(n, scale_n)], axis=-1), local, "bias")

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
        h = dropped(carry.h, context)
        u_rz, u_n = self._split(u)
        scale_rz, scale_n = self._split(local["recurrent_scale"]) if self.layer_norm else (None, None)
        if self.reset_after:
            h_rz, h_n = self._split(dot("recurrent", h))
            r, z = jnp.split(sigmoid(u_rz + _scaled(h_rz, scale_rz)), 2, axis=-1)
            n = jnp.tanh(u_n + r * plus(_scaled(h_n, scale_n), local, "recurrent_bias"))
        else:
            r, z = jnp.split(sigmoid(u_rz + _scaled(dot("recurrent", h), scale_rz)), 2, axis=-1)
            n = jnp.tanh(u_n + _scaled(dot("candidate", r * h), scale_n))
        new = (1 - z) * n + z * carry.h
        new = zoned(new, carry.h, self.zoneout_hidden, keep.h)
        return HiddenCarry(new), new

    def _split(self, a: Array) -> tuple[Array, Array]:
        """The blocks of r and z, and that of n."""
        return a[..., : 2 * self.features], a[..., 2 * self.features :]


def _scaled(product: Array, scale: Array | None) -> Array:
    return product if scale is None else normalised(product, scale)
