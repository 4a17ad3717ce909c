"""Convolution layers against PyTorch on random shapes: every padded row is what PyTorch makes of that row alone.

Values, lengths and the gradients with respect to input, kernel and bias. An output sums at most 36 products, a kernel
gradient those of 3 rows of 64 places; the rounding errors of such sums stay below some 30 units in the last place of
the largest number, 4e-6 of it in float32 and 7e-15 in float64, in whatever order either library adds.
"""

from typing import Any, NamedTuple

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

from sequence_lab import nn
from sequence_lab.ops import windows

torch = pytest.importorskip("torch")

TOLERANCES = {np.float32: 1e-5, np.float64: 1e-10}
TORCH_MODES = {"REFLECT": "reflect", "CIRCULAR": "circular"}
ROWS = 3
by_hypothesis = hypothesis.settings(derandomize=True, deadline=None, max_examples=12)
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


class Example(NamedTuple):
    """A layer, and what to draw for it."""

    layer: Any
    channels: int
    full: tuple[int, ...]
    sizes: list[list[int]]  # of every row, along every spatial axis
    dtype: Any
    seed: int


@st.composite
def convolutions(draw: st.DrawFn, spatial: int, words: tuple[str, ...], transposed: bool = False) -> Example:
    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=spatial, max_size=spatial)))

    kernel_size, strides, dilation = per_axis(1, 3), per_axis(1, 3), per_axis(1, 2)
    padding = draw(st.sampled_from(words)) if words and draw(st.booleans()) else per_axis(0, 2)
    if words == windows.BOUNDARIES:
        padding = draw(st.sampled_from(words))
    reach = [window.reach for window in windows.windows(kernel_size, strides, 0, dilation)]
    # PyTorch reflects a row but once: it has to be longer than its padding.
    least = [r if padding in windows.BOUNDARIES else 0 for r in reach]
    full = tuple(r + draw(st.integers(0, 3)) for r in reach)
    sizes = [
        [draw(st.sampled_from([0, *range(max(1, low), size + 1)])) for low, size in zip(least, full, strict=True)]
        for _ in range(ROWS)
    ]
    groups = draw(st.integers(1, 2))
    options: dict[str, Any] = {}
    if transposed:
        options["output_padding"] = tuple(
            draw(st.integers(0, max(pair) - 1)) for pair in zip(strides, dilation, strict=True)
        )
        ends = zip(full, strides, reach, padding, options["output_padding"], strict=True)
        hypothesis.assume(all((n - 1) * s + r - 2 * int(p) + e > 0 for n, s, r, p, e in ends))
    make = {(1, False): nn.Conv1D, (2, False): nn.Conv2D, (1, True): nn.ConvTranspose1D, (2, True): nn.ConvTranspose2D}
    layer = make[spatial, transposed](
        features=groups * draw(st.integers(1, 2)),
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        kernel_dilation=dilation,
        feature_group_count=groups,
        **options,
    )
    channels = groups * draw(st.integers(1, 2))
    return Example(layer, channels, full, sizes, draw(st.sampled_from(list(TOLERANCES))), draw(st.integers(0, 999)))


def torch_convolution(layer: Any, x: Any, kernel: Any, bias: Any) -> Any:
    """``layer`` on one row ``[*spatial, C]`` as ``torch.nn`` does it."""
    spatial = x.ndim - 1
    x = x.movedim(-1, 0)[None]
    padding = layer.padding
    if padding == "SAME" and set(layer.strides) == {1}:
        padding = "same"
    elif isinstance(padding, str):
        allowed = windows.ZEROS + windows.BOUNDARIES
        widths = windows.pad_widths(padding, layer.kernel_size, layer.kernel_dilation, allowed)
        ends = [end for pair in reversed(widths) for end in pair]
        x = torch.nn.functional.pad(x, ends, mode=TORCH_MODES.get(padding, "constant"))
        padding = 0
    function = torch.nn.functional.conv1d if spatial == 1 else torch.nn.functional.conv2d
    y = function(
        x,
        kernel.movedim((-1, -2), (0, 1)),
        bias,
        stride=layer.strides,
        padding=padding,
        dilation=layer.kernel_dilation,
        groups=layer.feature_group_count,
    )
    return y[0].movedim(0, -1)


