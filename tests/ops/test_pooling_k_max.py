"""k-max pooling against sorting each channel of each row alone."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import pooling

LENGTHS = np.array([7, 4, 2, 0], np.int32)
K = np.array([3, 1, 3, 2], np.int32)
# Equal values abound.
X = np.random.default_rng(0).integers(-9, -4, (4, 7, 3)).astype(np.float32)


def k_max_by_sorting(row: np.ndarray, k: int) -> np.ndarray:
    """One channel: places of the k largest values, of equal ones the earlier, in their original order."""
    return np.array(sorted(sorted(range(len(row)), key=lambda t: (-row[t], t))[:k]), int)


@pytest.mark.parametrize("k_B", [None, K], ids=["k", "k_B"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_k_max_pool_equals_sorting_every_row(lengths: np.ndarray | None, k_B: np.ndarray | None) -> None:
    weights = np.random.default_rng(1).normal(size=(4, 3, 3)).astype(np.float32)

    @jax.jit
    def run(x: jax.Array) -> Any:
        def loss(x: jax.Array) -> Any:
            y, new = pooling.k_max_pool(x, lengths, k=3, k_B=k_B)
            return jnp.vdot(y, weights), (y, new)

        return jax.grad(loss, has_aux=True)(x)

    gradient, (y, new) = run(X)
    assert (new is None) == (lengths is None and k_B is None)
    expected, expected_gradient = np.zeros_like(y), np.zeros_like(X)
    for row, channel in np.ndindex(4, 3):
        real = X[row, : 7 if lengths is None else lengths[row], channel]
        places = k_max_by_sorting(real, 3 if k_B is None else k_B[row])
        if new is not None:
            assert new[row] == len(places)
        expected[row, : len(places), channel] = real[places]
        expected_gradient[row, places, channel] = weights[row, : len(places), channel]
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_k_max_pool_takes_several_batch_axes_and_k_as_an_array_under_jit() -> None:
    pool = jax.jit(functools.partial(pooling.k_max_pool, k=3))
    expected, new = pool(X, LENGTHS, k_B=K)
    y, several = pool(X.reshape(2, 2, 7, 3), LENGTHS.reshape(2, 2), k_B=K.reshape(2, 2))
    np.testing.assert_array_equal(y, expected.reshape(2, 2, 3, 3))
    np.testing.assert_array_equal(several, new.reshape(2, 2))


def test_k_max_pool_gradient_by_hand() -> None:
    x = jnp.array([1.0, 4.0, 3.0, 4.0, 3.0, 9.0])[None, :, None]
    weights = jnp.array([1.0, 10.0, 100.0])
    loss = jax.jit(jax.value_and_grad(lambda x: weights @ pooling.k_max_pool(x, np.array([5]), k=3)[0][0, :, 0]))
    value, gradient = loss(x)
    assert value == 4 + 30 + 400
    np.testing.assert_array_equal(gradient[0, :, 0], [0, 1, 10, 100, 0, 0])


def test_k_max_pool_ranks_zeros_of_both_signs_alike_nan_first_and_padding_last() -> None:
    x = np.array([[0.0, -0.0, 0.0, -0.0], [-np.inf, -np.nan, 1, 5], [-np.inf, -np.inf, 5, 5]], np.float32)[..., None]
    y, _ = pooling.k_max_pool(x, np.array([4, 3, 2]), k=2)
    np.testing.assert_array_equal(np.signbit(y[0, :, 0]), [False, True])
    np.testing.assert_array_equal(y[1:, :, 0], [[np.nan, 1], [-np.inf, -np.inf]])


def test_k_max_pool_takes_integers() -> None:
    x = np.array([[np.iinfo(np.int32).min, 3, 9]], np.int32)[..., None]
    y, _ = pooling.k_max_pool(x, np.array([2]), k=2)
    assert y.dtype == jnp.int32
    np.testing.assert_array_equal(y, x[:, :2])


def test_dynamic_k_falls_to_k_top() -> None:
    """A sentence of 18 words under three layers, and of 7, where a share is no whole number."""
    assert [pooling.dynamic_k(18, layer, 3, 3) for layer in (1, 2, 3)] == [12, 6, 3]
    assert [pooling.dynamic_k(7, layer, 3, 3) for layer in (1, 2, 3)] == [5, 3, 3]
    assert pooling.dynamic_k(10**9, 1, 10, 1) == 9 * 10**8
    for layer in (1, 2, 3):
        several = jax.jit(lambda s, layer=layer: pooling.dynamic_k(s, layer, 3, 3))(np.array([18, 7]))
        np.testing.assert_array_equal(several, [pooling.dynamic_k(s, layer, 3, 3) for s in (18, 7)])


def test_k_max_pool_refuses_what_it_cannot_do() -> None:
    for k in (0, 8, 2.0):
        with pytest.raises(ValueError, match=rf"k is {k} for an input of shape \(4, 7, 3\); allowed: 1 to 7"):
            pooling.k_max_pool(X, k=k)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"k_B have shape \(3,\); allowed: \(4,\), one per row"):
        pooling.k_max_pool(X, k=2, k_B=K[:3])
    with pytest.raises(ValueError, match=r"k_B reach from 1 to 3; allowed: 0 to 2"):
        pooling.k_max_pool(X, k=2, k_B=K)
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(4,\), one per row"):
        pooling.k_max_pool(X, LENGTHS[:3], k=2)
    with pytest.raises(ValueError, match=r"layer is 0; allowed: 1 to 3"):
        pooling.dynamic_k(7, 0, 3, 3)
    with pytest.raises(ValueError, match=r"k_top is 0; allowed: 1 or more"):
        pooling.dynamic_k(7, 1, 3, 0)
