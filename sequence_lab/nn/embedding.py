"""Vectors for symbols, under the lengths contract."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype
from jax.typing import ArrayLike

from sequence_lab.ops import dropout, masking
from sequence_lab.ops.affine import affine

Array = jax.Array
Initializer = nn.initializers.Initializer


def pretrained(vectors_VD: ArrayLike) -> Initializer:
    """The initializer that gives these vectors, such as the table of ``data.word_vectors.load_word_vectors``.

    It raises ValueError when asked for another shape than theirs.
    """
    vectors_VD = np.array(vectors_VD)

    def init(key: Array, shape: Any, dtype: Any = jnp.float32, out_sharding: Any = None) -> Array:
        if tuple(shape) != vectors_VD.shape:
            raise ValueError(f"vectors have shape {vectors_VD.shape}; allowed: {tuple(shape)}, that of the table")
        return jnp.array(vectors_VD, dtype, out_sharding=out_sharding)

    return init


class Embedding(nn.Module):
    """Looks up a vector per symbol: integer ``[..., T]`` to ``[..., T, features]``, zero past the length.

    Symbols are ids in 0..num_embeddings-1; what stands in the padding need not be. An id out of range at a real step is
    refused with ValueError; under ``jit``, where values are not known, it reads the nearest row, and
    ``ops.masking.checkified`` alone sees it. Vectors start out drawn from N(0, 1), as in ``torch.nn.Embedding``:
    recurrent layers over them learn faster than from N(0, 1 / features), the ``flax.linen.Embed`` default.

    Attributes:
      padding_id: a symbol whose vector is zero, whatever the table holds, and takes no gradient. (The ``padding_idx``
        of ``torch.nn.Embedding`` takes none either, but its row is merely initialised to zero.) Never dropped.
      table_init: fills the table; ``pretrained`` makes one of loaded vectors.
      frozen: keeps the table in the collection "constants" instead of "params", where no optimizer sees it.
      word_dropout: under ``train=True``, the rate at which real steps lose their symbol, each for itself (Iyyer et
        al. 2015; Bowman et al. 2016).
      unknown_id: the symbol that takes the place of a lost one; None: a zero vector does.
      embedding_dropout: under ``train=True``, the rate at which rows of the table are dropped for this pass, at all
        steps of all sequences; the others are scaled by 1 / (1 - rate) (Gal and Ghahramani 2016; Merity et al. 2018).
      dtype, param_dtype: to compute in (None: that of the table) and to store the table in.

    Both kinds of dropout draw from the rng "dropout". With JAX's default generator, what a step draws does not depend
    on how much padding follows.
    """

    num_embeddings: int
    features: int
    padding_id: int | None = None
    table_init: Initializer = nn.initializers.normal(1.0)
    frozen: bool = False
    word_dropout: float = 0.0
    unknown_id: int | None = None
    embedding_dropout: float = 0.0
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def setup(self) -> None:
        for name, rate in {"word_dropout": self.word_dropout, "embedding_dropout": self.embedding_dropout}.items():
            if not 0 <= rate < 1:
                raise ValueError(f"{name} is {rate}; allowed: 0 or more, below 1")
        for name, symbol in {"padding_id": self.padding_id, "unknown_id": self.unknown_id}.items():
            if symbol is not None and not 0 <= symbol < self.num_embeddings:
                raise ValueError(f"{name} is {symbol}; allowed: 0 to {self.num_embeddings - 1}, or None")
        shape = (self.num_embeddings, self.features)
        if self.frozen:
            self.table_VD = self.variable(
                "constants", "table", lambda: self.table_init(self.make_rng("params"), shape, self.param_dtype)
            ).value
        else:
            self.table_VD = self.param("table", self.table_init, shape, self.param_dtype)

    def __call__(self, tokens_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if not jnp.issubdtype(tokens_BT.dtype, jnp.integer):
            raise ValueError(f"tokens have type {tokens_BT.dtype}; allowed: an integer type")
        lengths_B = masking.checked_lengths(lengths_B, tokens_BT.shape[:-1], tokens_BT.shape[-1])
        # A small integer type may not reach the last symbol.
        last = min(self.num_embeddings - 1, int(jnp.iinfo(tokens_BT.dtype).max))
        masking.check_range("tokens", masking.zero_padding(jnp.asarray(tokens_BT), lengths_B), last)
        # One past the last row stands for nothing: a zero vector that takes no gradient.
        nothing = self.num_embeddings
        ids_BT = masking.fill_padding(jnp.clip(tokens_BT, 0, last).astype(jnp.int32), lengths_B, nothing)
        if self.padding_id is not None:
            ids_BT = jnp.where(ids_BT == self.padding_id, nothing, ids_BT)
        if train:
            ids_BT = self._drop(ids_BT)
        # Reading within the table keeps checkify's index checks quiet, which mode="fill" would not.
        vectors_BTD = jnp.take(self.table_VD, jnp.minimum(ids_BT, nothing - 1), axis=0, mode="clip")
        vectors_BTD = jnp.where((ids_BT == nothing)[..., None], 0, vectors_BTD)
        if train and self.embedding_dropout:
            vectors_BTD = vectors_BTD / (1 - self.embedding_dropout)
        return vectors_BTD if self.dtype is None else vectors_BTD.astype(self.dtype)

    def _drop(self, ids_BT: Array) -> Array:
        """The ids after both kinds of dropout."""
        nothing = self.num_embeddings
        if self.word_dropout:
            instead = nothing if self.unknown_id in (None, self.padding_id) else self.unknown_id
            lost_BT = dropout.drawn(self.make_rng("dropout"), self.word_dropout, ids_BT.shape)
            ids_BT = jnp.where(lost_BT & (ids_BT != nothing), instead, ids_BT)
        if self.embedding_dropout:
            dropped_V = jax.random.bernoulli(self.make_rng("dropout"), self.embedding_dropout, (nothing,))
            ids_BT = jnp.where(jnp.append(dropped_V, True)[ids_BT], nothing, ids_BT)
        return ids_BT

    def attend(self, y_BTD: Array, lengths_B: Array | None = None) -> Array:
        """A score per symbol, its vector's dot product with y: ``[..., T, features]`` to ``[..., T, V]``.

        The output layer tied to the input's table (Press and Wolf 2017; Inan et al. 2017), ``flax.linen.Embed.attend``
        for full rows: ``layer.apply(variables, y_BTD, lengths_B, method="attend")``. No rows are dropped here, and
        ``padding_id`` scores 0. Without lengths any number of leading axes is accepted.

        Raises:
          ValueError: y has another number of features than the vectors.
        """
        if y_BTD.shape[-1] != self.features:
            raise ValueError(f"y has {y_BTD.shape[-1]} features; allowed: {self.features}, those of the vectors")
        if lengths_B is not None:
            lengths_B = masking.checked_lengths(lengths_B, y_BTD.shape[:-2], y_BTD.shape[-2])
        table_VD = jnp.asarray(self.table_VD)
        if self.padding_id is not None:
            table_VD = table_VD.at[self.padding_id].set(0)
        y_BTD, table_VD = promote_dtype(y_BTD, table_VD, dtype=self.dtype)
        return masking.zero_padding(affine(masking.zero_padding(y_BTD, lengths_B), table_VD.T), lengths_B)
