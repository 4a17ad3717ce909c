"""Adaptive pooling by hand and its refusals; PyTorch compares the rest."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import pooling


def test_adaptive_pool_by_hand() -> None:
    """Five steps in three parts, [0 1], [1 2 3] and [3 4]; two in three, [0], [0 1] and [1]; and none."""
    x = np.array([[1, 3, 8, 1, 9], [4, 2, 99, 99, 99], [99] * 5], np.float32)[..., None]
    for pool, expected in [
        (pooling.adaptive_avg_pool, [[2, 4, 5], [4, 3, 2], [0, 0, 0]]),
        (pooling.adaptive_max_pool, [[3, 8, 9], [4, 4, 2], [0, 0, 0]]),
    ]:
        y, lengths = jax.jit(functools.partial(pool, output_size=(3,)))(x, np.array([5, 2, 0]))
        np.testing.assert_array_equal(y[..., 0], expected)
        np.testing.assert_array_equal(lengths, [3, 3, 0])
        full, none = jax.jit(functools.partial(pool, output_size=(3,)))(x)
        assert none is None
        np.testing.assert_array_equal(full[0], y[0])
        same, _ = jax.jit(functools.partial(pool, output_size=(5,)))(x)
        np.testing.assert_array_equal(same, x)


def test_adaptive_max_pool_gradient_by_hand() -> None:
    """The parts overlap in the middle step; of equal values the first takes the gradient."""
    x = jnp.array([2.0, 2.0, 5.0, 5.0, 5.0])[:, None]
    gradient = jax.jit(jax.grad(lambda x: jnp.array([1, 10]) @ pooling.adaptive_max_pool(x, output_size=(2,))[0][:, 0]))
    np.testing.assert_array_equal(gradient(x)[:, 0], [0, 0, 11, 0, 0])


def test_adaptive_pool_takes_several_batch_axes_and_lengths_of_time_alone() -> None:
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 4, 3)).astype(np.float32)
    lengths = np.array([[5, 2], [0, 3]], np.int32)
    both = np.stack([lengths, np.full((2, 2), 4)], axis=-1)
    for function in (pooling.adaptive_avg_pool, pooling.adaptive_max_pool):
        pool = jax.jit(functools.partial(function, output_size=(2, 3)))
        y, new = pool(x, lengths)
        expected, new_both = pool(x.reshape(4, 5, 4, 3), both.reshape(4, 2))
        np.testing.assert_allclose(y.reshape(expected.shape), expected, rtol=1e-6)
        np.testing.assert_array_equal(new, [[2, 2], [0, 2]])
        np.testing.assert_array_equal(new_both, [[2, 3], [2, 3], [0, 3], [2, 3]])


def test_adaptive_pool_takes_integers() -> None:
    x = np.array([[3], [np.iinfo(np.int32).min], [4]], np.int32)
    largest, _ = pooling.adaptive_max_pool(x, output_size=(3,))
    assert largest.dtype == jnp.int32
    np.testing.assert_array_equal(largest, x)
    mean, _ = pooling.adaptive_avg_pool(np.array([[3], [4]]), output_size=(1,))
    assert mean.dtype == jnp.float32
    np.testing.assert_array_equal(mean, [[3.5]])


@pytest.mark.parametrize(
    ("output_size", "message"),
    [
        (2, r"output_size is 2 for an input of shape \(2, 5, 3\); allowed: one int per spatial axis"),
        ((2, 2, 2), r"output_size is \(2, 2, 2\) for an input of shape \(2, 5, 3\)"),
        ((0,), r"output_size is \(0,\); allowed: an int >= 1"),
    ],
)
def test_adaptive_pool_refuses_sizes_that_are_none(output_size: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pooling.adaptive_avg_pool(np.ones((2, 5, 3), np.float32), output_size=output_size)


def test_adaptive_pool_refuses_an_axis_without_places_and_lengths_of_another_batch() -> None:
    with pytest.raises(ValueError, match=r"input has shape \(2, 0, 3\); allowed: 1 place or more"):
        pooling.adaptive_max_pool(np.ones((2, 0, 3), np.float32), output_size=(2,))
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(2,\), one per row"):
        pooling.adaptive_max_pool(np.ones((2, 4, 3), np.float32), np.zeros(3, int), output_size=(2,))
