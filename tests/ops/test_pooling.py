"""Pooling against NumPy loops over each row's own real steps."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import convolution, pooling

LENGTHS = np.array([7, 4, 1, 0], np.int32)
X = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32) - 3.0  # negative: a 0 would win


def max_pool_by_loops(
    x: np.ndarray, kernel_size: tuple[int, ...], strides: tuple[int, ...], widths: tuple[tuple[int, int], ...]
) -> np.ndarray:
    """One row ``[*spatial, C]``, one window at a time."""
    x = np.pad(x, (*widths, (0, 0)), constant_values=-np.inf)
    starts = [range(0, size - k + 1, s) for size, k, s in zip(x.shape, kernel_size, strides, strict=False)]
    out = [
        x[tuple(slice(a, a + k) for a, k in zip(at, kernel_size, strict=True))].reshape(-1, x.shape[-1]).max(0)
        for at in itertools.product(*starts)
    ]
    return np.array(out).reshape(*map(len, starts), x.shape[-1])


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding"),
    [((2,), None, "VALID"), ((3,), (2,), "SAME"), ((3,), (1,), "CAUSAL"), ((4,), (3,), ((1, 3),))],
    ids=str,
)
def test_max_pool_equals_loops_on_every_row(
    kernel_size: tuple[int, ...], strides: tuple[int, ...] | None, padding: convolution.Padding
) -> None:
    options = {"kernel_size": kernel_size, "strides": strides, "padding": padding}
    y, new_lengths = pooling.max_pool(X, LENGTHS, **options)
    assert new_lengths is not None
    widths = convolution.pad_widths(padding, kernel_size, (1,))
    for row, length in enumerate(LENGTHS):
        alone = max_pool_by_loops(X[row, :length], kernel_size, strides or kernel_size, widths)
        expected = alone[: len(alone) if length else 0]
        np.testing.assert_array_equal(y[row, : new_lengths[row]], expected)
    full, none = pooling.max_pool(X, None, **options)
    assert none is None
    np.testing.assert_array_equal(full[0], y[0])


def test_max_pool_2d_equals_loops_and_takes_several_batch_axes() -> None:
    x = np.random.default_rng(1).normal(size=(2, 2, 5, 4, 3)).astype(np.float32) - 3.0
    sizes = np.array([[[5, 4], [2, 3]], [[4, 2], [0, 4]]], np.int32)
    y, new_sizes = pooling.max_pool(x, sizes, kernel_size=(2, 3), strides=(1, 2), padding=(0, 1))
    assert new_sizes is not None
    assert new_sizes.shape == sizes.shape
    for index in np.ndindex(2, 2):
        height, width = sizes[index]
        expected = max_pool_by_loops(x[index][:height, :width], (2, 3), (1, 2), ((0, 0), (1, 1)))
        h, w = new_sizes[index]
        assert (h, w) == expected.shape[:2] if height else h == 0
        np.testing.assert_array_equal(y[index][:h, :w], expected[:h, :w])


@pytest.mark.parametrize("ndim", [1, 2])
def test_max_pool_equals_torch(ndim: int) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).normal(size=(*(2, 7, 6)[: ndim + 1], 3)).astype(np.float32)
    y, _ = pooling.max_pool(x, kernel_size=(3, 2)[:ndim], strides=(2, 1)[:ndim], padding=1)
    pool = torch.nn.functional.max_pool1d if ndim == 1 else torch.nn.functional.max_pool2d
    channels_first = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    expected = pool(channels_first, (3, 2)[:ndim], (2, 1)[:ndim], padding=1).numpy()
    np.testing.assert_array_equal(y, np.moveaxis(expected, 1, -1))


def test_max_pool_takes_integers() -> None:
    x = np.random.default_rng(3).integers(-9, -1, (4, 7, 2)).astype(np.int32)
    y, _ = pooling.max_pool(x, LENGTHS, kernel_size=(3,), strides=(1,), padding="SAME")
    expected, _ = pooling.max_pool(x.astype(np.float32), LENGTHS, kernel_size=(3,), strides=(1,), padding="SAME")
    assert y.dtype == jnp.int32
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pooling.max_over_time(x, LENGTHS)[1], x[1, :4].max(0))


def test_max_pool_refuses_windows_that_could_hold_padding_alone_or_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"padding is 2; allowed: less than the window \(2,\)"):
        pooling.max_pool(X, kernel_size=(2,), padding=2)
    with pytest.raises(ValueError, match=r"window of 8 .* spatial axis 0 of the input has 7"):
        pooling.max_pool(X, kernel_size=(8,))
    with pytest.raises(ValueError, match=r"lengths have shape \(4, 2\); allowed: one per row"):
        pooling.max_pool(X, np.zeros((4, 2), np.int32), kernel_size=(2,))


@pytest.mark.parametrize("batch_shape", [(4,), (2, 2)])
def test_pooling_over_time_equals_numpy(batch_shape: tuple[int, ...]) -> None:
    x, lengths = X.reshape(*batch_shape, 7, 3), LENGTHS.reshape(batch_shape)
    for function, reference in [
        (pooling.max_over_time, lambda row: row.max(0)),
        (pooling.mean_over_time, lambda row: row.astype(np.float64).mean(0)),
        (pooling.last_over_time, lambda row: row[-1]),
    ]:
        y = jax.jit(function)(x, lengths)
        for index in np.ndindex(batch_shape):
            expected = reference(x[index][: lengths[index]]) if lengths[index] else np.zeros(3)
            np.testing.assert_allclose(y[index], expected, rtol=1e-6)
        np.testing.assert_array_equal(function(x, lengths), y)
        full = np.full(batch_shape, 7)
        np.testing.assert_allclose(function(x), function(x, full), rtol=1e-6)


def test_max_over_time_gives_its_gradient_to_the_first_of_equals() -> None:
    x = jnp.array([[0.0, 2.0, 1.0, 2.0, 5.0], [3.0, 3.0, 3.0, 3.0, 3.0]])[..., None]
    gradient = jax.grad(lambda x: pooling.max_over_time(x, jnp.array([4, 5])).sum())(x)
    np.testing.assert_array_equal(gradient[..., 0], [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]])


def test_mean_over_time_sums_in_float32_under_bfloat16() -> None:
    x = jnp.full((2, 1001, 1), 1.0078125, jnp.bfloat16)
    for lengths in (None, jnp.array([1001, 600])):
        mean = pooling.mean_over_time(x, lengths)
        assert mean.dtype == jnp.bfloat16
        np.testing.assert_array_equal(mean.astype(jnp.float32), 1.0078125)


@pytest.mark.parametrize(
    "function",
    [pooling.max_over_time, pooling.mean_over_time, pooling.last_over_time],
    ids=lambda f: f.__name__,
)
def test_pooling_over_time_refuses_lengths_of_another_batch(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match=r"lengths have shape \(2,\); allowed: \(2, 2\), one per row"):
        function(X.reshape(2, 2, 7, 3), np.array([7, 4]))
