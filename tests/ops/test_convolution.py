"""Convolution and its transpose against loops in float64, on every row at its own length."""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import convolution, windows

EVERY_WORD = windows.ZEROS + windows.BOUNDARIES
MODES: dict[object, Any] = {"REFLECT": "reflect", "CIRCULAR": "wrap"}
HEIGHTS = np.array([6, 4, 2, 1, 0], np.int32)
WIDTHS = np.array([5, 2, 3, 1, 4], np.int32)


@pytest.fixture(autouse=True)
def one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the formulations for a CPU are taken."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def convolve_by_loops(
    x: np.ndarray, kernel: np.ndarray, strides: tuple[int, ...], dilation: tuple[int, ...], groups: int
) -> np.ndarray:
    """Cross-correlation of one padded row ``[*spatial, C]``, one output at a time."""
    spatial = kernel.ndim - 2
    starts = [
        range(0, size - (k - 1) * d, s)
        for size, k, s, d in zip(x.shape[:-1], kernel.shape, strides, dilation, strict=False)
    ]
    out = np.zeros((*map(len, starts), kernel.shape[-1]))
    for place in np.ndindex(out.shape[:-1]):
        for tap in np.ndindex(kernel.shape[:spatial]):
            at = tuple(starts[a][place[a]] + tap[a] * dilation[a] for a in range(spatial))
            out[place] += grouped_product(x[at], kernel[tap], groups)
    return out


def transpose_by_loops(
    x: np.ndarray, kernel: np.ndarray, strides: tuple[int, ...], dilation: tuple[int, ...], groups: int
) -> np.ndarray:
    """One row: every input adds the kernel to the outputs, one at a time; nothing is taken off."""
    spatial = kernel.ndim - 2
    sizes = [
        (n - 1) * s + (k - 1) * d + 1 for n, k, s, d in zip(x.shape, kernel.shape, strides, dilation, strict=False)
    ]
    out = np.zeros((*sizes[:spatial], kernel.shape[-1]))
    for place in np.ndindex(x.shape[:-1]):
        for tap in np.ndindex(kernel.shape[:spatial]):
            at = tuple(place[a] * strides[a] + tap[a] * dilation[a] for a in range(spatial))
            out[at] += grouped_product(x[place], kernel[tap], groups)
    return out


def grouped_product(x_C: np.ndarray, kernel_CD: np.ndarray, groups: int) -> np.ndarray:
    ins, outs = np.split(x_C.astype(np.float64), groups), np.split(kernel_CD.astype(np.float64), groups, axis=1)
    return np.concatenate([a @ b for a, b in zip(ins, outs, strict=True)])


