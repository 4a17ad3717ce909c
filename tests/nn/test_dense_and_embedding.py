"""Layers that treat every step alone."""

from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn

LENGTHS = np.array([5, 3, 0], np.int32)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(3, 5, 2)).astype(np.float32)
TOKENS = GENERATOR.integers(0, 7, (3, 5)).astype(np.int32)
LAYERS: dict[str, tuple[Any, np.ndarray]] = {
    "dense": (nn.Dense(4), X),
    "embedding": (nn.Embedding(7, 4), TOKENS),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def random_params(name: str, seed: int = 1) -> Any:
    layer, x = LAYERS[name]
    generator = np.random.default_rng(seed)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)
    return jax.tree.map(lambda a: generator.normal(size=a.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_equals_flax(use_bias: bool) -> None:
    params = random_params("dense")
    if not use_bias:
        del params["params"]["bias"]
    expected = flax.linen.Dense(4, use_bias=use_bias).apply(params, X)
    np.testing.assert_allclose(nn.Dense(4, use_bias=use_bias).apply(params, X), expected, rtol=1e-5, atol=1e-6)
    y = nn.Dense(4, use_bias=use_bias).apply(params, X, LENGTHS)
    np.testing.assert_allclose(y[1, :3], expected[1, :3], rtol=1e-5, atol=1e-6)


def test_embedding_looks_up_and_sums_gradients_per_symbol() -> None:
    params = random_params("embedding")
    table = params["params"]["table"]
    np.testing.assert_array_equal(nn.Embedding(7, 4).apply(params, TOKENS), table[TOKENS])
    weights = GENERATOR.normal(size=(3, 5, 4)).astype(np.float32)
    gradient = jax.grad(lambda p: jnp.vdot(nn.Embedding(7, 4).apply(p, TOKENS, LENGTHS), weights))(params)
    expected = np.zeros((7, 4))
    for row, length in enumerate(LENGTHS):
        np.add.at(expected, TOKENS[row, :length], weights[row, :length])
    np.testing.assert_allclose(gradient["params"]["table"], expected, rtol=1e-5, atol=1e-6)


@every_layer
def test_layer_under_transforms_equals_plain(name: str) -> None:
    """jit, a second call that compiles nothing, several batch axes, and vmap over models."""
    layer, x = LAYERS[name]
    params, other = random_params(name), random_params(name, seed=2)
    expected = layer.apply(params, x, LENGTHS)
    traces = []

    @jax.jit
    def compiled(params: Any, x: Any, lengths: Any) -> Any:
        traces.append(x.shape)
        return layer.apply(params, x, lengths)

    np.testing.assert_allclose(compiled(params, x, LENGTHS), expected, rtol=1e-5, atol=1e-6)
    compiled(params, x[::-1].copy(), LENGTHS[::-1].copy())
    assert len(traces) == 1
    folded = layer.apply(params, x[:, None], LENGTHS[:, None])
    np.testing.assert_allclose(folded[:, 0], expected, rtol=1e-5, atol=1e-6)
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, other)
    together = jax.vmap(lambda params: layer.apply(params, x, LENGTHS))(both)
    np.testing.assert_allclose(together[0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(together[1], layer.apply(other, x, LENGTHS), rtol=1e-5, atol=1e-6)


@every_layer
def test_layer_computes_in_its_dtype_with_float32_params(name: str) -> None:
    layer, x = LAYERS[name]
    layer = layer.clone(dtype=jnp.bfloat16)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    assert jax.eval_shape(layer.apply, params, x, LENGTHS).dtype == jnp.bfloat16


@every_layer
def test_layer_refuses_lengths_of_another_batch(name: str) -> None:
    layer, x = LAYERS[name]
    for wrong, given in [(LENGTHS[:2], x), (LENGTHS, x[:, None])]:
        with pytest.raises(ValueError, match=r"lengths have shape .*; allowed: \(3,.*\), one per row"):
            jax.eval_shape(layer.init, jax.random.key(0), given, wrong)


def test_embedding_refuses_tokens_that_are_no_integers() -> None:
    with pytest.raises(ValueError, match="tokens have type float32; allowed: an integer type"):
        nn.Embedding(7, 4).init(jax.random.key(0), X[..., 0])
