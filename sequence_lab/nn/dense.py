"""The affine layer, under the lengths contract."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import masking

Array = jax.Array


class Dense(nn.Module):
    """y = x W + b at every step: ``[..., T, C] -> [..., T, features]``; ``flax.linen.Dense`` for full rows.

    With ``lengths_B`` padding is replaced by zero before the product and the output is zero there; without,
    any number of leading axes (none of them special) is accepted.
    """

    features: int
    use_bias: bool = True
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        masking.check_lengths(lengths_B, x_BTC.shape[:-2])
        shape = (x_BTC.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, self.param_dtype)
        bias = None
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype)
        x_BTC, kernel, bias = promote_dtype(x_BTC, kernel, bias, dtype=self.dtype)
        y_BTD = masking.zero_padding(x_BTC, lengths_B) @ kernel
        return masking.zero_padding(y_BTD if bias is None else y_BTD + bias, lengths_B)
