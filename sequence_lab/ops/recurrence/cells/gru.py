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
      context_features: of so many inputs at the end, the part in n is within the reset gate (Cho et al. 2014, appendix
        A, the decoder): n = tanh(W_n x + b_n + r * (U_n h + recurrent_bias + C_n c)); for ``reset_after`` without
        layer_norm.
      chrono_steps: b_z starts from log U(1, chrono_steps - 1) (Tallec and Ollivier 2018).
    """

    reset_after: bool = True
    context_features: int = 0
    chrono_steps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chrono_steps is not None:
            chrono(self.chrono_steps)
        if self.context_features < 0 or (self.context_features and (self.layer_norm or not self.reset_after)):
            allowed = "0, or more with reset_after and without layer_norm"
            raise ValueError(f"context_features is {self.context_features}; allowed: {allowed}")
        if not self.use_bias and self.chrono_steps is not None:
            raise ValueError("use_bias is False; allowed with chrono_steps: True")

    @property
    def is_unitwise(self) -> bool:
        return self.reset_after and not self.layer_norm and not self.context_features

    def parameters(self, in_features: int) -> Params:
        if in_features < self.context_features:
            raise ValueError(f"context_features is {self.context_features}; allowed: at most {in_features}, the inputs")
        matrices = self.matrices(in_features - self.context_features, 3)
        scales = {"input_scale": 3, "recurrent_scale": 3}
        if self.context_features:
            matrices |= {"context": self.input_matrix(self.context_features, 3)}
        biases = self.biases(bias=[zeros, zeros if self.chrono_steps is None else chrono(self.chrono_steps), zeros])
        if self.reset_after:
            biases |= self.biases(recurrent_bias=zeros)
        else:
            rz, n = (self.matrices(in_features, gates)["recurrent"] for gates in (2, 1))
            matrices |= {"recurrent": rz, "candidate": n}
            scales |= {"recurrent_scale": 2, "candidate_scale": 1}
        return Params(matrices, biases | self.scales(**scales))

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        if not self.context_features:
            return self._product("input", x, local, dot, add=local.get("bias"))
        x, c = jnp.split(x, [x.shape[-1] - self.context_features], axis=-1)
        u = self._product("input", x, local, dot, add=local.get("bias"))
        (u_rz, u_n), (c_rz, c_n) = (jnp.split(both, [2 * self.features], axis=-1) for both in (u, dot("context", c)))
        return jnp.concatenate([u_rz + c_rz, u_n, c_n], axis=-1)

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
        u_r, u_z, u_n, *c_n = jnp.split(u, u.shape[-1] // self.features, axis=-1)
        if self.reset_after:
            # Added to the whole product, as its gradient then is that of the product: scan has it for nothing.
            bias = jnp.pad(local["recurrent_bias"], (2 * self.features, 0)) if self.use_bias else None
            h_r, h_z, h_n = jnp.split(self._product("recurrent", h, local, dot, add=bias), 3, axis=-1)
        else:
            h_r, h_z = jnp.split(self._product("recurrent", h, local, dot), 2, axis=-1)
        r, z = sigmoid(u_r + h_r), sigmoid(u_z + h_z)
        if self.reset_after:
            n = jnp.tanh(u_n + r * sum(c_n, h_n))
        else:
            n = jnp.tanh(u_n + self._product("candidate", r * h, local, dot))
        new = zoned((1 - z) * n + z * carry.h, carry.h, self.zoneout_hidden, keep.h)
        return HiddenCarry(new), new

    def _product(self, name: str, a: Array, local: Local, dot: Dot, add: Array | None = None) -> Array:
        """``dot``, with layer_norm the product of r and z and that of n each normalised before ``add``."""
        if not self.layer_norm:
            return dot(name, a, add=add)
        product = dot(name, a)
        at = [2 * self.features] if product.shape[-1] == 3 * self.features else []
        blocks = zip(jnp.split(product, at, axis=-1), jnp.split(local[f"{name}_scale"], at), strict=True)
        product = jnp.concatenate([normalised(block, scale) for block, scale in blocks], axis=-1)
        return product if add is None else product + add
