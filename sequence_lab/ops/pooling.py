"""Pooling by windows, and over the whole of time, under the lengths contract.

An empty row gives zeros, never -inf or NaN.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sequence_lab.ops import convolution, masking

Array = jax.Array


def max_pool(
    x: Array,
    lengths: Array | None = None,
    *,
    kernel_size: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: convolution.Padding = "VALID",
) -> tuple[Array, Array | None]:
    """The largest value in each window: ``[..., *spatial, C] -> [..., *out, C]`` and the new lengths.

    Args:
      x: batch axes, as many spatial axes as ``kernel_size`` has entries, channels.
      lengths: ``[...]`` for the first spatial axis (time), ``[..., spatial]`` for each, or None.
      kernel_size: window per spatial axis.
      strides: default: the window, as in PyTorch's ``max_pool1d`` and ``max_pool2d``.
      padding: as for a convolution; padded places never win.

    Raises:
      ValueError: a window longer than the input, or padding that could fill a window.
    """
    kernel_size = tuple(kernel_size)
    strides = kernel_size if strides is None else tuple(strides)
    spatial, ones = len(kernel_size), (1,) * len(kernel_size)
    batch_ndim = x.ndim - spatial - 1
    per_axis = convolution.spatial_lengths(lengths, batch_ndim, spatial)
    widths = convolution.pad_widths(padding, kernel_size, ones)
    if any(max(pair) >= size for pair, size in zip(widths, kernel_size, strict=True)):
        raise ValueError(f"padding is {padding!r}; allowed: less than the window {kernel_size} on either side")
    convolution.check_window(x.shape[batch_ndim:-1], kernel_size, widths, ones)
    lowest = _lowest(x)
    y = lax.reduce_window(
        convolution.mask_spatial(x, per_axis, lowest),
        lowest,
        lax.max,
        (*(1,) * batch_ndim, *kernel_size, 1),
        (*(1,) * batch_ndim, *strides, 1),
        (*((0, 0),) * batch_ndim, *widths, (0, 0)),
    )
    new = convolution.output_lengths(per_axis, kernel_size, strides, widths, ones)
    return convolution.mask_spatial(y, new), convolution.join_lengths(new, lengths)


def max_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The largest value of each channel over the real steps: ``[..., T, C] -> [..., C]``; 0 for an empty row.

    The whole gradient goes to one step, the first of equals, as in PyTorch's ``max(dim)``.
    """
    masking.check_lengths(lengths_B, x_BTC.shape[:-2])
    filled_BTC = masking.fill_padding(x_BTC, lengths_B, _lowest(x_BTC))
    winner_B1C = jnp.argmax(filled_BTC, axis=-2, keepdims=True)
    y_BC = jnp.take_along_axis(x_BTC, winner_B1C, axis=-2)[..., 0, :]
    return y_BC if lengths_B is None else _zero_empty(y_BC, lengths_B)


def mean_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The mean over the real steps, summed in float32: ``[..., T, C] -> [..., C]``; 0 for an empty row."""
    masking.check_lengths(lengths_B, x_BTC.shape[:-2])
    if lengths_B is None:
        return jnp.mean(x_BTC, axis=-2)
    wide = jnp.promote_types(x_BTC.dtype, jnp.float32)
    total_BC = jnp.sum(masking.zero_padding(x_BTC, lengths_B), axis=-2, dtype=wide)
    return (total_BC / jnp.maximum(lengths_B, 1)[..., None]).astype(x_BTC.dtype)


def last_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The last real step: ``[..., T, C] -> [..., C]``; 0 for an empty row."""
    masking.check_lengths(lengths_B, x_BTC.shape[:-2])
    if lengths_B is None:
        return x_BTC[..., -1, :]
    index = jnp.maximum(lengths_B - 1, 0)[..., None, None]
    return _zero_empty(jnp.take_along_axis(x_BTC, index, axis=-2)[..., 0, :], lengths_B)


def _lowest(x: Array) -> np.ndarray:
    """What loses against every value of the type of ``x``: a constant, even under ``jit``.

    ``lax.reduce_window`` has a gradient only where it sees that constant.
    """
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return np.asarray(lowest, x.dtype)


def _zero_empty(y_BC: Array, lengths_B: Array) -> Array:
    return jnp.where(lengths_B[..., None] > 0, y_BC, jnp.zeros((), y_BC.dtype))
