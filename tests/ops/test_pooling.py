"""What every kind of pooling keeps: transforms, second derivatives, types, NumPy's and JAX's arrays."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import pooling

LENGTHS = np.array([6, 3, 0], np.int32)
X = np.random.default_rng(0).normal(size=(3, 6, 2))


def attention(x: jax.Array, lengths: jax.Array | None = None) -> jax.Array:
    return pooling.attention_over_time(x, 3 * x[..., 0], lengths)


def unpool(x: jax.Array, lengths: jax.Array | None = None) -> jax.Array:
    y, _, indices = pooling.max_pool_with_indices(x, lengths, kernel_size=(3,), strides=2)
    return pooling.max_unpool(y, indices, lengths, output_size=(6,))[0]


def values(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The outputs without their lengths."""
    return lambda x, lengths=None: function(x, lengths, **options)[0]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max_pool": values(pooling.max_pool, kernel_size=(3,), strides=2, padding=1),
    "max_unpool": unpool,
    "avg_pool": values(pooling.avg_pool, kernel_size=(3,), strides=2, padding=1, ceil_mode=True),
    "adaptive_max_pool": values(pooling.adaptive_max_pool, output_size=(2,)),
    "adaptive_avg_pool": values(pooling.adaptive_avg_pool, output_size=(2,)),
    "k_max_pool": values(pooling.k_max_pool, k=2),
    "max_over_time": pooling.max_over_time,
    "mean_over_time": pooling.mean_over_time,
    "first_over_time": pooling.first_over_time,
    "last_over_time": pooling.last_over_time,
    "log_sum_exp_over_time": pooling.log_sum_exp_over_time,
    "attention_over_time": attention,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@every_function
def test_pooling_second_derivative_under_vmap_is_the_slope_of_the_first(name: str) -> None:
    """Forward over reverse mode, one row at a time, against differences of the gradient of the whole batch."""
    function, step = FUNCTIONS[name], 1e-5
    direction = np.random.default_rng(1).normal(size=X.shape)

    def loss(x: jax.Array, lengths: Any) -> jax.Array:
        return jnp.sum(function(x, lengths) ** 3)

    @jax.jit
    @jax.vmap
    def second(x: jax.Array, direction: jax.Array, length: jax.Array) -> Any:
        return jax.jvp(jax.grad(functools.partial(loss, lengths=length)), (x,), (direction,))[1]

    first = jax.jit(jax.grad(loss))
    with jax.enable_x64(True):
        slope = (first(X + step * direction, LENGTHS) - first(X - step * direction, LENGTHS)) / (2 * step)
        actual = second(X, direction, LENGTHS)
    assert np.any(slope)
    np.testing.assert_allclose(actual, slope, atol=1e-6)


@every_function
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.int32])
def test_pooling_takes_every_type_and_adds_up_in_float32(name: str, dtype: Any) -> None:
    """Just as in float32, but for the last rounding; means of integers are float32."""
    x = jnp.asarray(10 * X, dtype)
    function = jax.jit(FUNCTIONS[name])
    y = function(x, LENGTHS)
    expected = function(x.astype(jnp.float32), LENGTHS)
    chosen = name.startswith(("max", "adaptive_max", "k_max", "first", "last"))
    assert y.dtype == (jnp.float32 if dtype == jnp.int32 and not chosen else dtype)
    if name != "attention_over_time":  # whose scores are rounded before the softmax
        np.testing.assert_array_equal(y, expected.astype(y.dtype))


@every_function
def test_pooling_without_jit_takes_arrays_of_numpy_and_of_jax(name: str) -> None:
    x = X.astype(np.float32)
    expected = jax.jit(FUNCTIONS[name])(x, LENGTHS)
    np.testing.assert_allclose(FUNCTIONS[name](x, LENGTHS), expected, rtol=1e-6)
    np.testing.assert_allclose(FUNCTIONS[name](jnp.asarray(x), jnp.asarray(LENGTHS)), expected, rtol=1e-6)
