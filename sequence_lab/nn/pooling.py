"""Pooling with parameters, under the lengths contract. Without: ``sequence_lab.ops.pooling``."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import masking, pooling
from sequence_lab.ops.affine import affine

Array = jax.Array


class AttentionPooling(nn.Module):
    """A weighted mean over time, by learned scores: ``(x_BTC, lengths_B) -> y_BC``.

    score_t = v . tanh(W x_t + b), a = softmax of the scores over the real steps, y = sum_t a_t x_t: Yang et al. 2016,
    equations 5 to 7; Lin et al. 2017, equation 5, which has no b. Softmax and sum are in float32; an empty row gives 0.

    Attributes:
      features: of the hidden layer, the length of v.
      dtype, param_dtype: to compute in (None: promote input and parameters) and to store parameters in.

    Raises:
      ValueError: lengths of another shape than the batch axes.
    """

    features: int
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], x_BTC.shape[-2])
        initializer = nn.initializers.lecun_normal()
        kernel_CD = self.param("kernel", initializer, (x_BTC.shape[-1], self.features), self.param_dtype)
        bias_D = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype)
        context_D1 = self.param("context", initializer, (self.features, 1), self.param_dtype)
        x_BTC, kernel_CD, bias_D, context_D1 = promote_dtype(x_BTC, kernel_CD, bias_D, context_D1, dtype=self.dtype)
        x_BTC = masking.zero_padding(x_BTC, lengths_B)
        scores_BT1 = affine(jnp.tanh(affine(x_BTC, kernel_CD, bias_D)), context_D1)
        return pooling.attention_over_time(x_BTC, scores_BT1[..., 0], lengths_B)