def torch_transposed(layer: Any, x: Any, kernel: Any, bias: Any) -> Any:
    spatial = x.ndim - 1
    # [*kernel_size, C, D // groups]
    kernel = torch.cat(kernel.chunk(layer.feature_group_count, dim=-1), dim=-2)
    function = torch.nn.functional.conv_transpose1d if spatial == 1 else torch.nn.functional.conv_transpose2d
    y = function(
        x.movedim(-1, 0)[None],
        kernel.movedim((-2, -1), (0, 1)),
        bias,
        stride=layer.strides,
        padding=layer.padding,
        output_padding=layer.output_padding,
        dilation=layer.kernel_dilation,
        groups=layer.feature_group_count,
    )
    return y[0].movedim(0, -1)


def assert_equals_torch(example: Example, function: Any) -> None:
    with jax.enable_x64(example.dtype == np.float64):
        compare(example, function)


def compare(example: Example, function: Any) -> None:
    """Compares rows, lengths, and the gradients of one weighted sum over all rows."""
    layer, channels, full, sizes, dtype, seed = example
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(ROWS, *full, channels)).astype(dtype)
    shape = (*layer.kernel_size, channels // layer.feature_group_count, layer.features)
    kernel, bias = (generator.normal(size=s).astype(dtype) for s in (shape, (layer.features,)))
    layer = layer.clone(param_dtype=dtype)
    params = {"params": {"kernel": kernel, "bias": bias}}
    lengths = np.array(sizes, np.int32)
    for row, size in enumerate(sizes):
        beside = np.ones(full, bool)
        beside[tuple(map(slice, size))] = False
        x[row, beside] = np.nan
    longest = (32,) * len(full)
    weights = generator.normal(size=(ROWS, *longest, layer.features)).astype(dtype)

    @jax.jit
    def run(params: Any, x: Any) -> Any:
        def loss(params: Any, x: Any) -> Any:
            y, new = layer.apply(params, x, lengths)
            return (weights[tuple(map(slice, y.shape))] * y).sum(), (y, new)

        return jax.grad(loss, (0, 1), has_aux=True)(params, x)

    (grads, x_grad), (y, new) = run(params, x)
    assert y.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {np.dtype(dtype)}

    leaves = [torch.tensor(leaf, requires_grad=True) for leaf in (kernel, bias)]
    y_torch, x_grad_torch = np.zeros_like(y), np.zeros_like(x)
    total = sum(leaf.sum() * 0 for leaf in leaves)  # a gradient of 0 where every row is empty
    rows = []
    for row, new_size in enumerate(np.asarray(new)):
        if new_size.all():
            real = (row, *map(slice, sizes[row]))
            rows.append((real, torch.tensor(x[real], requires_grad=True)))
            out = function(layer, rows[-1][1], *leaves)
            assert tuple(out.shape[:-1]) == tuple(new_size)
            inner = (row, *map(slice, new_size))
            y_torch[inner] = out.detach().numpy()
            total = total + (torch.tensor(weights[inner]) * out).sum()
    total.backward()
    for real, leaf in rows:
        x_grad_torch[real] = leaf.grad.numpy()
    kernel_torch, bias_torch = (leaf.grad.numpy() for leaf in leaves)
    pairs = {
        "y": (y, y_torch),
        "x": (x_grad, x_grad_torch),
        "kernel": (grads["params"]["kernel"], kernel_torch),
        "bias": (grads["params"]["bias"], bias_torch),
    }
    for name, (actual, expected) in pairs.items():
        atol = TOLERANCES[dtype] * max(1, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(actual, expected, rtol=0, atol=atol, err_msg=f"{name} of {example}")


@by_hypothesis
@hypothesis.given(example=convolutions(1, windows.ZEROS))
def test_conv1d_equals_torch_on_random_shapes(example: Example) -> None:
    assert_equals_torch(example, torch_convolution)


@by_hypothesis
@hypothesis.given(example=convolutions(2, windows.ZEROS))
def test_conv2d_equals_torch_on_random_shapes(example: Example) -> None:
    assert_equals_torch(example, torch_convolution)


@by_hypothesis
@hypothesis.given(example=convolutions(1, windows.BOUNDARIES) | convolutions(2, windows.BOUNDARIES))
def test_conv_equals_torch_at_boundaries_on_random_shapes(example: Example) -> None:
    assert_equals_torch(example, torch_convolution)


@by_hypothesis
@hypothesis.given(example=convolutions(1, (), transposed=True))
def test_conv_transpose1d_equals_torch_on_random_shapes(example: Example) -> None:
    assert_equals_torch(example, torch_transposed)


@by_hypothesis
@hypothesis.given(example=convolutions(2, (), transposed=True))
def test_conv_transpose2d_equals_torch_on_random_shapes(example: Example) -> None:
    assert_equals_torch(example, torch_transposed)
