"""Sliding windows against a loop over each row's own windows, for every kind of padding; the torch test has fewer."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import pooling, windows

LENGTHS = np.array([[7, 4], [1, 0]], np.int32)
SIZES = np.array([[[7, 5], [4, 2]], [[1, 3], [0, 4]]], np.int32)
# Negative: a padded 0 would win. Equal values abound.
X = np.random.default_rng(0).integers(-9, -1, (2, 2, 7, 5, 3)).astype(np.float32)
X_BTC = X[..., 0, :]


class Loops(NamedTuple):
    """Maxima, their flat places in the array that ``widths`` of it stand in, and both kinds of mean."""

    largest: np.ndarray
    indices: np.ndarray
    mean: np.ndarray
    mean_of_real: np.ndarray


def pool_by_loops(x: np.ndarray, over: tuple[windows.Window, ...], full: tuple[int, ...]) -> Loops:
    """One row ``[*spatial, C]`` that stands in an array of spatial shape ``full``, one window at a time."""
    sizes = x.shape[:-1]
    starts = [
        range(-w.padding[0], size if w.ceil_mode else size + w.padding[1] - w.reach + 1, w.stride)
        for size, w in zip(sizes, over, strict=True)
    ]
    if over[0].ceil_mode:
        # A window may hang over by less than a stride.
        starts = [
            [at for at in axis if at + w.reach - size - w.padding[1] < w.stride]
            for axis, size, w in zip(starts, sizes, over, strict=True)
        ]
    out = Loops(*(np.zeros((*map(len, starts), x.shape[-1])) for _ in Loops._fields))
    for place in np.ndindex(*map(len, starts)):
        taps = [range(axis[o], axis[o] + w.reach, w.dilation) for axis, o, w in zip(starts, place, over, strict=True)]
        seen = list(itertools.product(*taps))
        real = [at for at in seen if all(0 <= a < size for a, size in zip(at, sizes, strict=True))]
        counted = [at for at in seen if all(a < s + w.padding[1] for a, s, w in zip(at, sizes, over, strict=True))]
        for channel in range(x.shape[-1]):
            values = [x[(*at, channel)] for at in real]
            out.largest[place][channel] = max(values, default=0)
            first = real[values.index(max(values))] if real else None
            out.indices[place][channel] = -1 if first is None else np.ravel_multi_index(first, full)
            out.mean[place][channel] = sum(values) / max(len(counted), 1)
            out.mean_of_real[place][channel] = sum(values) / max(len(real), 1)
    return out


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "dilation", "ceil_mode"),
    [
        ((2,), None, "VALID", 1, False),
        ((3,), 2, "SAME", 1, True),
        ((3,), 1, "CAUSAL", 2, False),
        ((4,), 3, ((1, 3),), 1, True),
        ((2,), 1, 3, 3, False),
        ((2, 3), (1, 2), (0, 1), 1, False),
        ((3, 2), 2, "CAUSAL", (1, 2), True),
        ((2, 2), None, ((1, 0), (0, 1)), 1, True),
    ],
    ids=str,
)
def test_sliding_pools_equal_loops_on_every_row(
    kernel_size: tuple[int, ...],
    strides: windows.PerAxis | None,
    padding: windows.Padding,
    dilation: windows.PerAxis,
    ceil_mode: bool,
) -> None:
    options: dict[str, Any] = {"kernel_size": kernel_size, "padding": padding, "dilation": dilation}
    options |= {"strides": strides, "ceil_mode": ceil_mode}
    over = windows.windows(kernel_size, strides or kernel_size, padding, dilation, ceil_mode=ceil_mode)
    x, sizes = (X_BTC, SIZES[..., :1]) if len(over) == 1 else (X, SIZES)

    @jax.jit
    def run(x: jax.Array, lengths: Any) -> Any:
        largest = pooling.max_pool_with_indices(x, lengths, **options)
        means = [pooling.avg_pool(x, lengths, **options, count_include_pad=both) for both in (True, False)]
        return *largest, *means

    largest, new, indices, (mean, new_mean), (mean_of_real, _) = run(x, sizes)
    np.testing.assert_array_equal(new, new_mean)
    np.testing.assert_array_equal(jax.jit(lambda x: pooling.max_pool(x, sizes, **options)[0])(x), largest)
    for row in np.ndindex(2, 2):
        expected = pool_by_loops(x[row][tuple(map(slice, sizes[row]))], over, x.shape[2:-1])
        inside = tuple(map(slice, new[row]))
        if sizes[row].all():
            assert expected.largest.shape[:-1] == tuple(new[row])
            for array, of_row in zip((largest, indices, mean, mean_of_real), expected, strict=True):
                np.testing.assert_allclose(array[row][inside], of_row, rtol=1e-6)
        for array, nothing in [(largest, 0), (indices, -1), (mean, 0), (mean_of_real, 0)]:
            outside = np.array(array[row])
            outside[inside] = nothing
            assert np.all(outside == nothing)


def test_sliding_pools_take_lengths_of_time_alone_and_none() -> None:
    both = np.stack([LENGTHS, np.full((2, 2), 5)], axis=-1)
    for function in (pooling.max_pool, pooling.avg_pool):
        pool = jax.jit(functools.partial(function, kernel_size=(2, 2), padding="SAME"))
        y, new = pool(X, LENGTHS)
        expected, new_both = pool(X, both)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(new, new_both[..., 0])
        full, none = pool(X)
        assert none is None
        np.testing.assert_array_equal(full[0, 0], expected[0, 0])


def test_ceil_mode_row_that_fits_no_window_equals_that_row_alone() -> None:
    """Two steps under a window of three that may hang over by one."""
    for function in (pooling.max_pool, pooling.avg_pool):
        pool = jax.jit(functools.partial(function, kernel_size=(3,), strides=2, ceil_mode=True))
        y, new = pool(X_BTC[0], np.array([7, 2]))
        own, _ = pool(X_BTC[0, 1:, :2])
        np.testing.assert_array_equal(new, [3, 1])
        np.testing.assert_array_equal(y[1, :1], own[0])


def test_max_pool_gradient_by_hand() -> None:
    """Overlapping windows of three: of equal values the first takes all of the gradient, as often as it wins."""
    x = jnp.array([2.0, 5.0, 5.0, 1.0, 1.0, 1.0])[:, None]
    weights = jnp.array([1.0, 10.0, 100.0, 1000.0])
    gradient = jax.jit(jax.grad(lambda x: weights @ pooling.max_pool(x, kernel_size=(3,), strides=1)[0][:, 0]))(x)
    np.testing.assert_array_equal(gradient[:, 0], [0, 11, 100, 1000, 0, 0])


def test_max_pool_2d_gradient_by_hand() -> None:
    """Row-major order: the 7 of the first row, though the other stands further to the left."""
    x = jnp.array([[1.0, 7.0], [7.0, 0.0]])[..., None]
    gradient = jax.jit(jax.grad(lambda x: pooling.max_pool(x, kernel_size=(2, 2))[0].sum()))(x)
    np.testing.assert_array_equal(gradient[..., 0], [[0, 1], [0, 0]])


def test_avg_pool_gradient_by_hand() -> None:
    """Windows of two over 3 real steps of 5 with one padded place at either end: [p 0] [1 2] and nothing more."""
    x, weights = jnp.ones((1, 5, 1)), jnp.array([4.0, 10.0, 1000.0])

    def loss(x: jax.Array, count_include_pad: bool) -> jax.Array:
        options: dict[str, Any] = {"kernel_size": (2,), "padding": 1, "count_include_pad": count_include_pad}
        return weights @ pooling.avg_pool(x, np.array([3]), **options)[0][0, :, 0]

    for count_include_pad, expected in [(True, [2, 5, 5, 0, 0]), (False, [4, 5, 5, 0, 0])]:
        gradient = jax.jit(jax.grad(loss), static_argnums=1)(x, count_include_pad)
        np.testing.assert_array_equal(gradient[0, :, 0], expected)


def test_max_pool_passes_nan_and_infinities_on_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    x = np.full((6, 4, 1), -np.inf, np.float32)
    x[0, 1], x[1, 0], x[2, 3], x[3, 0], x[5, 1] = np.nan, np.nan, np.inf, 1, -np.nan
    y, _, indices = jax.jit(lambda x: pooling.max_pool_with_indices(x, kernel_size=(2, 2), strides=1))(x)
    options = {"kernel_size": 2, "stride": 1, "return_indices": True}
    expected, places = torch.nn.functional.max_pool2d(torch.tensor(x[None, ..., 0]), **options)
    assert np.isnan(y).any()
    assert np.isneginf(y).any()
    np.testing.assert_array_equal(y[..., 0], expected[0].numpy())
    np.testing.assert_array_equal(indices[..., 0], places[0].numpy())


def test_window_without_a_real_place_gives_zero() -> None:
    """Two taps, three apart, over two steps: at -2 and 1, -1 and 2, 0 and 3."""
    x, lengths = np.full((1, 5, 1), -2, np.float32), np.array([2])
    options: dict[str, Any] = {"kernel_size": (2,), "strides": 1, "padding": 2, "dilation": 3}
    y, new, indices = jax.jit(lambda x: pooling.max_pool_with_indices(x, lengths, **options))(x)
    np.testing.assert_array_equal(new, [3])
    np.testing.assert_array_equal(y[0, :3, 0], [-2, 0, -2])
    np.testing.assert_array_equal(indices[0, :3, 0], [1, -1, 0])
    weights = np.array([1, 10, 100], np.float32)
    gradient = jax.jit(jax.grad(lambda x: weights @ pooling.max_pool(x, lengths, **options)[0][0, :3, 0]))(x)
    np.testing.assert_array_equal(gradient[0, :, 0], [100, 1, 0, 0, 0])
    for both, expected in [(True, [-1, 0, -1]), (False, [-2, 0, -2])]:
        mean, _ = jax.jit(lambda x, both=both: pooling.avg_pool(x, lengths, **options, count_include_pad=both))(x)
        np.testing.assert_array_equal(mean[0, :3, 0], expected)


def test_max_pool_takes_integers() -> None:
    x = X_BTC.astype(np.int32)
    x[0, 0, :3] = np.iinfo(np.int32).min
    options: dict[str, Any] = {"kernel_size": (3,), "strides": (1,), "padding": "SAME"}
    y, _, indices = pooling.max_pool_with_indices(x, LENGTHS, **options)
    expected, _, places = pooling.max_pool_with_indices(x.astype(np.float32), LENGTHS, **options)
    assert y.dtype == jnp.int32
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(indices, places)


def test_max_unpool_puts_values_back() -> None:
    """A place that won twice is written once, -1 nowhere, and a row's own length ends it."""
    y = jnp.array([[5.0, 5.0, 7.0, 3.0], [2.0, 1.0, 0.0, 9.0]])[..., None]
    indices = jnp.array([[1, 1, 4, -1], [0, 3, -1, -1]])[..., None]
    x, lengths = pooling.max_unpool(y, indices, np.array([6, 3]), output_size=(6,))
    np.testing.assert_array_equal(x[..., 0], [[0, 5, 0, 0, 7, 0], [2, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(lengths, [6, 3])


def test_max_unpool_after_max_pool_keeps_the_maxima_of_several_batch_axes() -> None:
    @jax.jit
    def run(x: jax.Array) -> Any:
        y, _, indices = pooling.max_pool_with_indices(x, SIZES, kernel_size=(2, 2), ceil_mode=True)
        unpooled, _ = pooling.max_unpool(y, indices, SIZES, output_size=(7, 5))
        return y, indices, unpooled, pooling.max_pool(unpooled, SIZES, kernel_size=(2, 2), ceil_mode=True)[0]

    y, indices, x, again = run(np.abs(X))
    kept = x != 0
    np.testing.assert_array_equal(x[kept], np.abs(X)[kept])
    assert kept.sum() == (indices >= 0).sum()
    np.testing.assert_array_equal(again, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": (2,), "padding": 2}, r"padding is 2; allowed on either side: less than .* reach, \(2,\)"),
        ({"kernel_size": (2,), "padding": "REFLECT"}, r"padding is 'REFLECT'; allowed: VALID, SAME, CAUSAL, an int"),
        ({"kernel_size": (8,)}, r"window of 8 .* spatial axis 0 of the input has 7"),
        ({"kernel_size": (9,), "strides": 2, "ceil_mode": True}, r"window of 9 .* spatial axis 0 of the input has 7"),
        ({"kernel_size": 2}, r"kernel_size is 2 for an input of shape \(4, 7, 3\); allowed: one int per spatial axis"),
        ({"kernel_size": (2, 2, 2)}, r"kernel_size is \(2, 2, 2\) for an input of shape \(4, 7, 3\)"),
        ({"kernel_size": (0,)}, r"kernel_size is \(0,\); allowed: an int >= 1"),
        ({"kernel_size": (2,), "strides": (1, 1)}, r"strides is \(1, 1\); allowed"),
        ({"kernel_size": (2,), "lengths": np.zeros((4, 2), int)}, r"lengths have shape \(4, 2\); allowed: \(4,\)"),
        ({"kernel_size": (2,), "lengths": np.array([8, 0, 0, 0])}, r"lengths reach from 0 to 8; allowed: 0 to 7"),
    ],
)
def test_sliding_pools_refuse_what_they_cannot_do(options: dict[str, Any], message: str) -> None:
    for pool in (pooling.max_pool, pooling.avg_pool):
        with pytest.raises(ValueError, match=message):
            pool(X_BTC.reshape(4, 7, 3), **options)


def test_max_unpool_refuses_what_does_not_fit() -> None:
    y, indices = np.ones((2, 3, 1), np.float32), np.zeros((2, 3, 1), np.int32)
    with pytest.raises(ValueError, match=r"indices have shape \(2, 3\) and type int32; allowed: .* \(2, 3, 1\)"):
        pooling.max_unpool(y, indices[..., 0], output_size=(6,))
    with pytest.raises(ValueError, match=r"indices have shape \(2, 3, 1\) and type float32; allowed: integers"):
        pooling.max_unpool(y, y, output_size=(6,))
    with pytest.raises(ValueError, match=r"output_size is \(2, 3, 1\) for values of shape \(2, 3, 1\)"):
        pooling.max_unpool(y, indices, output_size=(2, 3, 1))
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(2,\), one per row"):
        pooling.max_unpool(y, indices, np.zeros(3, int), output_size=(6,))


@pytest.mark.parametrize(("function", "first"), [(pooling.max_pool, -np.inf), (pooling.avg_pool, 0.0)])
def test_causal_pool_equals_step_by_step(function: Any, first: float) -> None:
    """Before the first step stands what padding means: nothing that wins, or zeros that count."""
    x = np.random.default_rng(0).normal(size=(3, 6, 2)).astype(np.float32) - 2.0
    options = {"kernel_size": (2,), "strides": 1, "dilation": 2}
    whole, _ = function(x, padding="CAUSAL", **options)
    carry = jnp.full((3, 2, 2), first)
    for t in range(6):
        y, carry = windows.step(lambda seen: function(seen, **options)[0], carry, x[:, t])
        np.testing.assert_allclose(y, whole[:, t], rtol=1e-6)
