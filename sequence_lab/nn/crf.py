"""From features to a chain of labels."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.nn.dense import Dense
from sequence_lab.ops import masking

Array = jax.Array


class ChainPotentials(nn.Module):
    """Potentials of a linear-chain conditional random field: ``(x_BTC, lengths_B) -> [B, T, K, K]``; see ``ops.crf``.

    potentials[t, i, j] = (W x_t + b)_j + A_ij from class i to class j, and at t = 0 (W x_0 + b)_j + a_j: Lafferty et
    al. 2001, with a transition that depends on nothing (Collobert et al. 2011, section 3.3.2).

    Attributes:
      features: classes, K.
      dtype, param_dtype: to compute in (None: promote input and parameters) and to store parameters in.
    """

    features: int
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        emissions = Dense(self.features, dtype=self.dtype, param_dtype=self.param_dtype, name="emissions")
        y_BTK = emissions(x_BTC, lengths_B)
        shape = (self.features, self.features)
        transitions_KK = self.param("transitions", nn.initializers.zeros, shape, self.param_dtype)
        start_K = self.param("start", nn.initializers.zeros, (self.features,), self.param_dtype)
        y_BTK, transitions_KK, start_K = promote_dtype(y_BTK, transitions_KK, start_K, dtype=self.dtype)
        is_first_T11 = (jnp.arange(y_BTK.shape[-2]) == 0)[:, None, None]
        potentials_BTKK = y_BTK[..., None, :] + jnp.where(is_first_T11, start_K, transitions_KK)
        return masking.zero_padding(potentials_BTKK, lengths_B)
