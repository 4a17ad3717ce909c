"""Pooling of each row, whatever its length, into the same number of parts."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops import windows
from sequence_lab.ops.pooling import dtypes

Array = jax.Array


def adaptive_avg_pool(
    x: Array, lengths: Array | None = None, *, output_size: Sequence[int]
) -> tuple[Array, Array | None]:
    """The mean of each of n parts of a row: ``[*batch, *spatial, C] -> [*batch, *output_size, C]`` and lengths.

    Part i of a row of length L is floor(i L / n) to ceil((i + 1) L / n) - 1; parts may overlap, and n may be more than
    L. Matches ``torch.nn.functional.adaptive_avg_pool1d`` and ``adaptive_avg_pool2d`` on every row at its own length.

    Args:
      x: any number of batch axes, as many spatial axes as ``output_size`` has entries, channels.
      lengths: ``[*batch]`` for the first spatial axis (time), ``[*batch, spatial]`` for each, or None.
      output_size: n per spatial axis.

    Returns:
      The means, and the new lengths: n, or 0 for an empty row.

    Raises:
      ValueError: sizes below 1, too many of them, lengths of another shape.
    """
    x = dtypes.floating(x)
    y, lengths = _pool_parts(_mean, dtypes.wide(x), lengths, output_size)
    return y.astype(x.dtype), lengths


def adaptive_max_pool(
    x: Array, lengths: Array | None = None, *, output_size: Sequence[int]
) -> tuple[Array, Array | None]:
    """The largest value of each of n parts of a row; parts, arguments and errors as in ``adaptive_avg_pool``.

    Matches ``torch.nn.functional.adaptive_max_pool1d`` and ``adaptive_max_pool2d``; of equal values the first in
    row-major order takes the gradient.
    """
    return _pool_parts(_max, jnp.asarray(x), lengths, output_size)


def _pool_parts(
    reduce: Callable[[Array, Array, int], Array], x: Array, lengths: Array | None, output_size: Sequence[int]
) -> tuple[Array, Array | None]:
    """``reduce(values, real, axis)`` over the places of each part, one spatial axis at a time."""
    if not isinstance(output_size, Sequence) or not 1 <= len(output_size) < x.ndim:
        raise ValueError(
            f"output_size is {output_size!r} for an input of shape {x.shape}; allowed: one int per spatial axis, which "
            "stand before the channels"
        )
    sizes = windows.per_axis("output_size", output_size, len(output_size))
    first = x.ndim - 1 - len(sizes)
    if 0 in x.shape[first:-1]:
        raise ValueError(f"input has shape {x.shape}; allowed: 1 place or more along each spatial axis")
    split = windows.spatial_lengths(lengths, x.shape[:first], x.shape[first:-1])
    # The last axis first: so the first of equals in row-major order wins.
    for position in reversed(range(len(sizes))):
        x = reduce(*_parts(x, first + position, sizes[position], split[position]), first + position + 1)
    new = [None if length is None else jnp.minimum(length, 1) * n for length, n in zip(split, sizes, strict=True)]
    return windows.mask_spatial(x, new), windows.join_lengths(new, lengths)


def _parts(x: Array, axis: int, n: int, length: Array | None) -> tuple[Array, Array]:
    """``x`` with ``axis`` replaced by two, the n parts and the places of each, and which of those are in the part."""
    size, parts = x.shape[axis], np.arange(n)
    end = size if length is None else length[..., None]
    starts, ends = parts * end // n, -(-(parts + 1) * end // n)
    # ceil(L / n) + 1 places at most; without a remainder, if all rows are full, no more than L / n.
    most = size // n if length is None and size % n == 0 else min(size, -(-size // n) + 1)
    places = starts[..., None] + np.arange(most)
    real = jnp.asarray(places < ends[..., None])
    after = (1,) * (x.ndim - axis - 1)
    if length is None:
        return jnp.take(x, places, axis=axis, mode="clip"), real.reshape((1,) * axis + real.shape + after)
    before = (*length.shape, *(1,) * (axis - length.ndim))
    x = jnp.take_along_axis(x, places.reshape(*before, n * most, *after), axis=axis, mode="clip")
    x = x.reshape(*x.shape[:axis], n, most, *x.shape[axis + 1 :])
    return x, real.reshape(*before, n, most, *after)


def _mean(x: Array, real: Array, axis: int) -> Array:
    total = jnp.sum(jnp.where(real, x, 0), axis=axis)
    return total / jnp.maximum(jnp.sum(real, axis=axis), 1)


def _max(x: Array, real: Array, axis: int) -> Array:
    winner = jnp.argmax(jnp.where(real, x, dtypes.lowest(x)), axis=axis, keepdims=True)
    return jnp.squeeze(jnp.take_along_axis(x, winner, axis=axis), axis)
