"""Layers that treat every step alone; ``test_embedding.py`` has what is special to symbols."""

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
    "embedding_with_padding": (nn.Embedding(7, 4, padding_id=int(TOKENS[1, 0])), TOKENS),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def random_params(name: str, seed: int = 1) -> Any:
    layer, x = LAYERS[name]
    generator = np.random.default_rng(seed)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)
    return jax.tree.map(lambda a: generator.normal(size=a.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(2,), (3, 2), (3, 5, 2)])
def test_dense_equals_flax(use_bias: bool, shape: tuple[int, ...]) -> None:
    params = random_params("dense")
    if not use_bias:
        del params["params"]["bias"]
    x = np.broadcast_to(X, (3, 5, 2))[(0,) * (3 - len(shape))]
    expected = flax.linen.Dense(4, use_bias=use_bias).apply(params, x)
    np.testing.assert_allclose(nn.Dense(4, use_bias=use_bias).apply(params, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_dense_equals_a_loop_over_real_steps_in_value_and_gradient(dtype: Any, tolerance: float) -> None:
    generator = np.random.default_rng(3)
    x, kernel, bias, weights = (generator.normal(size=s).astype(dtype) for s in [(3, 5, 2), (2, 4), (4,), (3, 5, 4)])
    expected = {"y": np.zeros((3, 5, 4)), "kernel": np.zeros((2, 4)), "bias": np.zeros(4), "x": np.zeros((3, 5, 2))}
    for row, length in enumerate(LENGTHS):
        for step in range(length):
            expected["y"][row, step] = x[row, step] @ kernel + bias
            expected["kernel"] += np.outer(x[row, step], weights[row, step])
            expected["bias"] += weights[row, step]
            expected["x"][row, step] = kernel @ weights[row, step]
        x[row, length:] = np.nan

    def loss(params: Any, x: Any) -> Any:
        y = nn.Dense(4, param_dtype=dtype).apply({"params": params}, x, LENGTHS)
        return jnp.vdot(y, weights), y

    with jax.enable_x64(dtype is np.float64):
        (gradients, x_gradient), y = jax.grad(loss, (0, 1), has_aux=True)({"kernel": kernel, "bias": bias}, x)
        for name, actual in {**gradients, "x": x_gradient, "y": y}.items():
            assert actual.dtype == dtype
            np.testing.assert_allclose(actual, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


def test_dense_starts_from_the_initializers_given() -> None:
    layer = nn.Dense(4, kernel_init=flax.linen.initializers.constant(2.0), bias_init=flax.linen.initializers.ones)
    params = layer.init(jax.random.key(0), X)["params"]
    np.testing.assert_array_equal(params["kernel"], np.full((2, 4), 2.0))
    np.testing.assert_array_equal(params["bias"], np.ones(4))


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
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_layer_computes_in_its_dtype_with_float32_params(name: str, dtype: Any) -> None:
    layer, x = LAYERS[name]
    params = random_params(name)
    shapes = jax.eval_shape(layer.clone(dtype=dtype).init, jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype(jnp.float32)}
    y = layer.clone(dtype=dtype).apply(params, x, LENGTHS)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.astype(np.float32), layer.apply(params, x, LENGTHS), rtol=0.02, atol=0.05)


@every_layer
def test_layer_refuses_lengths_of_another_batch(name: str) -> None:
    layer, x = LAYERS[name]
    for wrong, given in [(LENGTHS[:2], x), (LENGTHS, x[:, None])]:
        with pytest.raises(ValueError, match=r"lengths have shape .*; allowed: \(3,.*\), one per row"):
            jax.eval_shape(layer.init, jax.random.key(0), given, wrong)
    with pytest.raises(ValueError, match="lengths reach from 0 to 6; allowed: 0 to 5"):
        layer.init(jax.random.key(0), x, np.array([5, 6, 0]))
