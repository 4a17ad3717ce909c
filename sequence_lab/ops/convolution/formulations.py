"""A convolution and the gradients of its input and kernel on a CPU, each as it is fastest there.

The rule, in this order:

- The convolution itself, and the gradient of its input where that is a convolution, too (without a stride, in one
  group or depthwise): oneDNN's, where ``onednn`` has them and they pay; but a kernel of one place is a matrix product.
- Depthwise, at most ``MOST_TAPS`` places in the kernel: a sum over these of the shifted input times the kernel there,
  elementwise.
- Groups: a convolution for each.
- A kernel of one place: a matrix product.
- The gradient of the kernel in two dimensions: a convolution over H of the input, shifted to every place of the kernel
  in W, with the cotangent, where their channels are batch and features and what is summed over (batch, W) the
  channels; in blocks of about ``BLOCK`` numbers of the input, which stay in the cache. H and W change places where
  the kernel is wider than high.
- The gradient of the kernel in one dimension: XLA's own; where the output is longer than the input, that of an input
  padded before.
- In two dimensions without a stride over H, for as many channels as ``OVERHANGING`` has: XLA's own with a row too many,
  for XLA hands what it does not recognise to the faster of its two implementations.
- The rest: XLA's own. The gradient of the input without a stride is a convolution of the cotangent, under this rule.

Measured with ``benchmarks/run.py convolution --settings=stock`` (without oneDNN) on two cores, float32, jax 0.10.2,
torch 2.13: how many times as long XLA's own (Flax) and PyTorch take.

=========================  ===========  ===========  ============
B, sizes, C to D, kernel   forward      by input     by kernel
=========================  ===========  ===========  ============
128, 32x32, 3 to 16, 3x3   1.10, 0.27   0.98, 0.47   3.37, 0.30
128, 32x32, 16 to 16, 3x3  0.96, 0.81   0.97, 0.72   10.4, 0.56
128, 32x32, 16 to 32, /2   0.86, 0.62   1.11, 0.66   3.01, 0.81
128, 16x16, 32 to 32, 3x3  1.34, 0.77   1.59, 0.77   2.60, 0.69
128, 8x8, 64 to 64, 3x3    1.81, 0.97   1.74, 0.81   2.31, 0.84
100, 14x14, 32 to 64, 5x5  1.77, 0.72   1.71, 0.73   3.14, 0.89
32, 64x101, 32 to 64, 3x3  1.20, 0.73   2.36, 1.38   8.95, 1.08
50, 56, 300 to 100, 3      0.83, 1.07   0.90, 1.54   0.99, 1.75
32, 128, 64 to 64, 5       1.04, 0.93   1.02, 1.09   0.94, 1.37
32, 200, 4 to 128, 15      0.83, 0.90   0.71, 0.61   0.88, 0.93
16, 16000, 1 to 64, 80 /4  0.94, 0.91   1.09, 1.98   0.97, 1.23
32, 32x32, 64 depthwise    30.5, 0.68   30.9, 0.94   72.8, 0.42
32, 512, 64 depthwise, 31  30.5, 10.1   32.9, 0.77   5.65, 5.11
=========================  ===========  ===========  ============

The machine was busy at times, from which XLA's gradients of kernels in two dimensions suffer most: on a quiet one they
take 1.14 in place of 10.4, and 0.6 to 0.7 of ours for 3 or 4 channels to 16. PyTorch's kernels are made for the very
shape (oneDNN compiles them at run time); nothing that XLA chooses by itself comes near them with few channels. In one
dimension the operations are XLA's own on both sides.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.convolution import onednn
from sequence_lab.ops.convolution.geometry import Geometry
from sequence_lab.ops.windows import Window

Array = jax.Array
MOST_TAPS = 64
BLOCK = 2**17
OVERHANGING = range(32, 128)


def xla(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's own."""
    axes = "HW"[-len(geometry.sizes) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        [window.stride for window in geometry.windows],
        [window.padding for window in geometry.windows],
        rhs_dilation=[window.dilation for window in geometry.windows],
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=geometry.groups,
    )


