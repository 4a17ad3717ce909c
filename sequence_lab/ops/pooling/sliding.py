"""Pooling by windows that slide. Semantics are PyTorch's, the words are Flax's; step by step: ``windows.step``."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sequence_lab.ops import windows
from sequence_lab.ops.pooling import dtypes

Array = jax.Array
Split = list[Array | None]


def max_pool(
    x: Array,
    lengths: Array | None = None,
    *,
    kernel_size: Sequence[int],
    strides: windows.PerAxis | None = None,
    padding: windows.Padding = "VALID",
    dilation: windows.PerAxis = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Array | None]:
    """The largest value in each window: ``[*batch, *spatial, C] -> [*batch, *out, C]`` and the new lengths.

    Matches ``torch.nn.functional.max_pool1d`` and ``max_pool2d`` on every row at its own length, the gradient too: of
    equal values the first in row-major order takes it.

    Args:
      x: any number of batch axes, as many spatial axes as ``kernel_size`` has entries, channels; floats or integers.
      lengths: ``[*batch]`` for the first spatial axis (time), ``[*batch, spatial]`` for each, or None.
      kernel_size: places of the window per spatial axis.
      strides: one int or one per spatial axis; default: ``kernel_size``.
      padding: "VALID", "SAME", "CAUSAL", an int or pairs, as in ``windows.pad_widths``; less than the window's reach on
        either side (PyTorch allows half the window). Padded places never win.
      dilation: one int or one per spatial axis.
      ceil_mode: a last window that hangs over a row's own end counts too, if it starts before that end.

    Raises:
      ValueError: no window fits into the input, padding that could fill a window, lengths of another shape.
    """
    y, new, _ = max_pool_with_indices(
        x,
        lengths,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )
    return y, new


def max_pool_with_indices(
    x: Array,
    lengths: Array | None = None,
    *,
    kernel_size: Sequence[int],
    strides: windows.PerAxis | None = None,
    padding: windows.Padding = "VALID",
    dilation: windows.PerAxis = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Array | None, Array]:
    """``max_pool``, and where each value came from: ``(y, lengths, indices)``, for ``max_unpool``.

    Indices are int32, shaped like y: the flat place within the spatial axes of ``x`` (``h * W + w``), as
    ``return_indices=True`` gives them in PyTorch; -1 past the new lengths and for a window without a real place.
    """
    x, split, over = _checked(x, lengths, kernel_size, strides, padding, dilation, ceil_mode)
    sizes = x.shape[-len(over) - 1 : -1]
    places = np.arange(np.prod(sizes), dtype=np.int32).reshape(*sizes, 1)
    y, indices, real = x, jnp.broadcast_to(places, x.shape), jnp.ones((), bool)
    # The last axis first: so the first of equals in row-major order wins.
    for position in reversed(range(len(over))):
        axis = x.ndim - 1 - len(over) + position
        y, indices, some = _max_along(y, indices, axis, over[position], split[position])
        real = real & some
    new = windows.output_lengths(split, over)
    y = windows.mask_spatial(jnp.where(real, y, jnp.zeros((), y.dtype)), new)
    indices = windows.mask_spatial(jnp.where(real, indices, -1), new, -1)
    return y, windows.join_lengths(new, lengths), indices


def avg_pool(
    x: Array,
    lengths: Array | None = None,
    *,
    kernel_size: Sequence[int],
    strides: windows.PerAxis | None = None,
    padding: windows.Padding = "VALID",
    dilation: windows.PerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple[Array, Array | None]:
    """The mean of each window: ``[*batch, *spatial, C] -> [*batch, *out, C]`` and the new lengths.

    Matches ``torch.nn.functional.avg_pool1d`` and ``avg_pool2d`` on every row at its own length; PyTorch has no
    dilation. Other arguments and errors as in ``max_pool``.

    Args:
      count_include_pad: divide by the places of the window within the row and its padding (what hangs over the padded
        end in ``ceil_mode`` does not count); else by the real places alone.
    """
    x, split, over = _checked(dtypes.floating(x), lengths, kernel_size, strides, padding, dilation, ceil_mode)
    total, count = dtypes.wide(x), jnp.ones((), jnp.int32)
    for position, (window, length) in enumerate(zip(over, split, strict=True)):
        axis = x.ndim - 1 - len(over) + position
        total, places = _sum_along(total, axis, window, length, count_include_pad)
        count = count * places
    new = windows.output_lengths(split, over)
    y = (total / jnp.maximum(count, 1)).astype(x.dtype)
    return windows.mask_spatial(y, new), windows.join_lengths(new, lengths)


def _checked(
    x: Array,
    lengths: Array | None,
    kernel_size: Sequence[int],
    strides: windows.PerAxis | None,
    padding: windows.Padding,
    dilation: windows.PerAxis,
    ceil_mode: bool,
) -> tuple[Array, Split, tuple[windows.Window, ...]]:
    """The input, the lengths of its spatial axes, and the windows over them."""
    x = jnp.asarray(x)
    if not isinstance(kernel_size, Sequence) or not 1 <= len(kernel_size) < x.ndim:
        raise ValueError(
            f"kernel_size is {kernel_size!r} for an input of shape {x.shape}; allowed: one int per spatial axis, which "
            "stand before the channels"
        )
    strides = kernel_size if strides is None else strides
    over = windows.windows(kernel_size, strides, padding, dilation, ceil_mode=ceil_mode)
    if any(max(window.padding) >= window.reach for window in over):
        raise ValueError(
            f"padding is {padding!r}; allowed on either side: less than the window's reach, "
            f"{tuple(window.reach for window in over)}"
        )
    sizes = x.shape[-len(over) - 1 : -1]
    windows.check_fit(sizes, over)
    return x, windows.spatial_lengths(lengths, x.shape[: -len(over) - 1], sizes), over


class _Best(NamedTuple):
    """The largest of some places, which place that is, and whether one of them is real."""

    value: Array
    place: Array
    real: Array

    def either(self, later: "_Best") -> "_Best":
        # A NaN wins; what has been seen so far may be padding, which anything real beats.
        better = later.real & (~self.real | (later.value > self.value) | jnp.isnan(later.value))
        value, place = jnp.where(better, later.value, self.value), jnp.where(better, later.place, self.place)
        return _Best(value, place, self.real | later.real)


def _max_along(
    x: Array, indices: Array, axis: int, window: windows.Window, length: Array | None
) -> tuple[Array, Array, Array]:
    """The largest of each window along one axis, its index, and whether the window holds a real place at all.

    Windows of 2, 4, 8, ... places are each made of two of half the size, and those asked for of two that overlap: of
    equal values the earlier one stays, and a window of k costs log k steps.
    """
    size, (left, _) = x.shape[axis], window.padding
    end = size if length is None else length[..., None]
    outputs = window.output_length(size)
    right = max(0, (outputs - 1) * window.stride + window.reach - left - size)
    widths = [(left, right) if at == axis else (0, 0) for at in range(x.ndim)]
    places = np.arange(-left, size + right)
    real = _spread((places >= 0) & (places < end), axis, x.ndim)
    best = _Best(jnp.pad(x, widths), jnp.pad(indices, widths), real)

    def part(best: _Best, start: int, count: int, stride: int = 1) -> _Best:
        stop = start + (count - 1) * stride + 1
        return jax.tree.map(lambda array: lax.slice_in_dim(array, start, stop, stride, axis), best)

    taps = 1
    while 2 * taps < window.size:
        shift = taps * window.dilation
        count = best.value.shape[axis] - shift
        best, taps = part(best, 0, count).either(part(best, shift, count)), 2 * taps
    first = part(best, 0, outputs, window.stride)
    if window.size > 1:
        shift = (window.size - taps) * window.dilation
        first = first.either(part(best, shift, outputs, window.stride))
    return first


def _sum_along(
    x: Array, axis: int, window: windows.Window, length: Array | None, count_include_pad: bool
) -> tuple[Array, Array]:
    """The sum of each window along one axis, and the places to divide it by."""
    end = x.shape[axis] if length is None else length[..., None]
    total, count = jnp.zeros((), x.dtype), jnp.zeros((), jnp.int32)
    for value, places in _taps(x, axis, window):
        real = _spread((places >= 0) & (places < end), axis, x.ndim)
        total = total + jnp.where(real, value, 0)
        count = count + (_spread(places < end + window.padding[1], axis, x.ndim) if count_include_pad else real)
    return total, count


def _taps(x: Array, axis: int, window: windows.Window) -> Iterator[tuple[Array, np.ndarray]]:
    """For each place in the window: its value in every window along ``axis``, and where in ``x`` those stand."""
    size, left = x.shape[axis], window.padding[0]
    steps = np.arange(window.output_length(size)) * window.stride
    span = steps[-1] + 1
    right = max(0, span - 1 + window.reach - left - size)
    x = jnp.pad(x, [(left, right) if a == axis else (0, 0) for a in range(x.ndim)])
    for tap in range(0, window.reach, window.dilation):
        yield lax.slice_in_dim(x, tap, tap + span, window.stride, axis), steps + tap - left


def _spread(row: Array | np.ndarray, axis: int, ndim: int) -> Array:
    """``[*batch, n]`` shaped to broadcast against an array of ``ndim`` axes, n along ``axis``."""
    *batch, n = row.shape
    return jnp.reshape(row, (*batch, *(1,) * (axis - len(batch)), n, *(1,) * (ndim - axis - 1)))
