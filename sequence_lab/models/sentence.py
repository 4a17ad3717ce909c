"""Classifiers of sentences without recurrence: convolution with pooling over time, and bags of words."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import POOLINGS, check_dropout
from sequence_lab.nn import Conv1D, Dense, Embedding
from sequence_lab.ops import masking, pooling

Array = jax.Array


def small_uniform(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    """Vectors of unknown words as Kim (2014) draws them: U(-0.25, 0.25)."""
    return jax.random.uniform(key, shape, dtype, -0.25, 0.25)


class SentenceCNN(nn.Module):
    """Filters of several widths over words, their maxima over time, one affine layer: ids ``[B, T]`` to ``[B, K]``.

    Kim (2014), CNN-rand; the sentence is padded with width - 1 zeros on either side, as in the paper's own code, so
    that every word is seen by every place of a filter. With ``optimizer.max_norm`` 3 the last layer is the paper's.

    Attributes:
      num_outputs: classes K.
      vocabulary_size: symbols.
      embedding_features: size of the words' vectors.
      widths: of the filters.
      features: filters of each width.
      dropout: before the last layer.
    """

    num_outputs: int
    vocabulary_size: int
    embedding_features: int = 300
    widths: tuple[int, ...] = (3, 4, 5)
    features: int = 100
    dropout: float = 0.5

    @nn.compact
    def __call__(self, ids_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        embedding = Embedding(self.vocabulary_size, self.embedding_features, table_init=small_uniform, name="embedding")
        x_BTC = embedding(ids_BT, lengths_B)
        maxima = []
        for width in self.widths:
            wide = ((width - 1, width - 1),)
            y_BTD, new_B = Conv1D(self.features, width, padding=wide, name=f"filters_{width}")(x_BTC, lengths_B)
            maxima.append(pooling.max_over_time(nn.relu(y_BTD), new_B))
        y_BD = nn.Dropout(self.dropout)(jnp.concatenate(maxima, axis=-1), deterministic=not train)
        return Dense(self.num_outputs, name="head")(y_BD)


class DynamicKMaxNetwork(nn.Module):
    """Wide convolution, folding, dynamic k-max pooling, layer by layer: ids ``[B, T]`` to ``[B, K]``.

    DCNN (Kalchbrenner et al. 2014, section 3). A filter runs over time in each dimension of the words' vectors alone,
    with weights of its own there; folding then adds neighbouring dimensions up, in each layer (section 5.2).

    Attributes:
      num_outputs: classes K.
      vocabulary_size: symbols.
      embedding_features: size of the words' vectors, which each layer halves.
      widths, features: of the filters of each layer, and how many maps it has.
      k_top: values that the last layer keeps of each map.
      dropout: before the last layer.
    """

    num_outputs: int
    vocabulary_size: int
    embedding_features: int = 48
    widths: tuple[int, ...] = (7, 5)
    features: tuple[int, ...] = (6, 14)
    k_top: int = 4
    dropout: float = 0.5

    @nn.compact
    def __call__(self, ids_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        if self.embedding_features % 2 ** len(self.widths) or len(self.widths) != len(self.features):
            raise ValueError(
                f"embedding_features is {self.embedding_features}, widths {self.widths}, features {self.features}; "
                "allowed: what can be halved in every layer, and as many widths as features"
            )
        table_init = nn.initializers.normal(0.1)
        x_BTC = Embedding(self.vocabulary_size, self.embedding_features, table_init=table_init, name="embedding")(
            ids_BT, lengths_B
        )
        rows, layers = self.embedding_features, len(self.widths)
        length, new_B = ids_BT.shape[-1], lengths_B
        for layer, (width, features) in enumerate(zip(self.widths, self.features, strict=True), 1):
            convolution = Conv1D(
                rows * features,
                width,
                padding=((width - 1, width - 1),),
                feature_group_count=rows,
                name=f"layer_{layer}",
            )  # channels are rows of maps, one group a row
            x_BTC, new_B = convolution(x_BTC, new_B)
            rows //= 2
            folded = x_BTC.reshape(*x_BTC.shape[:-1], rows, 2, features).sum(axis=-2)
            x_BTC = folded.reshape(*x_BTC.shape[:-1], rows * features)
            k = pooling.dynamic_k(length, layer, layers, self.k_top)
            k_B = None if lengths_B is None else pooling.dynamic_k(lengths_B, layer, layers, self.k_top)
            x_BTC, new_B = pooling.k_max_pool(x_BTC, new_B, k=min(k, x_BTC.shape[-2]), k_B=k_B)
            x_BTC = masking.zero_padding(nn.tanh(x_BTC), new_B)
        y_BD = nn.Dropout(self.dropout)(x_BTC.reshape(x_BTC.shape[0], -1), deterministic=not train)
        return Dense(self.num_outputs, name="head")(y_BD)


class BagOfWords(nn.Module):
    """The words' vectors pooled over the sentence, whatever their order: ids ``[B, T]`` to ``[B, K]``.

    The neural bag of words of Kalchbrenner et al. (2014): what a model gains over it, it has from neighbours.

    Attributes:
      num_outputs: classes K.
      vocabulary_size: symbols.
      embedding_features: size of the words' vectors.
      representation: "mean", "max" or "log_sum_exp" over the words.
      dropout: before the last layer.
    """

    num_outputs: int
    vocabulary_size: int
    embedding_features: int = 300
    representation: str = "mean"
    dropout: float = 0.5

    @nn.compact
    def __call__(self, ids_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        orderless = ("log_sum_exp", "max", "mean")
        if self.representation not in orderless:
            raise ValueError(f"representation is {self.representation!r}; allowed: {', '.join(orderless)}")
        embedding = Embedding(self.vocabulary_size, self.embedding_features, table_init=small_uniform, name="embedding")
        y_BD = POOLINGS[self.representation](embedding(ids_BT, lengths_B), lengths_B)
        return Dense(self.num_outputs, name="head")(nn.Dropout(self.dropout)(y_BD, deterministic=not train))