def assert_equal(actual: Any, expected: np.ndarray) -> None:
    """To rounding: sums of at most 100 products in float32, relative to the largest of them."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "dilation", "groups"),
    [
        ((3,), (1,), "SAME", (1,), 1),
        ((4,), (2,), "CAUSAL", (2,), 2),
        ((2,), (3,), ((0, 2),), (1,), 4),
        ((3,), (1,), "REFLECT", (1,), 1),
        ((4,), (2,), "REFLECT", (3,), 2),
        ((4,), (1,), "CIRCULAR", (3,), 1),
        ((3, 2), (1, 2), "SAME", (1, 1), 2),
        ((2, 2), (2, 1), "CAUSAL", (1, 2), 1),
        ((2, 3), (1, 1), (0, (2, 1)), (2, 1), 1),
        ((3, 4), (2, 1), "REFLECT", (2, 1), 1),
        ((4, 3), (1, 1), "CIRCULAR", (3, 2), 2),
    ],
    ids=str,
)
def test_convolve_equals_loops_on_every_row_alone(
    kernel_size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: windows.Padding,
    dilation: tuple[int, ...],
    groups: int,
) -> None:
    spatial = len(kernel_size)
    x = draw(5, *(6, 5)[:spatial], 4)
    kernel = draw(*kernel_size, 4 // groups, 4, seed=1)
    sizes = np.stack([HEIGHTS, WIDTHS], axis=-1)[:, :spatial]
    widths = windows.pad_widths(padding, kernel_size, dilation, EVERY_WORD)
    mode = MODES.get(padding if isinstance(padding, str) else None, "constant")
    options: Any = {"strides": strides, "padding": padding, "dilation": dilation, "feature_group_count": groups}

    run = jax.jit(functools.partial(convolution.convolve, **options))
    y, lengths = run(x, kernel, sizes)
    assert lengths is not None
    for row, size in enumerate(sizes):
        real = x[(row, *map(slice, size))]
        new = tuple(np.asarray(lengths[row]))
        if not size.all():
            assert math.prod(new) == 0
            continue
        alone = np.pad(real, (*widths, (0, 0)), mode=mode)
        expected = convolve_by_loops(alone, kernel, strides, dilation, groups)
        assert new == expected.shape[:-1]
        inner = y[(row, *map(slice, new))]
        assert_equal(inner, expected)
        # Nothing beside the real outputs.
        np.testing.assert_allclose(np.abs(y[row]).sum(), np.abs(inner).sum(), rtol=1e-5)
    full, none = run(x, kernel)
    assert none is None
    assert_equal(full[0], np.asarray(y[0]))


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "dilation", "output_padding", "groups"),
    [
        ((3,), (1,), "VALID", (1,), 0, 1),
        ((2,), (3,), "VALID", (2,), 2, 2),
        ((4,), (2,), "SAME", (1,), 1, 1),
        ((2,), (3,), "SAME", (1,), 0, 1),
        ((3,), (2,), "CAUSAL", (2,), 0, 4),
        ((1,), (2,), "CAUSAL", (1,), 0, 1),
        ((4,), (2,), ((3, 0),), (1,), 0, 1),
        ((3, 2), (2, 3), "SAME", (1, 2), (1, 2), 1),
        ((2, 3), (1, 2), "CAUSAL", (2, 1), 0, 2),
        ((2, 2), (2, 1), ((0, 1), 1), (1, 2), (1, 0), 1),
    ],
    ids=str,
)
def test_convolve_transposed_equals_loops_on_every_row_alone(
    kernel_size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: windows.Padding,
    dilation: tuple[int, ...],
    output_padding: int | tuple[int, ...],
    groups: int,
) -> None:
    spatial = len(kernel_size)
    x = draw(5, *(6, 5)[:spatial], 4)
    kernel = draw(*kernel_size, 4 // groups, 4, seed=1)
    sizes = np.stack([HEIGHTS, WIDTHS], axis=-1)[:, :spatial]
    options: Any = {"strides": strides, "dilation": dilation, "feature_group_count": groups}
    more = (output_padding,) * spatial if isinstance(output_padding, int) else output_padding

    options |= {"padding": padding, "output_padding": output_padding}
    y, lengths = jax.jit(functools.partial(convolution.convolve_transposed, **options))(x, kernel, sizes)
    assert lengths is not None
    widths = windows.pad_widths(padding, kernel_size, dilation)
    for row, size in enumerate(sizes):
        if not size.all():
            assert math.prod(np.asarray(lengths[row])) == 0
            continue
        whole = transpose_by_loops(x[(row, *map(slice, size))], kernel, strides, dilation, groups)
        if padding in ("SAME", "CAUSAL"):
            lefts = [0 if padding == "CAUSAL" and axis == 0 else left for axis, (left, _) in enumerate(widths)]
            ends = [left + n * s + e for left, n, s, e in zip(lefts, size, strides, more, strict=True)]
        else:
            lefts = [left for left, _ in widths]
            ends = [n - right + e for n, (_, right), e in zip(whole.shape, widths, more, strict=False)]
        ends = [max(left, end) for left, end in zip(lefts, ends, strict=True)]
        hanging = [max(0, end - n) for end, n in zip(ends, whole.shape, strict=False)]
        whole = np.pad(whole, (*((0, n) for n in hanging), (0, 0)))
        expected = whole[tuple(map(slice, lefts, ends))]
        new = tuple(np.asarray(lengths[row]))
        assert new == expected.shape[:-1]
        inner = y[(row, *map(slice, new))]
        assert_equal(inner, expected)
        np.testing.assert_allclose(np.abs(y[row]).sum(), np.abs(inner).sum(), rtol=1e-5)


@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (4, 2, 1), (2, 3, 1), (3, 2, 2), (5, 2, 1)])
def test_convolve_transposed_same_is_the_transpose_of_convolve_same(size: int, stride: int, dilation: int) -> None:
    """<convolve(x), z> = <x, convolve_transposed(z)> for every x, z and length, input channels and output swapped."""
    kernel = draw(size, 2, 3)
    options: Any = {"strides": stride, "padding": "SAME", "dilation": dilation}
    lengths = np.array([4, 2, 1, 0], np.int32)
    x, z = draw(4, 4 * stride, 2), draw(4, 4, 3)

    @jax.jit
    def run(x: jax.Array, z: jax.Array, lengths: jax.Array) -> Any:
        forth = convolution.convolve(x, kernel, lengths * stride, **options)
        transpose = jax.linear_transpose(lambda x: convolution.convolve(x, kernel, lengths * stride, **options)[0], x)
        return forth, convolution.convolve_transposed(z, np.swapaxes(kernel, -1, -2), lengths, **options), transpose(z)

    (forth, new), (back, newer), (transposed,) = run(x, z, lengths)
    np.testing.assert_array_equal(new, lengths)
    np.testing.assert_array_equal(newer, lengths * stride)
    for row in range(4):
        np.testing.assert_allclose(np.vdot(forth[row], z[row]), np.vdot(x[row], back[row]), rtol=1e-4, atol=1e-5)
    assert_equal(back, np.asarray(transposed))


@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 2), (3, 2, 1), (2, 3, 1), (4, 2, 1)])
def test_convolve_transposed_causal_sees_no_later_step(size: int, stride: int, dilation: int) -> None:
    kernel = jnp.asarray(draw(size, 2, 3))

    def run(x_TC: jax.Array) -> jax.Array:
        return convolution.convolve_transposed(x_TC, kernel, strides=stride, padding="CAUSAL", dilation=dilation)[0]

    influence = np.abs(jax.jit(jax.jacrev(run))(draw(5, 2))).sum(axis=(1, 3))  # y_T by x_T
    assert influence.shape == (5 * stride, 5)
    for o, t in np.ndindex(*influence.shape):
        tap, rest = divmod(o - t * stride, dilation)
        assert (influence[o, t] > 0) == (rest == 0 and 0 <= tap < size), f"y at {o} by x at {t}"
        assert influence[o, t] == 0 or t <= o // stride


def test_transposed_length_of_arrays_equals_that_of_ints() -> None:
    for size, stride, dilation in itertools.product((1, 2, 4), (1, 3), (1, 2)):
        window = windows.Window(size, stride, dilation)
        for crop in [(0, 0), (1, 2), (0, -2)]:
            counted = [max(0, len(range((length - 1) * stride + window.reach)) - sum(crop)) for length in range(7)]
            expected = [0, *counted[1:]]
            actual = [convolution.transposed_length(length, window, crop) for length in range(7)]
            assert actual == expected
            several = convolution.transposed_length(np.arange(7, dtype=np.int32), window, crop)
            np.testing.assert_array_equal(several, expected)


def test_receptive_field_equals_gradient_of_a_stack() -> None:
    stack = [windows.Window(3, 2, 1, (2, 1)), windows.Window(2, 1, 3, (1, 2)), windows.Window(4, 3, 1, (0, 2))]

    def run(x_TC: jax.Array) -> jax.Array:
        for seed, window in enumerate(stack):
            kernel = draw(window.size, 1, 1, seed=seed)
            x_TC, _ = convolution.convolve(
                x_TC, kernel, strides=window.stride, padding=(window.padding,), dilation=window.dilation
            )
        return x_TC

    field = windows.receptive_field(stack)
    influence = np.abs(jax.jit(jax.jacrev(run))(draw(60, 1))).sum(axis=(1, 3))
    starts = field.start + np.arange(len(influence)) * field.stride
    inner = [o for o, start in enumerate(starts) if start >= 0 and start + field.size <= 60]
    assert len(inner) > 3
    for o in inner:
        seen = np.flatnonzero(influence[o])
        assert (seen[0], seen[-1]) == (starts[o], starts[o] + field.size - 1)


REFUSALS: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...], dict[str, Any], str]] = {
    "long": (
        convolution.convolve, (1, 4, 2), (3, 2, 1), {"dilation": 2},
        "window of 3 with dilation 2 spans 5 places; .* has 4",
    ),
    "channels": (
        convolution.convolve, (1, 4, 2), (3, 3, 1), {},
        r"input has 2 channels; a kernel of shape \(3, 3, 1\) in 1 groups needs 3",
    ),
    "grouped": (
        convolution.convolve, (1, 4, 4), (3, 4, 2), {"feature_group_count": 2},
        r"input has 4 channels; a kernel of shape \(3, 4, 2\) in 2 groups needs 8",
    ),
    "groups": (
        convolution.convolve, (1, 4, 4), (3, 2, 3), {"feature_group_count": 2},
        "feature_group_count is 2; allowed: a divisor of the 4 channels and of the 3 features",
    ),
    "no groups": (convolution.convolve, (1, 4, 4), (3, 2, 3), {"feature_group_count": 0}, "feature_group_count is 0"),
    "strides": (convolution.convolve, (1, 4, 2), (3, 2, 1), {"strides": 0}, "strides is 0; allowed: an int >= 1"),
    "dilation": (
        convolution.convolve, (1, 4, 2), (3, 2, 1), {"dilation": -2}, "dilation is -2; allowed: an int >= 1"
    ),
    "word": (
        convolution.convolve, (1, 4, 2), (3, 2, 1), {"padding": "same"},
        "padding is 'same'; allowed: VALID, SAME, CAUSAL, REFLECT, CIRCULAR, an int",
    ),
    "axes": (
        convolution.convolve, (4, 2), (3, 3, 2, 1), {}, r"input has shape \(4, 2\); allowed: batch axes, 2 spatial"
    ),
    "empty": (convolution.convolve, (1, 0, 2), (3, 2, 1), {"padding": 4}, "spatial axis 0 of the input has 0"),
    "three axes": (
        convolution.convolve, (1, 3, 3, 3, 1), (2, 2, 2, 1, 1), {},
        r"kernel has shape \(2, 2, 2, 1, 1\); allowed: one or two spatial axes, channels, features",
    ),
    "no axes": (convolution.convolve, (1, 3), (3, 2), {}, r"kernel has shape \(3, 2\); allowed: one or two spatial"),
    "reflect": (
        convolution.convolve_transposed, (1, 4, 2), (3, 2, 1), {"padding": "REFLECT"},
        "padding is 'REFLECT'; allowed: VALID, SAME, CAUSAL, an int",
    ),
    "all off": (
        convolution.convolve_transposed, (1, 2, 2), (3, 2, 1), {"padding": 2},
        "padding is 2: it takes off all of spatial axis 0, which has 2 steps",
    ),
    "output padding": (
        convolution.convolve_transposed, (1, 4, 2), (3, 2, 1), {"strides": 2, "output_padding": 2},
        "output_padding is 2; allowed per axis: 0 or more, below the stride or the dilation",
    ),
    "output paddings": (
        convolution.convolve_transposed, (1, 4, 2), (3, 2, 1), {"strides": 2, "output_padding": (1, 1)},
        r"output_padding is \(1, 1\); allowed per axis: 0 or more, below the stride or the dilation",
    ),
    "half a step": (
        convolution.convolve_transposed, (1, 4, 2), (3, 2, 1), {"strides": 2, "output_padding": 0.5},
        "output_padding is 0.5; allowed per axis: 0 or more, below the stride or the dilation",
    ),
    "transposed channels": (
        convolution.convolve_transposed, (1, 4, 3), (3, 2, 1), {}, "input has 3 channels; .* in 1 groups needs 2"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_convolution_refuses_what_it_cannot_mean(name: str) -> None:
    function, shape, kernel_shape, options, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        function(jnp.ones(shape), jnp.ones(kernel_shape), **options)


def test_convolve_takes_a_kernel_that_fits_by_its_padding() -> None:
    x, kernel = jnp.ones((1, 4, 2)), jnp.ones((3, 2, 1))
    assert convolution.convolve(x, kernel, padding=((1, 0),), dilation=2)[0].shape == (1, 1, 1)


@pytest.mark.parametrize("function", [convolution.convolve, convolution.convolve_transposed])
def test_convolution_second_derivative_runs(function: Any) -> None:
    x, kernel = jnp.asarray(draw(2, 4, 2)), jnp.asarray(draw(3, 2, 2))

    def energy(kernel: jax.Array) -> jax.Array:
        return jnp.sum(function(x, kernel, np.array([4, 2], np.int32), padding="SAME")[0] ** 2)

    # Twice the energy of a quadratic form is the form of its Hessian.
    twice = jax.jvp(jax.grad(energy), (kernel,), (kernel,))[1]
    np.testing.assert_allclose(jnp.vdot(kernel, twice), 2 * energy(kernel), rtol=1e-5)
