"""Windows that slide over an input: the arithmetic that convolution and pooling share.

Semantics are PyTorch's (output length floor((L + padding - reach) / stride) + 1), the words are Flax's. One rule
differs from Flax on purpose: SAME puts (reach - 1) // 2 places on the left whatever the length and the stride, so a
padded row gets what it would get alone.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from sequence_lab.ops import masking

Array = jax.Array
Padding = str | int | Sequence[int | tuple[int, int]]
PerAxis = int | Sequence[int]
Length = TypeVar("Length", int, Array)

ZEROS = ("VALID", "SAME", "CAUSAL")
BOUNDARIES = ("REFLECT", "CIRCULAR")


@dataclasses.dataclass(frozen=True)
class Window:
    """A window along one axis.

    ``padding`` is the places added (left, right) before the stride is considered; under ``ceil_mode`` the last window
    may hang over the right end, but has to start within the input or its left padding.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int] = (0, 0)
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        for name in ("size", "stride", "dilation"):
            if not _is_int(getattr(self, name), least=1):
                raise ValueError(f"{name} of a window is {getattr(self, name)!r}; allowed: an int >= 1")
        if not all(_is_int(width, least=0) for width in self.padding):
            raise ValueError(f"padding of a window is {self.padding!r}; allowed: a pair of ints >= 0")

    @property
    def reach(self) -> int:
        """Positions from the first to the last that the window sees, dilation included."""
        return (self.size - 1) * self.dilation + 1

    def output_length(self, length: Length) -> Length:
        """Windows over ``length`` steps, a Python int or an int array; none over 0 steps, however much padding."""
        left, right = self.padding
        free = length + left + right - self.reach
        steps = (-(-free // self.stride) if self.ceil_mode else free // self.stride) + 1
        most = (length + left - 1) // self.stride + 1 if self.ceil_mode else steps
        if isinstance(length, int | np.integer):
            return max(0, min(int(steps), int(most))) if length else 0
        return jnp.where(length > 0, jnp.maximum(jnp.minimum(steps, most), 0), 0)


def per_axis(name: str, value: PerAxis, spatial: int) -> tuple[int, ...]:
    """One int >= 1 per spatial axis, from one for all or one for each; ``name`` is for the error."""
    values = tuple(value) if isinstance(value, Sequence) else (value,) * spatial
    if len(values) != spatial or not all(_is_int(v, least=1) for v in values):
        raise ValueError(f"{name} is {value!r}; allowed: an int >= 1, or a sequence of {spatial}, one per spatial axis")
    return tuple(map(int, values))


def _is_int(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and int(value) >= least


def windows(
    kernel_size: Sequence[int],
    strides: PerAxis = 1,
    padding: Padding = "VALID",
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    named: Sequence[str] = ZEROS,
) -> tuple[Window, ...]:
    """The window along every spatial axis. ``named``: the words that ``padding`` may be, as in ``pad_widths``."""
    spatial = len(kernel_size)
    sizes = per_axis("kernel_size", kernel_size, spatial)
    strides, dilation = per_axis("strides", strides, spatial), per_axis("dilation", dilation, spatial)
    widths = pad_widths(padding, sizes, dilation, named)
    return tuple(
        Window(size, stride, step, width, ceil_mode)
        for size, stride, step, width in zip(sizes, strides, dilation, widths, strict=True)
    )


def pad_widths(
    padding: Padding, kernel_size: Sequence[int], dilation: Sequence[int], named: Sequence[str] = ZEROS
) -> tuple[tuple[int, int], ...]:
    """Places (left, right) that ``padding`` adds per spatial axis, before the stride is considered.

    Args:
      padding: "VALID", none; "SAME", as many as the window reaches over, so that stride 1 keeps the length;
        "CAUSAL", all of those on the left of the first spatial axis, time, and SAME on the others; "REFLECT" and
        "CIRCULAR", as many as SAME; one int for both ends of every axis; one int or (left, right) pair per axis.
      kernel_size, dilation: per spatial axis.
      named: the words that are allowed.
    """
    reach = [Window(k, dilation=d).reach - 1 for k, d in zip(kernel_size, dilation, strict=True)]
    if isinstance(padding, str):
        if padding not in named:
            raise _padding_error(padding, named)
        same = [(0, 0) if padding == "VALID" else (r // 2, r - r // 2) for r in reach]
        return ((reach[0], 0), *same[1:]) if padding == "CAUSAL" else tuple(same)
    per_axis = [padding] * len(reach) if isinstance(padding, int | np.integer) else padding
    if not isinstance(per_axis, Sequence) or len(per_axis) != len(reach):
        raise _padding_error(padding, named)
    pairs = []
    for sides in per_axis:
        match (sides, sides) if isinstance(sides, int | np.integer) else sides:
            case [left, right] if _is_int(left, least=0) and _is_int(right, least=0):
                pairs.append((int(left), int(right)))
            case _:
                raise _padding_error(padding, named)
    return tuple(pairs)


def _padding_error(padding: object, named: Sequence[str]) -> ValueError:
    return ValueError(
        f"padding is {padding!r}; allowed: {', '.join(named)}, an int >= 0, "
        "or one int or (left, right) pair per spatial axis"
    )


def check_fit(sizes: Sequence[int], over: Sequence[Window]) -> None:
    """Raises ValueError where a window does not fit once into a spatial axis and its padding, or the axis is empty."""
    for axis, (size, window) in enumerate(zip(sizes, over, strict=True)):
        if window.output_length(size) < 1:
            raise ValueError(
                f"a window of {window.size} with dilation {window.dilation} spans {window.reach} places; "
                f"spatial axis {axis} of the input has {size}, and padding adds {sum(window.padding)}"
            )


def spatial_lengths(lengths: Array | None, batch_shape: tuple[int, ...], sizes: Sequence[int]) -> list[Array | None]:
    """Lengths of each spatial axis: ``[...]`` speaks of the first one (time), ``[..., spatial]`` of all.

    Args:
      batch_shape, sizes: the array's batch axes and spatial axes.
    """
    if lengths is None:
        return [None] * len(sizes)
    lengths = lengths if isinstance(lengths, jax.Array) else np.asarray(lengths)
    shape = lengths.shape
    if shape == (*batch_shape, len(sizes)):
        split: list[Array | None] = [lengths[..., axis] for axis in range(len(sizes))]
    elif shape == batch_shape:
        split = [lengths, *[None] * (len(sizes) - 1)]
    else:
        raise ValueError(
            f"lengths have shape {shape}; allowed: {batch_shape}, one per row, or {(*batch_shape, len(sizes))}, "
            "one per row and spatial axis"
        )
    return [masking.checked_lengths(length, batch_shape, size) for length, size in zip(split, sizes, strict=True)]


def output_lengths(lengths: Sequence[Array | None], over: Sequence[Window]) -> list[Array | None]:
    """``Window.output_length`` of every spatial axis whose lengths are known."""
    return [
        None if length is None else window.output_length(length) for length, window in zip(lengths, over, strict=True)
    ]


def join_lengths(lengths: Sequence[Array | None], like: Array | None) -> Array | None:
    """The inverse of ``spatial_lengths``: one array again, laid out as ``like`` was."""
    known = [length for length in lengths if length is not None]
    if like is None or not known:
        return None
    return known[0] if jnp.ndim(like) == jnp.ndim(known[0]) else jnp.stack(known, axis=-1)


def mask_spatial(x: Array, lengths: Sequence[Array | None], value: ArrayLike = 0) -> Array:
    """Fills ``x`` past the length of every spatial axis; ``lengths`` as ``spatial_lengths`` returns them."""
    for position, length in enumerate(lengths):
        if length is not None:
            x = masking.fill_padding(x, length, value, axis=jnp.ndim(length) + position)
    return x


def extend(x: Array, lengths: Sequence[Array | None], widths: Sequence[tuple[int, int]], boundary: str) -> Array:
    """Adds ``widths`` places to the ends of every spatial axis, filled from each row's own real steps.

    "CIRCULAR" goes on with the other end, "REFLECT" back from the last step without repeating it, both as often as
    needed (``numpy.pad``'s "wrap" and "reflect"; PyTorch refuses more than once). What follows a row's right places is
    not specified; an empty row stays zero.

    Args:
      x: ``[*batch, *spatial, C]``, masked.
      lengths: as ``spatial_lengths`` returns them.
    """
    first = x.ndim - 1 - len(widths)
    for position, (length, (left, right)) in enumerate(zip(lengths, widths, strict=True)):
        axis = first + position
        size = x.shape[axis]
        places = np.arange(-left, size + right)
        wide = np if length is None else jnp
        real = wide.maximum(size if length is None else length[..., None], 1)
        if boundary == "CIRCULAR":
            source = places % real
        else:
            period = wide.maximum(2 * (real - 1), 1)
            source = places % period
            source = wide.where(source < real, source, period - source)
        if length is None:
            x = jnp.take(x, source, axis=axis)
        else:
            shape = (*length.shape, *(1,) * position, len(places), *(1,) * (x.ndim - axis - 1))
            x = jnp.take_along_axis(x, source.reshape(shape), axis=axis)
    return x


def step(function: Callable[[Array], Array], carry: Array, x: Array, axis: int = -2) -> tuple[Array, Array]:
    """One step of time of a causal convolution or pooling with a stride of 1: ``(y, carry)``.

    From the first step to the last this is the same computation as the whole with "CAUSAL" padding.

    Args:
      function: from the reach of the window in steps to one step, that is with "VALID" padding in time.
      carry: the reach - 1 inputs before this one, ``[*batch, reach - 1, ...]``; before the first step what padding
        stands for: zeros, and for a maximum -inf.
      x: ``[*batch, ...]``, without the time axis.
      axis: the time axis, from the end.
    """
    now = jnp.expand_dims(x, axis)
    if not hasattr(carry, "shape") or carry.ndim != now.ndim or _without(carry, axis) != _without(now, axis):
        raise ValueError(
            f"carry is {jax.tree.map(jnp.shape, carry)} for an input of {now.shape}, its time axis included; allowed: "
            "that shape, but for the steps of time"
        )
    seen = jnp.concatenate([carry, now.astype(carry.dtype)], axis=axis)
    return jnp.squeeze(function(seen), axis), lax.slice_in_dim(seen, 1, seen.shape[axis], axis=seen.ndim + axis)


def _without(x: Array, axis: int) -> tuple[int, ...]:
    return tuple(size for at, size in enumerate(x.shape) if at != x.ndim + axis)


def output_length(
    length: Length,
    kernel_size: int,
    stride: int = 1,
    padding: Padding = "VALID",
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
) -> Length:
    """Steps that come out of a convolution or pooling over ``length`` steps; a Python int or an int array.

    max(0, floor((L + left + right - reach) / stride) + 1), which for SAME and CAUSAL is ceil(L / stride). Nothing
    comes out of length 0, however much padding there is.
    """
    (window,) = windows((kernel_size,), stride, padding, dilation, ceil_mode=ceil_mode, named=ZEROS + BOUNDARIES)
    return window.output_length(length)


def coverage(length: int, window: Window) -> np.ndarray:
    """How many windows see each input position: ints ``[length]``.

    Without padding the ends are seen less often than the middle; ``equal_coverage_padding`` makes up for it.
    """
    seen = np.zeros(length, int)
    starts = np.arange(window.output_length(length)) * window.stride - window.padding[0]
    places = (starts[:, None] + np.arange(window.size) * window.dilation).ravel()
    np.add.at(seen, places[(places >= 0) & (places < length)], 1)
    return seen


def equal_coverage_padding(kernel_size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """The padding (left, right) under which every input position is seen by equally many windows, size / stride.

    It is a full reach on both sides ("wide" convolution: Kalchbrenner et al. 2014).

    Raises:
      ValueError: no padding does it, as the stride does not divide the size or shares a factor with the dilation.
    """
    (window,) = windows((kernel_size,), stride, dilation=dilation)
    if kernel_size % stride or np.gcd(stride, dilation) != 1:
        raise ValueError(
            f"stride is {stride} for a window of {kernel_size} with dilation {dilation}; allowed for an equal "
            "coverage: a divisor of the window's size without a factor in common with the dilation"
        )
    return window.reach - 1, window.reach - 1


class ReceptiveField(NamedTuple):
    """Output o sees inputs start + o * stride to start + o * stride + size - 1; a negative start is padding."""

    size: int
    stride: int
    start: int


def receptive_field(stack: Sequence[Window]) -> ReceptiveField:
    """What one output of a stack of windows sees along one axis, the first window being the lowest.

    size grows by (reach - 1) * the total stride so far (Dumoulin and Visin 2016; Araujo et al. 2019, equation 2).
    """
    size, stride, start = 1, 1, 0
    for window in stack:
        size += (window.reach - 1) * stride
        start -= window.padding[0] * stride
        stride *= window.stride
    return ReceptiveField(size, stride, start)
