"""The arithmetic of lengths by brute force, and the convolution against loops in float64."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import convolution

PADDINGS: tuple[convolution.Padding, ...] = ("VALID", "SAME", "CAUSAL", 0, 2, ((0, 3),), (1,), [[2, 1]])


def convolve_by_loops(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, ...],
    widths: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> np.ndarray:
    """Cross-correlation, one output at a time."""
    spatial = kernel.ndim - 2
    x = np.pad(x.astype(np.float64), ((0, 0), *widths, (0, 0)))
    starts = [
        range(0, size - (k - 1) * d, s)
        for size, k, s, d in zip(x.shape[1:-1], kernel.shape, strides, dilation, strict=False)
    ]
    out = np.zeros((x.shape[0], *map(len, starts), kernel.shape[-1]))
    for place in np.ndindex(out.shape[1:-1]):
        for tap in np.ndindex(kernel.shape[:spatial]):
            at = tuple(starts[a][place[a]] + tap[a] * dilation[a] for a in range(spatial))
            out[(slice(None), *place)] += x[(slice(None), *at)] @ kernel[tap].astype(np.float64)
    return out


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
def test_output_length_equals_counting(padding: convolution.Padding) -> None:
    for kernel, stride, dilation in itertools.product((1, 2, 3, 4), (1, 2, 3), (1, 2)):
        ((left, right),) = convolution.pad_widths(padding, (kernel,), (dilation,))
        expected = []
        for length in range(9):
            starts = range(-left, length + right, stride)
            fits = [s for s in starts if s + (kernel - 1) * dilation < length + right]
            expected.append(len(fits) if length else 0)
        options = (kernel, stride, padding, dilation)
        assert [convolution.output_length(length, *options) for length in range(9)] == expected, options
        several = convolution.output_length(jnp.arange(9), *options)
        np.testing.assert_array_equal(several, expected, err_msg=str(options))
        if padding in ("SAME", "CAUSAL"):
            assert expected == [math.ceil(length / stride) for length in range(9)]


def test_pad_widths_reads_every_notation() -> None:
    widths = convolution.pad_widths
    assert widths("VALID", (3, 2), (1, 1)) == ((0, 0), (0, 0))
    assert widths("SAME", (4, 3), (1, 2)) == ((1, 2), (2, 2)), "(effective kernel - 1) // 2 on the left"
    assert widths("CAUSAL", (4, 4), (2, 1)) == ((6, 0), (1, 2)), "causal in the first axis alone"
    assert widths(2, (3, 3), (1, 1)) == ((2, 2), (2, 2))
    assert widths((1, (0, 2)), (3, 3), (1, 1)) == ((1, 1), (0, 2))
    assert convolution.effective_kernel(4, 3) == 10


@pytest.mark.parametrize(
    "padding", ["same", "REFLECT", -1, 1.5, None, (1, 2), ((1, 2, 3),), ((1, -1),), ((1.0, 2.0),), ((1,),)]
)
def test_pad_widths_refuses_what_is_no_padding(padding: object) -> None:
    with pytest.raises(ValueError, match=r"padding is .*; allowed: VALID, SAME, CAUSAL, an int >= 0"):
        convolution.pad_widths(padding, (3,), (1,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "dilation"),
    [
        ((3,), (1,), "SAME", (1,)),
        ((4,), (2,), "CAUSAL", (2,)),
        ((2,), (3,), ((0, 2),), (1,)),
        ((3, 2), (1, 2), "SAME", (1, 1)),
        ((2, 2), (2, 1), "CAUSAL", (1, 2)),
        ((2, 3), (1, 1), (0, (2, 1)), (2, 1)),
    ],
    ids=str,
)
def test_convolve_equals_loops(
    kernel_size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: convolution.Padding,
    dilation: tuple[int, ...],
) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(*(2, 7, 5)[: len(kernel_size) + 1], 2)).astype(np.float32)
    kernel = generator.normal(size=(*kernel_size, 2, 3)).astype(np.float32)
    widths = convolution.pad_widths(padding, kernel_size, dilation)
    expected = convolve_by_loops(x, kernel, strides, widths, dilation)
    actual = convolution.convolve(x, kernel, strides, padding, dilation)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    lengths = [
        convolution.output_length(size, k, s, (w,), d)
        for size, k, s, w, d in zip(x.shape[1:], kernel_size, strides, widths, dilation, strict=False)
    ]
    assert list(actual.shape[1:-1]) == lengths


def test_convolve_refuses_a_kernel_longer_than_its_input() -> None:
    x, kernel = jnp.ones((1, 4, 2)), jnp.ones((3, 2, 1))
    with pytest.raises(ValueError, match=r"window of 3 with dilation 2 spans 5 places; .* has 4"):
        convolution.convolve(x, kernel, (1,), "VALID", (2,))
    assert convolution.convolve(x, kernel, (1,), ((1, 0),), (2,)).shape == (1, 1, 1)


def test_spatial_lengths_round_trip() -> None:
    per_row, per_axis = jnp.array([3, 2]), jnp.array([[3, 4], [2, 1]])
    assert convolution.spatial_lengths(None, 1, 2) == (None, None)
    assert convolution.join_lengths((None, None), None) is None
    for lengths, spatial in [(per_row, 1), (per_row, 2), (per_axis, 2), (per_row[:, None], 1)]:
        split = convolution.spatial_lengths(lengths, 1, spatial)
        assert len(split) == spatial
        np.testing.assert_array_equal(convolution.join_lengths(split, lengths), lengths)
    with pytest.raises(ValueError, match=r"lengths have shape \(2, 3\); allowed: one per row, or one per row and"):
        convolution.spatial_lengths(jnp.ones((2, 3), int), 1, 2)


def test_output_lengths_leave_unknown_axes_unknown() -> None:
    rows = jnp.array([5, 4, 0])
    new = convolution.output_lengths((rows, None), (3, 2), (2, 1), "SAME", (1, 1))
    np.testing.assert_array_equal(new[0], [3, 2, 0])
    assert new[1] is None


def test_convolve_second_derivative_runs() -> None:
    x, kernel = jnp.linspace(-1, 1, 8).reshape(1, 4, 2), jnp.linspace(0, 1, 12).reshape(3, 2, 2)

    def energy(kernel: jax.Array) -> jax.Array:
        return jnp.sum(convolution.convolve(x, kernel, (1,), "SAME") ** 2)

    # Twice the energy of a quadratic form is the form of its Hessian.
    twice = jax.jvp(jax.grad(energy), (kernel,), (kernel,))[1]
    np.testing.assert_allclose(jnp.vdot(kernel, twice), 2 * energy(kernel), rtol=1e-5)
