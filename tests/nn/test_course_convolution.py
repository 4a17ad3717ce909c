"""Exercises of a course on convolutional networks: the numbers are worked out by hand in each docstring."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import convolution, pooling, windows

# Four steps of two channels.
X_TC = np.array([[1, 0], [2, 1], [0, 3], [1, 1]], np.float32)
# Two filters of two taps over two channels, [tap, channel]. A row is a tap.
FILTER_A = np.array([[1, -1], [2, 0]], np.float32)
FILTER_B = np.array([[0, 2], [-1, 1]], np.float32)
# The convolution of X with each filter, by hand:
#   A: 1*1 - 1*0 + 2*2 = 5,   1*2 - 1*1 + 2*0 = 1,   1*0 - 1*3 + 2*1 = -1
#   B: 2*0 - 1*2 + 1*1 = -1,  2*1 - 1*0 + 1*3 = 5,   2*3 - 1*1 + 1*1 = 6
Y_TD = np.array([[5, -1], [1, 5], [-1, 6]], np.float32)


def both_filters() -> np.ndarray:
    return np.stack([FILTER_A, FILTER_B], axis=-1)


def output_and_gradient(pool: Any, weights: Any = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The pooled convolution of X, and the gradient of its weighted sum with respect to both filters.

    X stands in a batch beside an empty row, and two steps of padding that are not numbers follow it.
    """
    x = np.full((2, 6, 2), np.nan, np.float32)
    x[0, :4] = X_TC
    lengths = np.array([4, 0], np.int32)
    layer = nn.Conv1D(2, 2, padding="VALID", use_bias=False)

    def loss(kernel: jax.Array) -> Any:
        y, new_lengths = layer.apply({"params": {"kernel": kernel}}, x, lengths)
        pooled = pool(y, new_lengths)
        return jnp.sum(pooled * weights), pooled

    gradient, pooled = jax.jit(jax.grad(loss, has_aux=True))(both_filters())
    np.testing.assert_array_equal(pooled[1], 0)
    return pooled[0], gradient


@pytest.mark.parametrize(("stride", "by_hand"), [(1, 5), (2, 3), (3, 2), (4, 2), (5, 1)])
def test_course_output_length_of_seven_steps(stride: int, by_hand: int) -> None:
    """Seven steps, filters of 3. Starts 0 1 2 3 4 at stride 1, 0 2 4 at 2, 0 3 at 3, 0 4 at 4 and 0 at 5."""
    assert windows.output_length(7, 3, stride) == by_hand == (7 - 3) // stride + 1
    x = np.random.default_rng(0).normal(size=(1, 7, 2)).astype(np.float32)
    y, _ = nn.Conv1D(4, 3, strides=stride, padding="VALID").init_with_output(jax.random.key(0), x)[0]
    assert y.shape == (1, by_hand, 4)


def test_course_output_length_in_general() -> None:
    """floor((L - ks) / s) + 1 windows: the last start is the largest multiple of s up to L - ks."""
    for size in range(1, 6):
        for stride in range(1, 6):
            for length in range(size, 15):
                starts = [start for start in range(length - size + 1) if start % stride == 0]
                steps = windows.output_length(length, size, stride)
                assert steps == len(starts) == (length - size) // stride + 1


def test_course_coverage_at_the_ends() -> None:
    """Seven steps, filters of 3: the first is seen by the window at 0, the second by those at 0 and 1, ...

    The padding that makes up for it is ks - 1 = 2 on either side; then all of 7 + 3 - 1 = 9 windows see something, and
    every step is seen 3 times.
    """
    assert windows.coverage(7, windows.Window(3)).tolist() == [1, 2, 3, 3, 3, 2, 1]
    padding = windows.equal_coverage_padding(3)
    assert padding == (2, 2)
    assert windows.coverage(7, windows.Window(3, padding=padding)).tolist() == [3] * 7
    assert windows.output_length(7, 3, padding=(padding,)) == 9
    same = windows.Window(3, padding=(1, 1))
    assert windows.coverage(7, same).tolist() == [2, 3, 3, 3, 3, 3, 2], "SAME is not enough"


@pytest.mark.parametrize("padding", [(0, 0), (2, 2)])
def test_course_coverage_is_how_often_the_filter_meets_a_step(padding: tuple[int, int]) -> None:
    """Of a filter of ones, the gradient of the sum of all outputs with respect to a step counts its windows."""
    x = np.random.default_rng(1).normal(size=(7, 1)).astype(np.float32)
    gradient = jax.grad(lambda x: jnp.sum(convolution.convolve(x, jnp.ones((3, 1, 1)), padding=(padding,))[0]))(x)
    np.testing.assert_array_equal(gradient[:, 0], windows.coverage(7, windows.Window(3, padding=padding)))


def test_course_convolution_of_two_channels_by_two_filters() -> None:
    """Worked out above, beside ``Y_TD``."""
    y, _ = nn.Conv1D(2, 2, padding="VALID", use_bias=False).apply({"params": {"kernel": both_filters()}}, X_TC)
    np.testing.assert_array_equal(y, Y_TD)


