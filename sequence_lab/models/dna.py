"""Classifiers of DNA."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from sequence_lab.models.sensors import ConvNet1D, Streams
from sequence_lab.ops import symbols

Array = jax.Array


class DNAConvNet(ConvNet1D):
    """``ConvNet1D`` over one-hot bases ``[B, T, 4]``, which may read both strands.

    Attributes:
      both_strands: but in training, the outputs are the means of those for the sequence and for its reverse complement.
    """

    both_strands: bool = True

    def __call__(self, inputs: Streams, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        assert not isinstance(inputs, Mapping)
        if train or not self.both_strands:
            return super().__call__(inputs, lengths_B, train=train)
        together = jnp.concatenate([inputs, symbols.reverse_complement(inputs, lengths_B)])
        twice = None if lengths_B is None else jnp.concatenate([lengths_B, lengths_B])
        return super().__call__(together, twice).reshape(2, -1, self.num_outputs).mean(axis=0)
