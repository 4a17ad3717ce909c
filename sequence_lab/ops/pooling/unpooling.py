"""The way back from a maximum to where it came from."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from sequence_lab.ops import windows

Array = jax.Array


def max_unpool(
    y: Array, indices: Array, lengths: Array | None = None, *, output_size: Sequence[int]
) -> tuple[Array, Array | None]:
    """Puts pooled values back where ``max_pool_with_indices`` took them from, between zeros.

    Matches ``torch.nn.functional.max_unpool1d`` and ``max_unpool2d``. A place that won several windows is written once;
    their values are the same one, and of different ones (PyTorch leaves open which stays) an arbitrary one stays.

    Args:
      y: ``[*batch, *out, C]``.
      indices: integers shaped like ``y``, flat places within ``output_size``; those outside, such as -1, are dropped.
      lengths: those of *before* the pooling, ``[*batch]`` or ``[*batch, spatial]``, or None.
      output_size: the spatial axes of before the pooling.

    Returns:
      ``[*batch, *output_size, C]``, zero past the lengths, and these.

    Raises:
      ValueError: indices of another shape or no integers, too many spatial axes, lengths that do not fit.
    """
    y, indices, sizes = jnp.asarray(y), jnp.asarray(indices), tuple(output_size)
    if indices.shape != y.shape or not jnp.issubdtype(indices.dtype, jnp.integer):
        raise ValueError(
            f"indices have shape {indices.shape} and type {indices.dtype}; allowed: integers of shape {y.shape}, "
            "one per value"
        )
    if not 1 <= len(sizes) < y.ndim or any(size < 1 for size in sizes):
        raise ValueError(
            f"output_size is {output_size!r} for values of shape {y.shape}; allowed: an int >= 1 per spatial axis"
        )
    batch_shape = y.shape[: -len(sizes) - 1]
    split = windows.spatial_lengths(lengths, batch_shape, sizes)
    rows, places, channels = math.prod(batch_shape), math.prod(sizes), y.shape[-1]
    # A negative index would count from the end.
    indices = jnp.where(indices < 0, places, indices).reshape(rows, -1, channels)
    x = jnp.zeros((rows, places, channels), y.dtype)
    x = x.at[jnp.arange(rows)[:, None, None], indices, jnp.arange(channels)].set(y.reshape(indices.shape), mode="drop")
    return windows.mask_spatial(x.reshape(*batch_shape, *sizes, channels), split), lengths
