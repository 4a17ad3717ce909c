"""A chain of labels, each dependent on its neighbours: linear-chain conditional random fields (Lafferty et al. 2001).

p(y | x) = exp(sum_t potentials[t, y_{t-1}, y_t]) / Z, and at t = 0 it is potentials[0, 0, y_0]: of the first step row 0
alone counts. Potentials are ``[*batch, T, K, K]``, from class i before to class j, finite, with what speaks for a class
and for a change of class in one array. Rows end at their lengths; an empty row has one path, of no steps. Sums in
float32 at least. Raised by all: ValueError for arrays of other shapes.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.pooling import dtypes

Array = jax.Array

FORBIDDEN = -1e30  # not -infinity, a sum of nothing but which has no gradient


def log_partition(potentials_BTKK: Array, lengths_B: Array | None = None) -> Array:
    """log Z, the sum over all paths, by the forward algorithm: ``[*batch]``; 0 for an empty row."""
    potentials_BTKK, lengths_B = _checked(potentials_BTKK, lengths_B)
    return _log_sum(potentials_BTKK, lengths_B)


def score(potentials_BTKK: Array, labels_BT: Array, lengths_B: Array | None = None) -> Array:
    """The sum of the potentials along a path, not divided by Z: ``[*batch]``; 0 for an empty row.

    Args:
      labels_BT: ints; past the lengths they are never read.
    """
    potentials_BTKK, lengths_B = _checked(potentials_BTKK, lengths_B)
    labels_BT = _checked_labels(labels_BT, potentials_BTKK)
    before_BT = jnp.pad(labels_BT[..., :-1], [(0, 0)] * (labels_BT.ndim - 1) + [(1, 0)])
    rows_BTK = jnp.take_along_axis(potentials_BTKK, before_BT[..., None, None], axis=-2)[..., 0, :]
    return jnp.sum(jnp.take_along_axis(rows_BTK, labels_BT[..., None], axis=-1)[..., 0], axis=-1)


def log_likelihood(
    potentials_BTKK: Array, labels_BT: Array, lengths_B: Array | None = None, observed_BT: Array | None = None
) -> Array:
    """log p(labels): ``[*batch]``; 0 for an empty row.

    Args:
      labels_BT: ints.
      observed_BT: where the label is known, booleans; elsewhere the likelihood sums over all labels. None: everywhere.
    """
    if observed_BT is None:
        return score(potentials_BTKK, labels_BT, lengths_B) - log_partition(potentials_BTKK, lengths_B)
    potentials_BTKK, lengths_B = _checked(potentials_BTKK, lengths_B)
    labels_BT = _checked_labels(labels_BT, potentials_BTKK)
    if observed_BT.shape != labels_BT.shape:
        raise ValueError(f"observed has shape {observed_BT.shape}; allowed: {labels_BT.shape}, that of the labels")
    own_BTK = jax.nn.one_hot(labels_BT, potentials_BTKK.shape[-1], dtype=bool)
    allowed_BTK = own_BTK | ~observed_BT[..., None]
    return _log_sum(potentials_BTKK, lengths_B, allowed_BTK) - _log_sum(potentials_BTKK, lengths_B)


def marginals(potentials_BTKK: Array, lengths_B: Array | None = None) -> Array:
    """p(y_{t-1} = i, y_t = j): ``[*batch, T, K, K]``, zero past the lengths; at t = 0 in row 0. Of steps: their sums.

    They are the gradient of ``log_partition``.
    """
    return jax.grad(lambda x: jnp.sum(log_partition(x, lengths_B)))(potentials_BTKK)


def viterbi(potentials_BTKK: Array, lengths_B: Array | None = None) -> tuple[Array, Array]:
    """The likeliest path, int32 ``[*batch, T]``, zero past the lengths, and its ``score`` ``[*batch]``.

    Viterbi 1967; of equal paths one.
    """
    potentials_BTKK, lengths_B = _checked(potentials_BTKK, lengths_B)
    classes = jnp.arange(potentials_BTKK.shape[-1])

    def step(best_BK: Array, potentials_BKK: Array, real_B: Array) -> tuple[Array, Array]:
        through_BKK = best_BK[..., None] + potentials_BKK
        # Past the end a path stays where it is, so that the way back from any step leads to its last real one.
        came_from_BK = jnp.where(real_B[..., None], through_BKK.argmax(-2), classes)
        return jnp.where(real_B[..., None], through_BKK.max(-2), best_BK), came_from_BK

    best_BK, came_from_TBK = _scanned(step, potentials_BTKK, lengths_B)
    last_B = best_BK.argmax(-1).astype(jnp.int32)

    def back(label_B: Array, came_from_BK: Array) -> tuple[Array, Array]:
        before_B = jnp.take_along_axis(came_from_BK, label_B[..., None], axis=-1)[..., 0].astype(jnp.int32)
        return before_B, label_B

    first_B, later_TB = jax.lax.scan(back, last_B, came_from_TBK, reverse=True)
    path_BT = jnp.moveaxis(jnp.concatenate([first_B[None], later_TB]), 0, -1)
    return masking.zero_padding(path_BT, lengths_B), _zero_empty(best_BK.max(-1), lengths_B)


def _log_sum(potentials_BTKK: Array, lengths_B: Array | None, allowed_BTK: Array | None = None) -> Array:
    """The sum over those paths that stay among the allowed classes."""
    if allowed_BTK is not None:
        potentials_BTKK = jnp.where(allowed_BTK[..., None, :], potentials_BTKK, FORBIDDEN)

    def step(sums_BK: Array, potentials_BKK: Array, real_B: Array) -> tuple[Array, None]:
        through_BK = jax.nn.logsumexp(sums_BK[..., None] + potentials_BKK, axis=-2)
        return jnp.where(real_B[..., None], through_BK, sums_BK), None

    sums_BK, _ = _scanned(step, potentials_BTKK, lengths_B)
    return _zero_empty(jax.nn.logsumexp(sums_BK, axis=-1), lengths_B)


def _scanned(
    step: Callable[[Array, Array, Array], tuple[Array, Any]], potentials_BTKK: Array, lengths_B: Array | None
) -> tuple[Array, Any]:
    """From step to step, beginning with the first one's row; ``step`` is told which rows have that step."""
    steps = potentials_BTKK.shape[-3]
    if lengths_B is None:
        lengths_B = jnp.full(potentials_BTKK.shape[:-3], steps)
    potentials_TBKK = jnp.moveaxis(potentials_BTKK, -3, 0)
    real_TB = jnp.arange(steps).reshape(-1, *(1,) * lengths_B.ndim) < lengths_B
    first_BK, later = potentials_TBKK[0, ..., 0, :], (potentials_TBKK[1:], real_TB[1:])
    return jax.lax.scan(lambda so_far_BK, at: step(so_far_BK, *at), first_BK, later)


def _checked(potentials_BTKK: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    """Potentials, in float32 at least and zero in the padding, and lengths."""
    potentials_BTKK = dtypes.wide(dtypes.floating(potentials_BTKK))
    shape = potentials_BTKK.shape
    if len(shape) < 3 or shape[-1] != shape[-2] or 0 in shape[-3:]:
        raise ValueError(f"potentials have shape {shape}; allowed: batch axes, time, K classes before, K classes")
    lengths_B = masking.checked_lengths(lengths_B, shape[:-3], shape[-3])
    return masking.zero_padding(potentials_BTKK, lengths_B), lengths_B


def _checked_labels(labels_BT: Array, potentials_BTKK: Array) -> Array:
    """A label outside of 0..K-1, as may stand in the padding, is read as the nearest class."""
    if labels_BT.shape != potentials_BTKK.shape[:-2]:
        raise ValueError(f"labels have shape {labels_BT.shape}; allowed: {potentials_BTKK.shape[:-2]}, one per step")
    return jnp.clip(labels_BT, 0, potentials_BTKK.shape[-1] - 1)


def _zero_empty(x_B: Array, lengths_B: Array | None) -> Array:
    return x_B if lengths_B is None else jnp.where(lengths_B > 0, x_B, 0)
