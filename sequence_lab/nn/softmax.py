"""Softmax over many symbols in two steps, by groups of them: of classes, and adaptive.

Both take the ids to be in order of frequency, the most frequent first, and give log probabilities of all symbols: the
whole distribution, as sampling and mixtures need it, and as matrix products of fixed shape. What is saved against one
softmax are products with the vectors of rare symbols, which are shorter under ``AdaptiveSoftmax``.
"""

import itertools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.nn.dense import Dense
from sequence_lab.ops import masking

Array = jax.Array


def frequency_classes(counts_V: Sequence[int], num_classes: int) -> tuple[int, ...]:
    """The first id after each class, where ids are cut into classes of about equal shares of the text.

    Mikolov et al. (2011), "Extensions of recurrent neural network language model", section 4: frequent symbols are in
    small classes, rare ones in large ones. As in the RNNLM toolkit the n-th class ends with the first symbol up to
    which n shares of the text are reached, but has one symbol at least; and it leaves one to each class after it.

    Args:
      counts_V: occurrences of each id.

    Returns:
      ``num_classes`` bounds, ascending; the last is V.

    Raises:
      ValueError: ``num_classes`` is not from 1 to V, or nothing occurs.
    """
    counts = np.asarray(counts_V, np.int64)
    if not 1 <= num_classes <= len(counts) or not counts.sum():
        raise ValueError(f"classes is {num_classes}; allowed for {len(counts)} symbols that occur: 1 to as many")
    up_to_V, bounds = np.cumsum(counts) * num_classes, [0]
    for number in range(1, num_classes):
        reached = int(np.searchsorted(up_to_V, number * counts.sum())) + 1
        bounds.append(min(max(reached, bounds[-1] + 1), len(counts) - (num_classes - number)))
    return (*bounds[1:], len(counts))


class ClassSoftmax(nn.Module):
    """log P(class) + log P(symbol | class): ``[..., T, C]`` to log probabilities ``[..., T, V]``, 0 in the padding.

    Mikolov et al. (2011), equations 6 and 7, of the whole distribution.

    Attributes:
      bounds: the first id after each class; the last is V, see ``frequency_classes``.
    """

    bounds: tuple[int, ...]

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        classes_BTK = jax.nn.log_softmax(Dense(len(self.bounds), name="classes")(x_BTC, lengths_B))
        symbols_BTV = Dense(self.bounds[-1], name="symbols")(x_BTC, lengths_B)
        # Split, not sliced: the gradient of each of a hundred slices would be an array of all V.
        own = jnp.split(symbols_BTV, self.bounds[:-1], axis=-1)
        each = jnp.split(classes_BTK, len(self.bounds), axis=-1)
        parts = [jax.nn.log_softmax(part) + log_BT1 for part, log_BT1 in zip(own, each, strict=True)]
        return masking.zero_padding(jnp.concatenate(parts, axis=-1), lengths_B)


class AdaptiveSoftmax(nn.Module):
    """The most frequent symbols and groups of the others; of each group its own: log probabilities ``[..., T, V]``.

    Grave et al. (2017), "Efficient softmax approximation for GPUs"; ``torch.nn.AdaptiveLogSoftmaxWithLoss.log_prob``:
    the i-th group is told apart by vectors of C / 4^i numbers. 0 in the padding.

    Attributes:
      cutoffs: the first id of each group, and V; ascending.
    """

    cutoffs: tuple[int, ...]

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> Array:
        if len(self.cutoffs) < 2 or not all(a < b for a, b in itertools.pairwise((0, *self.cutoffs))):
            raise ValueError(f"cutoffs is {self.cutoffs}; allowed: ascending, above 0, with the vocabulary's size last")
        frequent, groups = self.cutoffs[0], len(self.cutoffs) - 1
        head_BTK = jax.nn.log_softmax(Dense(frequent + groups, use_bias=False, name="head")(x_BTC, lengths_B))
        parts = [head_BTK[..., :frequent]]
        for number, (first, end) in enumerate(itertools.pairwise(self.cutoffs)):
            fewer = max(1, x_BTC.shape[-1] // 4 ** (number + 1))
            short = Dense(fewer, use_bias=False, name=f"projection_{number}")(x_BTC, lengths_B)
            own = Dense(end - first, use_bias=False, name=f"group_{number}")(short, lengths_B)
            parts.append(jax.nn.log_softmax(own) + head_BTK[..., frequent + number, None])
        return masking.zero_padding(jnp.concatenate(parts, axis=-1), lengths_B)