def xla_transposed(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's own of ``[N, *out, D], [*kernel_size, D // groups, C] -> [N, *sizes, C]``, without padding."""
    axes = "HW"[-len(geometry.sizes) :]
    return lax.conv_general_dilated(
        y,
        jnp.flip(kernel, range(len(axes))),
        (1,) * len(axes),
        [(window.reach - 1,) * 2 for window in geometry.windows],
        lhs_dilation=[window.stride for window in geometry.windows],
        rhs_dilation=[window.dilation for window in geometry.windows],
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=geometry.groups,
    )


def output(x: Array, kernel: Array, geometry: Geometry, by_onednn: bool = False) -> Array:
    """``[N, *out, D]``."""
    if by_onednn and math.prod(geometry.kernel_size) > 1 and onednn.pays(x, kernel, geometry):
        return onednn.output(x, kernel, geometry)
    if _depthwise(x.shape[-1], geometry):
        return _shifted(x, kernel, geometry)
    if geometry.groups > 1:
        return _by_groups(output, x, kernel, geometry)
    if math.prod(geometry.kernel_size) == 1:
        return _only_place(x, geometry) @ kernel.reshape(kernel.shape[-2:])
    if len(geometry.sizes) == 2 and x.shape[-1] in OVERHANGING:
        return _overhanging(x, kernel, geometry)
    return xla(x, kernel, geometry)


def input_gradient(kernel: Array, y: Array, geometry: Geometry, by_onednn: bool = False) -> Array:
    """``[N, *sizes, C]``, from the cotangent of the output."""
    channels, features = kernel.shape[-2] * geometry.groups, kernel.shape[-1]
    flipped = _flipped(geometry)
    if flipped is not None and (geometry.groups == 1 or geometry.groups == channels == features):
        turned = jnp.flip(kernel, range(len(geometry.sizes)))
        return output(y, turned.swapaxes(-1, -2) if geometry.groups == 1 else turned, flipped, by_onednn)
    x = jax.ShapeDtypeStruct((y.shape[0], *geometry.sizes, channels), y.dtype)
    return jax.linear_transpose(lambda x: output(x, kernel, geometry), x)(y)[0]


def kernel_gradient(x: Array, y: Array, geometry: Geometry) -> Array:
    """``[*kernel_size, C // groups, D]``, from the cotangent of the output."""
    channels, features = x.shape[-1], y.shape[-1]
    if _depthwise(channels, geometry):
        return _summed(x, y, geometry)
    if geometry.groups > 1:
        return _by_groups(kernel_gradient, x, y, geometry)
    if math.prod(geometry.kernel_size) == 1:
        summed = tuple(range(y.ndim - 1))
        found = lax.dot_general(_only_place(x, geometry), y, ((summed, summed), ((), ())))
        return found.reshape(*geometry.kernel_size, channels, features)
    if len(geometry.sizes) == 2:
        if geometry.windows[1].size > geometry.windows[0].size:
            turned = Geometry(geometry.windows[::-1], geometry.sizes[::-1])
            return kernel_gradient(x.swapaxes(1, 2), y.swapaxes(1, 2), turned).swapaxes(0, 1)
        return _in_blocks(functools.partial(_by_rows, geometry=geometry), x, y)
    (window,) = geometry.windows
    if y.shape[1] > x.shape[1]:
        x, window = jnp.pad(x, ((0, 0), window.padding, (0, 0))), dataclasses.replace(window, padding=(0, 0))
    padded = Geometry((window,), x.shape[1:-1])
    kernel = jax.ShapeDtypeStruct((window.size, channels, features), x.dtype)
    return jax.linear_transpose(lambda kernel: xla(x, kernel, padded), kernel)(y)[0]


def _depthwise(channels: int, geometry: Geometry) -> bool:
    return geometry.groups == channels > 1 and math.prod(geometry.kernel_size) <= MOST_TAPS


def _places(x: Array, geometry: Geometry) -> dict[tuple[int, ...], Array]:
    """What the outputs see at each place of the kernel: ``[N, *out, C]``."""
    padded = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((*w.padding, 0) for w in geometry.windows), (0, 0, 0)))
    strides = (1, *(window.stride for window in geometry.windows), 1)

    def seen(tap: tuple[int, ...]) -> Array:
        first = [t * window.dilation for t, window in zip(tap, geometry.windows, strict=True)]
        last = [f + (n - 1) * w.stride + 1 for f, n, w in zip(first, geometry.out, geometry.windows, strict=True)]
        return lax.slice(padded, (0, *first, 0), (x.shape[0], *last, x.shape[-1]), strides)

    return {tap: seen(tap) for tap in itertools.product(*map(range, geometry.kernel_size))}


def _only_place(x: Array, geometry: Geometry) -> Array:
    (seen,) = _places(x, geometry).values()
    return seen


