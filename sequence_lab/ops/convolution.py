"""Convolution in one and two dimensions, and the arithmetic of its lengths.

Semantics are PyTorch's (cross-correlation; output length floor((L + pad - effective kernel) / stride) + 1),
the words are Flax's. One rule differs from Flax on purpose: SAME puts (effective_kernel - 1) // 2 zeros on
the left whatever the length and the stride, so a padded row gets what it would get alone.
"""

from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from sequence_lab.ops import masking

Array = jax.Array
Padding = str | int | Sequence[int | tuple[int, int]]
Length = TypeVar("Length", int, Array)

NAMED_PADDING = ("VALID", "SAME", "CAUSAL")


def effective_kernel(kernel_size: int, dilation: int = 1) -> int:
    """Positions from the first to the last that a dilated kernel sees."""
    return (kernel_size - 1) * dilation + 1


def pad_widths(padding: Padding, kernel_size: Sequence[int], dilation: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Zeros (left, right) per spatial axis, before the stride is considered.

    Args:
      padding: "VALID", "SAME", "CAUSAL" (all zeros on the left of the first spatial axis, time; SAME on the
        others), one int for both ends of every axis, or one int or (left, right) pair per axis.
      kernel_size, dilation: per spatial axis.
    """
    axes = range(len(kernel_size))
    reach = [effective_kernel(k, d) - 1 for k, d in zip(kernel_size, dilation, strict=True)]
    if isinstance(padding, str):
        if padding == "VALID":
            return tuple((0, 0) for _ in axes)
        if padding in ("SAME", "CAUSAL"):
            same = [(r // 2, r - r // 2) for r in reach]
            return tuple((reach[0], 0) if padding == "CAUSAL" and i == 0 else same[i] for i in axes)
        raise _padding_error(padding)
    per_axis = [padding] * len(reach) if isinstance(padding, int) else padding
    if not isinstance(per_axis, Sequence) or len(per_axis) != len(reach):
        raise _padding_error(padding)
    pairs = []
    for sides in per_axis:
        match (sides, sides) if isinstance(sides, int) else sides:
            case [int(left), int(right)] if left >= 0 and right >= 0:
                pairs.append((left, right))
            case _:
                raise _padding_error(padding)
    return tuple(pairs)


def _padding_error(padding: object) -> ValueError:
    return ValueError(
        f"padding is {padding!r}; allowed: {', '.join(NAMED_PADDING)}, an int >= 0, "
        "or one int or (left, right) pair per spatial axis"
    )


def output_length(
    length: Length, kernel_size: int, stride: int = 1, padding: Padding = "VALID", dilation: int = 1
) -> Length:
    """Steps that come out of a convolution or pooling over ``length`` steps; a Python int or an int array.

    max(0, floor((L + left + right - effective_kernel) / stride) + 1), which for SAME and CAUSAL is
    ceil(L / stride). Nothing comes out of length 0, however much padding there is.
    """
    ((left, right),) = pad_widths(padding, (kernel_size,), (dilation,))
    steps = (length + left + right - effective_kernel(kernel_size, dilation)) // stride + 1
    if isinstance(length, int):
        return max(0, steps) if length else 0
    return jnp.where(length > 0, jnp.maximum(steps, 0), 0)


def convolve(
    x: Array,
    kernel: Array,
    strides: Sequence[int],
    padding: Padding = "VALID",
    dilation: Sequence[int] | None = None,
) -> Array:
    """Cross-correlation: ``[B, *spatial, C]`` with a kernel ``[*kernel_size, C, D]`` to ``[B, *out, D]``.

    Matches ``torch.nn.functional.conv1d`` and ``conv2d`` up to the order of axes.
    """
    spatial = kernel.ndim - 2
    dilation = (1,) * spatial if dilation is None else dilation
    widths = pad_widths(padding, kernel.shape[:-2], dilation)
    check_window(x.shape[1:-1], kernel.shape[:-2], widths, dilation)
    if spatial == 1:
        # On XLA's CPU backend the kernel gradient of a 1-D convolution that pads by itself takes 7 times as
        # long.
        x = jnp.pad(x, ((0, 0), widths[0], (0, 0)))
        widths = ((0, 0),)
    axes = "HW"[-spatial:]
    layout = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    return lax.conv_general_dilated(x, kernel, strides, widths, rhs_dilation=dilation, dimension_numbers=layout)


def check_window(
    sizes: Sequence[int],
    kernel_size: Sequence[int],
    widths: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> None:
    """Raises ValueError where a window does not fit once into a spatial axis and its padding."""
    for axis, (size, kernel, (left, right), step) in enumerate(zip(sizes, kernel_size, widths, dilation, strict=True)):
        if size + left + right < effective_kernel(kernel, step):
            raise ValueError(
                f"a window of {kernel} with dilation {step} spans {effective_kernel(kernel, step)} places; "
                f"spatial axis {axis} of the input has {size}, and padding adds {left + right}"
            )


def spatial_lengths(lengths: Array | None, batch_ndim: int, spatial: int) -> tuple[Array | None, ...]:
    """Lengths of each spatial axis: ``[...]`` speaks of the first one (time), ``[..., spatial]`` of all."""
    if lengths is None:
        return (None,) * spatial
    if lengths.ndim == batch_ndim:
        return (lengths,) + (None,) * (spatial - 1)
    if lengths.ndim == batch_ndim + 1 and lengths.shape[-1] == spatial:
        return tuple(lengths[..., axis] for axis in range(spatial))
    raise ValueError(
        f"lengths have shape {lengths.shape}; allowed: one per row, or one per row and each of {spatial} spatial axes"
    )


def output_lengths(
    lengths: Sequence[Array | None],
    kernel_size: Sequence[int],
    strides: Sequence[int],
    padding: Padding,
    dilation: Sequence[int],
) -> tuple[Array | None, ...]:
    """``output_length`` of every spatial axis whose lengths are known."""
    widths = pad_widths(padding, kernel_size, dilation)
    axes = zip(lengths, kernel_size, strides, widths, dilation, strict=True)
    return tuple(
        None if length is None else output_length(length, size, stride, (width,), step)
        for length, size, stride, width, step in axes
    )


def join_lengths(lengths: Sequence[Array | None], like: Array | None) -> Array | None:
    """The inverse of ``spatial_lengths``: one array again, laid out as ``like`` was."""
    known = [length for length in lengths if length is not None]
    if like is None or not known:
        return None
    return known[0] if like.ndim == known[0].ndim else jnp.stack(known, axis=-1)


def mask_spatial(x: Array, lengths: Sequence[Array | None], value: ArrayLike = 0) -> Array:
    """Fills ``x`` past the length of every spatial axis; ``lengths`` as ``spatial_lengths`` returns them."""
    for position, length in enumerate(lengths):
        if length is not None:
            x = masking.fill_padding(x, length, value, axis=length.ndim + position)
    return x
