"""Attention pooling against its equations in NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.nn.pooling import AttentionPooling

LENGTHS = np.array([5, 3, 1, 0], np.int32)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(4, 5, 2)).astype(np.float32)
LAYER = AttentionPooling(3)
PARAMS = jax.tree.map(
    lambda a: GENERATOR.normal(size=a.shape).astype(np.float32), jax.eval_shape(LAYER.init, jax.random.key(0), X)
)


def pool_by_numpy(row: np.ndarray) -> np.ndarray:
    """One row alone, in float64."""
    kernel, bias, context = (PARAMS["params"][name].astype(np.float64) for name in ("kernel", "bias", "context"))
    scores = np.tanh(row @ kernel + bias) @ context[:, 0]
    weights = np.exp(scores) / np.exp(scores).sum()
    return weights @ row


@pytest.mark.parametrize("batch_shape", [(4,), (2, 2)])
def test_attention_pooling_equals_its_equations(batch_shape: tuple[int, ...]) -> None:
    y = jax.jit(LAYER.apply)(PARAMS, X.reshape(*batch_shape, 5, 2), LENGTHS.reshape(batch_shape))
    assert y.shape == (*batch_shape, 2)
    for row, length in enumerate(LENGTHS[:3]):
        np.testing.assert_allclose(y.reshape(4, 2)[row], pool_by_numpy(X[row, :length]), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y.reshape(4, 2)[3], 0)
    np.testing.assert_allclose(LAYER.apply(PARAMS, X)[0], y.reshape(4, 2)[0], rtol=1e-5, atol=1e-6)


def test_attention_pooling_ignores_padding_in_values_and_gradients() -> None:
    padding = np.arange(5) >= LENGTHS[:, None]

    @jax.jit
    def run(x: jax.Array) -> Any:
        def loss(params: Any, x: jax.Array) -> Any:
            y = LAYER.apply(params, x, LENGTHS)
            return jnp.sum(y**2), y

        return jax.grad(loss, (0, 1), has_aux=True)(PARAMS, x)

    expected = run(X)
    for filling in (np.nan, np.inf, 3e38):
        filled = np.where(padding[..., None], filling, X).astype(np.float32)
        jax.tree.map(np.testing.assert_array_equal, run(filled), expected)
    (of_params, of_x), _ = expected
    assert all(np.any(leaf) for leaf in jax.tree.leaves(of_params))
    assert not np.any(of_x[padding])


def test_attention_pooling_of_empty_rows_alone_takes_no_gradient() -> None:
    x, lengths = np.full_like(X, np.nan), np.zeros(4, np.int32)
    gradient = jax.jit(jax.grad(lambda params: jnp.sum(LAYER.apply(params, x, lengths) + 1)))(PARAMS)
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_array_equal(leaf, 0)


def test_attention_pooling_computes_and_stores_in_the_types_it_is_told() -> None:
    layer = AttentionPooling(3, dtype=jnp.bfloat16, param_dtype=jnp.float16)
    params = layer.init(jax.random.key(0), X)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float16)}
    assert layer.apply(params, X, LENGTHS).dtype == jnp.bfloat16
    assert LAYER.apply(PARAMS, X.astype(jnp.bfloat16), LENGTHS).dtype == jnp.float32
    shapes = jax.tree.map(jnp.shape, PARAMS["params"])
    assert shapes == {"kernel": (2, 3), "bias": (3,), "context": (3, 1)}


def test_attention_pooling_under_vmap_over_models_equals_one_at_a_time() -> None:
    other = jax.tree.map(np.negative, PARAMS)
    both = jax.tree.map(lambda *leaves: np.stack(leaves), PARAMS, other)
    y = jax.jit(jax.vmap(LAYER.apply, (0, None, None)))(both, X, LENGTHS)
    for one, params in zip(y, (PARAMS, other), strict=True):
        np.testing.assert_allclose(one, jax.jit(LAYER.apply)(params, X, LENGTHS), rtol=1e-5, atol=1e-6)


def test_attention_pooling_refuses_lengths_of_another_batch() -> None:
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(4,\), one per row"):
        LAYER.apply(PARAMS, X, LENGTHS[:3])
