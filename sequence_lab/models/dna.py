"""Classifiers of DNA."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.sensors import ConvNet1D, Streams
from sequence_lab.nn import Embedding
from sequence_lab.ops import masking, symbols

Array = jax.Array


class DNAConvNet(ConvNet1D):
    """``ConvNet1D`` over one-hot bases ``[B, T, 4]``, or over their k-mers, which may read both strands.

    Attributes:
      both_strands: but in training, the outputs are the means of those for the sequence and for its reverse complement.
      k_mer: 1, filters read bases; more, the learnt vectors of so many neighbouring bases, of which one that is unknown
        makes the vector zero.
      embedding_features: size of a k-mer's vector.
    """

    both_strands: bool = True
    k_mer: int = 1
    embedding_features: int = 16

    def setup(self) -> None:
        if self.k_mer > 1:
            self.embedding = Embedding(4**self.k_mer + 1, self.embedding_features, padding_id=4**self.k_mer)

    def __call__(self, inputs: Streams, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        assert not isinstance(inputs, Mapping)
        if train or not self.both_strands:
            return super().__call__(*self._read(inputs, lengths_B), train=train)
        together, twice = on_both_strands(inputs, lengths_B)
        return super().__call__(*self._read(together, twice)).reshape(2, -1, self.num_outputs).mean(axis=0)

    def _read(self, x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
        """What the first filters see."""
        if self.k_mer == 1:
            return x_BTC, lengths_B
        ids_BT = jnp.where(x_BTC.max(axis=-1) == 1, x_BTC.argmax(axis=-1), 4)
        words_BT, lengths_B = symbols.k_mers(ids_BT, self.k_mer, lengths_B)
        return self.embedding(words_BT, lengths_B), lengths_B


def on_both_strands(x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    """The sequences, and after them their reverse complements."""
    twice = None if lengths_B is None else jnp.concatenate([lengths_B, lengths_B])
    return jnp.concatenate([x_BTC, symbols.reverse_complement(x_BTC, lengths_B)]), twice


def filter_maps(model: DNAConvNet, variables: Any, x_BTC: Array, lengths_B: Array | None = None) -> tuple[Array, Array]:
    """Sequences, one-hot ``[N, T, 4]``, and what the filters of the first layer make of every window of them.

    N is twice B where the model reads both strands: the sequences, then their reverse complements. The maps,
    ``[N, T - W + 1, D]`` after ReLU, have at t that of the window ``[t, t + W)``; of windows that hang over a row's end
    they are zero.
    """

    def is_first(module: nn.Module, method: str) -> bool:
        return module.name == "block_0" and method == "__call__"

    _, kept = model.apply(variables, x_BTC, lengths_B, capture_intermediates=is_first, mutable=["intermediates"])
    ((maps_NTD, lengths_N),) = kept["intermediates"]["block_0"]["__call__"]
    x_NTC, bases_N = on_both_strands(x_BTC, lengths_B) if model.both_strands else (x_BTC, lengths_B)
    before = (model.kernel_size - 1) // 2  # places at which a filter hangs over the front: of SAME
    whole = max(maps_NTD.shape[1] - model.kernel_size + 1, 0)
    maps_NTD = nn.relu(maps_NTD[:, before : before + whole])
    windows_N = None if lengths_N is None else jnp.maximum(lengths_N - model.kernel_size + 1, 0)
    return masking.zero_padding(x_NTC, bases_N), masking.zero_padding(maps_NTD, windows_N)
