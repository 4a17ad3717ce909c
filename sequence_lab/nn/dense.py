"""The affine layer, under the lengths contract."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import masking
from sequence_lab.ops.affine import affine

Array = jax.Array
Initializer = nn.initializers.Initializer


class Dense(nn.Module):
    """y = x W + b at every step: ``[..., T, C] -> [..., T, features]``; ``flax.linen.Dense`` for full rows.

    With ``lengths_B`` padding is replaced by zero before the product and the output is zero there; without,
    any number of leading axes (none of them special) is accepted.
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        if lengths_B is not None:
            lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], x_BTC.shape[-2])
        kernel = self.param("kernel", self.kernel_init, (x_BTC.shape[-1], self.features), self.param_dtype)
        bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype) if self.use_bias else None
        x_BTC, kernel, bias = promote_dtype(x_BTC, kernel, bias, dtype=self.dtype)
        return masking.zero_padding(affine(masking.zero_padding(x_BTC, lengths_B), kernel, bias), lengths_B)
