"""Vectors for symbols, under the lengths contract."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.ops import masking

Array = jax.Array


class Embedding(nn.Module):
    """Looks up a vector per symbol: integer ``[..., T]`` to ``[..., T, features]``, zero past the length.

    Symbols are ids in 0..num_embeddings-1; what stands in the padding need not be. Vectors start out drawn from
    N(0, 1), as in ``torch.nn.Embedding``: recurrent layers over them learn faster than from N(0, 1 / features),
    the ``flax.linen.Embed`` default.
    """

    num_embeddings: int
    features: int
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, tokens_BT: Array, lengths_B: Array | None = None) -> Array:
        if not jnp.issubdtype(tokens_BT.dtype, jnp.integer):
            raise ValueError(f"tokens have type {tokens_BT.dtype}; allowed: an integer type")
        masking.check_lengths(lengths_B, tokens_BT.shape[:-1])
        table_VD = self.param(
            "table", nn.initializers.normal(1.0), (self.num_embeddings, self.features), self.param_dtype
        )
        table_VD = table_VD if self.dtype is None else table_VD.astype(self.dtype)
        vectors_BTD = jnp.take(table_VD, masking.zero_padding(tokens_BT, lengths_B), axis=0, mode="clip")
        return masking.zero_padding(vectors_BTD, lengths_B)
