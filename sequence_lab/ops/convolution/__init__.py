"""Convolution in one and two dimensions, and its transpose, under the lengths contract.

Convolution is cross-correlation, as in PyTorch and Flax. Lengths, padding and receptive fields: ``windows``.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sequence_lab.ops import windows
from sequence_lab.ops.convolution import primitive
from sequence_lab.ops.convolution.geometry import Geometry

Array = jax.Array


def convolve(
    x: Array,
    kernel: Array,
    lengths: Array | None = None,
    *,
    strides: windows.PerAxis = 1,
    padding: windows.Padding = "VALID",
    dilation: windows.PerAxis = 1,
    feature_group_count: int = 1,
) -> tuple[Array, Array | None]:
    """y[o] = sum over taps i and channels j of kernel[i, j] x[o * stride + i * dilation - left, j].

    Matches ``torch.nn.functional.conv1d`` and ``conv2d``, up to the order of axes, on every row at its own length.

    Args:
      x: ``[*batch, *spatial, C]``; any number of batch axes, as many spatial ones as ``kernel`` has.
      kernel: ``[*kernel_size, C // feature_group_count, D]``.
      lengths: ``[*batch]`` for the first spatial axis (time), ``[*batch, spatial]`` for each, or None.
      padding: as in ``windows.pad_widths``; "REFLECT" and "CIRCULAR" refer to each row's own end.
      feature_group_count: channels are split into so many groups, each of which makes its part of the D outputs.

    Returns:
      ``[*batch, *out, D]``, zero past the new lengths, and those.

    Raises:
      ValueError: a window longer than the input, lengths of another shape, channels that do not match.
    """
    spatial = kernel.ndim - 2
    over = windows.windows(kernel.shape[:spatial], strides, padding, dilation, named=windows.ZEROS + windows.BOUNDARIES)
    batch_shape = _checked_batch(x, kernel, feature_group_count)
    split = windows.spatial_lengths(lengths, batch_shape, x.shape[-spatial - 1 : -1])
    x = windows.mask_spatial(x, split)
    windows.check_fit(x.shape[-spatial - 1 : -1], over)
    widths = tuple(window.padding for window in over)
    if padding in windows.BOUNDARIES:
        x, widths = windows.extend(x, split, widths, padding), ((0, 0),) * spatial
    x = x.reshape(math.prod(batch_shape), *x.shape[len(batch_shape) :])
    within = tuple(dataclasses.replace(window, padding=pair) for window, pair in zip(over, widths, strict=True))
    y = primitive.convolution(x, kernel, Geometry(within, x.shape[1:-1], int(feature_group_count)))
    new = windows.output_lengths(split, over)
    y = windows.mask_spatial(y.reshape(*batch_shape, *y.shape[1:]), new)
    return y, windows.join_lengths(new, lengths)


def convolve_transposed(
    x: Array,
    kernel: Array,
    lengths: Array | None = None,
    *,
    strides: windows.PerAxis = 1,
    padding: windows.Padding = "VALID",
    dilation: windows.PerAxis = 1,
    output_padding: int | Sequence[int] = 0,
    feature_group_count: int = 1,
) -> tuple[Array, Array | None]:
    """The transpose of a convolution: y[t * stride + i * dilation - left] += kernel[i, j] x[t, j].

    Matches ``torch.nn.functional.conv_transpose1d`` and ``conv_transpose2d``; arguments as in ``convolve``, but for

    Args:
      padding: places *taken off* the ends of y. "VALID" takes none; "SAME" makes L * stride steps out of L, the
        transpose of the convolution of that name; "CAUSAL" too, and no output sees a later step than its own
        (o // stride); an int or pairs as in PyTorch.
      output_padding: steps added at the right end, below the stride or the dilation, for a convolution with a stride
        has several input lengths for one output length.
    """
    spatial = kernel.ndim - 2
    over = windows.windows(kernel.shape[:spatial], strides, padding, dilation)
    extra = tuple(output_padding) if isinstance(output_padding, Sequence) else (output_padding,) * spatial
    if len(extra) != spatial or any(
        e not in range(max(w.stride, w.dilation)) for e, w in zip(extra, over, strict=True)
    ):
        raise ValueError(
            f"output_padding is {output_padding!r}; allowed per axis: 0 or more, below the stride or the dilation"
        )
    batch_shape = _checked_batch(x, kernel, feature_group_count)
    sizes = x.shape[-spatial - 1 : -1]
    split = windows.spatial_lengths(lengths, batch_shape, sizes)
    x = windows.mask_spatial(x, split).reshape(math.prod(batch_shape), *x.shape[len(batch_shape) :])
    crops = [_crop(window, padding, axis, more) for axis, (window, more) in enumerate(zip(over, extra, strict=True))]
    for axis, (size, window, crop) in enumerate(zip(sizes, over, crops, strict=True)):
        if transposed_length(size, window, crop) < 1:
            raise ValueError(f"padding is {padding!r}: it takes off all of spatial axis {axis}, which has {size} steps")
    whole = tuple(dataclasses.replace(window, padding=(0, 0)) for window in over)
    y = primitive.convolution_transposed(x, kernel, Geometry.transposed(whole, sizes, int(feature_group_count)))
    y = lax.pad(y, jnp.zeros((), y.dtype), ((0, 0, 0), *((-left, -right, 0) for left, right in crops), (0, 0, 0)))
    new = [
        None if length is None else transposed_length(length, window, crop)
        for length, window, crop in zip(split, over, crops, strict=True)
    ]
    y = windows.mask_spatial(y.reshape(*batch_shape, *y.shape[1:]), new)
    return y, windows.join_lengths(new, lengths)


def transposed_length(length: windows.Length, window: windows.Window, crop: tuple[int, int]) -> windows.Length:
    """Steps that come out of a transposed convolution: (L - 1) stride + reach, less what ``crop`` takes off; 0 of 0."""
    steps = (length - 1) * window.stride + window.reach - sum(crop)
    if isinstance(length, int | np.integer):
        return max(0, int(steps)) if length else 0
    return jnp.where(length > 0, jnp.maximum(steps, 0), 0)


def _crop(window: windows.Window, padding: windows.Padding, axis: int, output_padding: int) -> tuple[int, int]:
    """Steps to take off the ends of (L - 1) stride + reach; a negative number adds zeros."""
    left, right = window.padding
    if padding in ("SAME", "CAUSAL"):
        left = 0 if padding == "CAUSAL" and axis == 0 else left
        right = window.reach - window.stride - left
    return left, right - output_padding


def _checked_batch(x: Array, kernel: Array, groups: int) -> tuple[int, ...]:
    """The batch axes of ``x``."""
    spatial = kernel.ndim - 2
    if spatial not in (1, 2):
        raise ValueError(f"kernel has shape {kernel.shape}; allowed: one or two spatial axes, channels, features")
    if x.ndim < spatial + 1:
        raise ValueError(f"input has shape {x.shape}; allowed: batch axes, {spatial} spatial, channels")
    check_groups(x.shape[-1], kernel.shape[-1], groups)
    if x.shape[-1] != kernel.shape[-2] * groups:
        raise ValueError(
            f"input has {x.shape[-1]} channels; a kernel of shape {kernel.shape} in {groups} groups needs "
            f"{kernel.shape[-2] * groups}"
        )
    return x.shape[: -spatial - 1]


def check_groups(channels: int, features: int, groups: int) -> None:
    """Raises ValueError unless both can be split into so many groups."""
    if groups < 1 or channels % groups or features % groups:
        raise ValueError(
            f"feature_group_count is {groups}; allowed: a divisor of the {channels} channels and of the "
            f"{features} features"
        )