def _shifted(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Depthwise: a sum over taps, elementwise, which XLA makes one loop of."""
    x = jnp.repeat(x, kernel.shape[-1] // x.shape[-1], -1)
    return functools.reduce(jnp.add, [seen * kernel[(*tap, 0)] for tap, seen in _places(x, geometry).items()])


def _summed(x: Array, y: Array, geometry: Geometry) -> Array:
    """Depthwise: the gradient of every tap, a sum over batch and places; over the batch first, place by place.

    So most of the adding is elementwise, one example after the other, into sums that stay in the cache.
    """
    x = jnp.repeat(x, y.shape[-1] // x.shape[-1], -1)

    def products(x: Array, y: Array) -> list[Array]:
        return [seen * y for seen in _places(x, geometry).values()]

    def add(number: Array, sums: list[Array]) -> list[Array]:
        one = (lax.dynamic_slice_in_dim(a, number, 1) for a in (x, y))
        return [total + more for total, more in zip(sums, products(*one), strict=True)]

    count = math.prod(geometry.kernel_size)
    if isinstance(x.shape[0], int) and x.shape[0]:
        sums = lax.fori_loop(0, x.shape[0], add, [jnp.zeros((1, *y.shape[1:]), y.dtype)] * count)
    else:  # while it is being exported, or nothing
        sums = products(x, y)
    taps = [jnp.sum(total, range(y.ndim - 1)) for total in sums]
    return jnp.stack(taps).reshape(*geometry.kernel_size, 1, y.shape[-1])


def _overhanging(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """With so many rows of zeros below that more come out than went in, and the last are cut off."""
    rows, over_H = geometry.out[0], geometry.windows[0]
    more = geometry.sizes[0] + 1 - rows
    if over_H.stride > 1 or more < 1:
        return xla(x, kernel, geometry)
    top, bottom = over_H.padding
    longer = dataclasses.replace(over_H, padding=(top, bottom + more))
    return xla(x, kernel, geometry._replace(windows=(longer, geometry.windows[1])))[:, :rows]


def _flipped(geometry: Geometry) -> Geometry | None:
    """Of the gradient of the input as a convolution of the cotangent, where it is one: without a stride."""
    pads = [(w.reach - 1 - w.padding[0], w.reach - 1 - w.padding[1]) for w in geometry.windows]
    if any(window.stride > 1 for window in geometry.windows) or any(min(pad) < 0 for pad in pads):
        return None
    flipped = (Window(w.size, 1, w.dilation, pad) for w, pad in zip(geometry.windows, pads, strict=True))
    return Geometry(tuple(flipped), geometry.out, geometry.groups)


def _by_groups(function: Callable[..., Array], a: Array, b: Array, geometry: Geometry) -> Array:
    groups, whole = geometry.groups, geometry._replace(groups=1)
    pairs = zip(jnp.split(a, groups, -1), jnp.split(b, groups, -1), strict=True)
    return jnp.concatenate([function(*pair, whole) for pair in pairs], -1)


def _by_rows(x: Array, y: Array, geometry: Geometry) -> Array:
    """A convolution over H that sums over W and the batch, for all places of the kernel in W at once."""
    (over_H, over_W), (height, width), (rows, columns) = geometry.windows, geometry.sizes, geometry.out
    batch, channels, features = x.shape[0], x.shape[-1], y.shape[-1]
    left, top = over_W.padding[0], over_H.padding[0]
    right = over_W.reach + (columns - 1) * over_W.stride - width - left
    bottom = over_H.reach + (rows - 1) * over_H.stride - height - top
    keep = (0, 0, 0)
    x_CHWN = lax.pad(x.transpose(3, 1, 2, 0), jnp.zeros((), x.dtype), (keep, keep, (left, right, 0), keep))
    firsts = [tap * over_W.dilation for tap in range(over_W.size)]
    seen = [lax.slice_in_dim(x_CHWN, f, f + (columns - 1) * over_W.stride + 1, over_W.stride, 2) for f in firsts]
    found = lax.conv_general_dilated(
        jnp.concatenate(seen).reshape(over_W.size * channels, height, columns * batch),
        y.transpose(1, 2, 0, 3).reshape(rows, columns * batch, features),
        (over_H.dilation,),
        [(top, bottom)],
        rhs_dilation=(over_H.stride,),
        dimension_numbers=("NHC", "HIO", "NHC"),
    )
    return found.reshape(over_W.size, channels, over_H.size, features).transpose(2, 0, 1, 3)


def _in_blocks(gradient: Callable[[Array, Array], Array], x: Array, y: Array) -> Array:
    """The sum of the gradients of blocks of examples, one after the other."""
    batch = x.shape[0]
    count = min(batch, -(-x.size // BLOCK)) if isinstance(batch, int) else 1  # no int while it is being exported
    if count < 2:
        return gradient(x, y)
    size = -(-batch // count)
    count = -(-batch // size)
    x, y = (jnp.pad(a, ((0, count * size - batch), *((0, 0),) * (a.ndim - 1))) for a in (x, y))

    def step(total: Array, number: Array) -> tuple[Array, None]:
        block = (lax.dynamic_slice_in_dim(a, number * size, size) for a in (x, y))
        return total + gradient(*block), None

    start = jax.eval_shape(gradient, x[:size], y[:size])
    # Two at a time, for what moves numbers runs on one core.
    return lax.scan(step, jnp.zeros(start.shape, start.dtype), jnp.arange(count), unroll=2)[0]