def test_course_global_mean() -> None:
    """A: (5 + 1 - 1) / 3 = 5/3; B: (-1 + 5 + 6) / 3 = 10/3.

    The gradient of a weight is the mean of what it met, the same for A and B: tap 0 met steps 0 1 2, so (1 + 2 + 0) / 3
    and (0 + 1 + 3) / 3; tap 1 met steps 1 2 3, so (2 + 0 + 1) / 3 and (1 + 3 + 1) / 3.
    """
    pooled, gradient = output_and_gradient(pooling.mean_over_time)
    np.testing.assert_allclose(pooled, [5 / 3, 10 / 3], rtol=1e-6)
    for filters in (0, 1):
        np.testing.assert_allclose(gradient[..., filters], [[1, 4 / 3], [1, 5 / 3]], rtol=1e-6)


def test_course_global_max() -> None:
    """A: 5, at position 0; B: 6, at position 2.

    The gradient is the window of the winner alone: steps 0 and 1 for A, steps 2 and 3 for B.
    """
    pooled, gradient = output_and_gradient(pooling.max_over_time)
    np.testing.assert_array_equal(pooled, [5, 6])
    np.testing.assert_array_equal(gradient[..., 0], [[1, 0], [2, 1]])
    np.testing.assert_array_equal(gradient[..., 1], [[0, 3], [1, 1]])


def test_course_k_max_pooling() -> None:
    """The two largest in the order of time: A has 5, 1 (positions 0, 1), B has 5, 6 (positions 1, 2).

    Of first + 10 * second, the gradient is one winner's window and ten times the other's:
    A: steps 0 1 + 10 * steps 1 2 = [[1 + 20, 0 + 10], [2 + 0, 1 + 30]];
    B: steps 1 2 + 10 * steps 2 3 = [[2 + 0, 1 + 30], [0 + 10, 3 + 10]].
    """

    def pool(y: jax.Array, lengths: jax.Array) -> jax.Array:
        return pooling.k_max_pool(y, lengths, k=2)[0]

    pooled, gradient = output_and_gradient(pool, weights=np.array([[1.0], [10.0]]))
    np.testing.assert_array_equal(pooled, [[5, 5], [1, 6]])
    np.testing.assert_array_equal(gradient[..., 0], [[21, 10], [2, 31]])
    np.testing.assert_array_equal(gradient[..., 1], [[2, 31], [10, 13]])


@pytest.mark.parametrize(("name", "by_hand"), [("mean", 8), ("max", 1), ("k_max", 3)])
def test_course_updates_of_one_filter(name: str, by_hand: int) -> None:
    """Ten steps, filters of 3: 10 - 3 + 1 = 8 positions share one filter, and the gradients of all are added up.

    The filter is copied, one copy for a position, so that each copy's gradient is what its position contributes. Under
    the mean all 8 do, under the maximum only the winner does, under k-max pooling the k = 3 winners do.
    """
    generator = np.random.default_rng(2)
    x_TC, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((10, 2), (3, 2, 4)))
    pool = {
        "mean": pooling.mean_over_time,
        "max": pooling.max_over_time,
        "k_max": lambda y, lengths: pooling.k_max_pool(y, lengths, k=3)[0],
    }[name]
    windows_TKC = np.stack([x_TC[start : start + 3] for start in range(8)])

    def loss_of_copies(copies: jax.Array) -> jax.Array:
        y_TD = jnp.einsum("tkc,tkcd->td", windows_TKC, copies)
        return jnp.sum(pool(y_TD[None], np.array([8])))

    def loss(kernel: jax.Array) -> jax.Array:
        return jnp.sum(pool(*convolution.convolve(x_TC[None], kernel, np.array([10]))))

    contributions = np.asarray(jax.jit(jax.grad(loss_of_copies))(np.stack([kernel] * 8)))
    contributing = np.any(contributions != 0, axis=(1, 2))  # of every position, to every filter
    np.testing.assert_array_equal(contributing.sum(axis=0), by_hand)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(kernel), contributions.sum(axis=0), rtol=1e-5, atol=1e-6)
    activations = convolution.convolve(x_TC, kernel)[0]
    into = jax.jit(jax.grad(lambda y: jnp.sum(pool(y[None], np.array([8])))))(activations)
    np.testing.assert_array_equal(np.count_nonzero(into, axis=0), by_hand)
    np.testing.assert_allclose(into.sum(axis=0), {"mean": 1, "max": 1, "k_max": 3}[name], rtol=1e-6)


def test_course_filter_of_5_over_an_image_of_32() -> None:
    """3 x 32 x 32 and filters of 5 x 5: 32 - 5 + 1 = 28 places along either side.

    Ten such filters at stride 1 with 2 zeros around keep 32 x 32 and have 10 * (5 * 5 * 3 + 1) = 760 parameters.
    """
    image = np.random.default_rng(3).normal(size=(1, 32, 32, 3)).astype(np.float32)
    (y, _), _ = nn.Conv2D(1, 5, padding="VALID").init_with_output(jax.random.key(0), image)
    assert y.shape == (1, 28, 28, 1)
    (y, _), params = nn.Conv2D(10, 5, padding=2).init_with_output(jax.random.key(0), image)
    assert y.shape == (1, 32, 32, 10)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 760
