"""Pooling over time against NumPy on each row's own real steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import pooling

LENGTHS = np.array([7, 4, 1, 0], np.int32)
X = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32) - 3.0  # negative: a 0 would win
SCORES = np.random.default_rng(1).normal(size=(4, 7)).astype(np.float32) * 3.0
REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "max": lambda row: row.max(0),
    "mean": lambda row: row.mean(0),
    "first": lambda row: row[0],
    "last": lambda row: row[-1],
    "log_sum_exp": lambda row: np.log(np.exp(row).sum(0)),
}
every_function = pytest.mark.parametrize("name", REFERENCES)


@every_function
@pytest.mark.parametrize("batch_shape", [(4,), (2, 2)])
def test_pooling_over_time_equals_numpy(name: str, batch_shape: tuple[int, ...]) -> None:
    x, lengths = X.reshape(*batch_shape, 7, 3), LENGTHS.reshape(batch_shape)
    function = jax.jit(getattr(pooling, f"{name}_over_time"))
    y = function(x, lengths)
    for index in np.ndindex(batch_shape):
        row = x[index][: lengths[index]].astype(np.float64)
        np.testing.assert_allclose(y[index], REFERENCES[name](row) if len(row) else np.zeros(3), rtol=1e-6)
    np.testing.assert_allclose(function(x), function(x, np.full(batch_shape, 7)), rtol=1e-6)


@every_function
def test_pooling_over_no_time_at_all_gives_zeros(name: str) -> None:
    function = getattr(pooling, f"{name}_over_time")
    np.testing.assert_array_equal(function(np.ones((2, 0, 3), np.float32)), np.zeros((2, 3)))


@every_function
def test_pooling_over_time_refuses_lengths_of_another_batch(name: str) -> None:
    function = getattr(pooling, f"{name}_over_time")
    with pytest.raises(ValueError, match=r"lengths have shape \(2,\); allowed: \(2, 2\), one per row"):
        function(X.reshape(2, 2, 7, 3), np.array([7, 4]))
    with pytest.raises(ValueError, match=r"input has shape \(3,\); allowed: batch axes, time, channels"):
        function(X[0, 0])


def test_max_over_time_gives_its_gradient_to_the_first_of_equals() -> None:
    x = jnp.array([[0.0, 2.0, 1.0, 2.0, 5.0], [3.0, 3.0, 3.0, 3.0, 3.0]])[..., None]
    gradient = jax.jit(jax.grad(lambda x: pooling.max_over_time(x, np.array([4, 5])).sum()))(x)
    np.testing.assert_array_equal(gradient[..., 0], [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]])


def test_max_over_time_in_every_derivative_is_that_of_torch_with_nan_too() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(-3, 3, (4, 6, 5)).astype(np.float32)  # with equals
    x[1, 2, 3] = x[1, 4, 3] = np.nan
    weights = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    theirs = torch.tensor(x, requires_grad=True)
    (theirs.max(1).values * torch.tensor(weights)).sum().backward()
    gradient = jax.grad(lambda x: jnp.vdot(pooling.max_over_time(x), weights))
    np.testing.assert_array_equal(gradient(x), theirs.grad)
    dx = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    y, dy = jax.jvp(pooling.max_over_time, (x,), (dx,))
    np.testing.assert_array_equal(y, theirs.detach().max(1).values)
    np.testing.assert_allclose(jnp.vdot(dy, weights), np.vdot(theirs.grad.numpy(), dx), rtol=1e-5)
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(gradient(x)))(x), 0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32"])
def test_max_over_time_keeps_its_type(dtype: str) -> None:
    x, lengths = jnp.asarray(np.random.default_rng(0).integers(-9, 9, (3, 6, 2)), dtype), np.array([6, 3, 1])
    y = pooling.max_over_time(x, lengths)
    assert y.dtype == dtype
    np.testing.assert_array_equal(
        y, np.stack([np.asarray(x)[row, :length].max(0) for row, length in enumerate(lengths)])
    )
    if dtype != "int32":
        gradient = jax.grad(lambda x: jnp.sum(pooling.max_over_time(x, lengths)).astype(jnp.float32))(x)
        np.testing.assert_array_equal(np.asarray(gradient, np.float32).sum(1), 1)


def test_mean_over_time_gradient_by_hand() -> None:
    gradient = jax.jit(jax.grad(lambda x: (pooling.mean_over_time(x, np.array([4, 0])) * 2).sum()))(jnp.ones((2, 5, 1)))
    np.testing.assert_array_equal(gradient[..., 0], [[0.5, 0.5, 0.5, 0.5, 0], [0, 0, 0, 0, 0]])


def test_mean_over_time_sums_in_float32_under_bfloat16() -> None:
    """517 times this number, rounded to bfloat16, is 517 times another one."""
    x = jnp.full((2, 517, 1), 1.9921875, jnp.bfloat16)
    for lengths in (None, np.array([517, 300])):
        mean = pooling.mean_over_time(x, lengths)
        assert mean.dtype == jnp.bfloat16
        np.testing.assert_array_equal(mean.astype(jnp.float32), 1.9921875)


def test_log_sum_exp_over_time_equals_torch_and_is_stable() -> None:
    torch = pytest.importorskip("torch")
    x = np.array([[100, 99, -100], [-3e38, 3e38, 0], [-np.inf, -np.inf, -np.inf], [np.inf, 0, 1]], np.float32)
    by_torch = torch.tensor(x, requires_grad=True)
    expected = torch.logsumexp(by_torch, dim=1)
    expected[:2].sum().backward()
    pool = jax.jit(lambda x: pooling.log_sum_exp_over_time(x[..., None])[:, 0])
    np.testing.assert_allclose(pool(x), expected.detach().numpy(), rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda x: pool(x)[:2].sum()))(x)
    np.testing.assert_allclose(gradient[:2], by_torch.grad[:2].numpy(), atol=1e-5)


def test_log_sum_exp_over_time_of_float16_is_taken_in_float32() -> None:
    """The sum is more than float16 holds, its logarithm is not."""
    x = jnp.full((1, 70_000, 1), 1.0, jnp.float16)
    y = pooling.log_sum_exp_over_time(x)
    assert y.dtype == jnp.float16
    assert y[0, 0] == np.float16(1 + np.log(70_000))


def test_attention_over_time_equals_numpy() -> None:
    pool = jax.jit(pooling.attention_over_time)
    y = pool(X, SCORES, LENGTHS)
    for row, length in enumerate(LENGTHS):
        weights = np.exp(SCORES[row, :length].astype(np.float64))
        expected = weights @ X[row, :length] / max(weights.sum(), 1e-9)
        np.testing.assert_allclose(y[row], expected, rtol=1e-5)
    np.testing.assert_allclose(pool(X, SCORES, np.full(4, 7)), pool(X, SCORES), rtol=1e-6)
    np.testing.assert_allclose(pool(X, SCORES + 1e4, LENGTHS), y, rtol=2e-3)
    several = pool(X.reshape(2, 2, 7, 3), SCORES.reshape(2, 2, 7), LENGTHS.reshape(2, 2))
    np.testing.assert_allclose(several.reshape(4, 3), y, rtol=1e-6)


def test_attention_over_time_with_equal_scores_is_the_mean() -> None:
    y = pooling.attention_over_time(X, np.full((4, 7), 5), LENGTHS)
    np.testing.assert_allclose(y, pooling.mean_over_time(X, LENGTHS), rtol=1e-5)


def test_attention_over_time_reads_neither_values_nor_scores_of_the_padding() -> None:
    padding = np.arange(7) >= LENGTHS[:, None]

    @jax.jit
    def run(x: np.ndarray, scores: np.ndarray) -> object:
        def loss(x: jax.Array, scores: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = pooling.attention_over_time(x, scores, LENGTHS)
            return jnp.sum(y**2), y

        return jax.grad(loss, (0, 1), has_aux=True)(x, scores)

    expected = run(X, SCORES)
    for filling in (np.nan, np.inf, -3e38):
        filled = np.where(padding[..., None], filling, X), np.where(padding, filling, SCORES)
        actual = run(*(array.astype(np.float32) for array in filled))
        jax.tree.map(np.testing.assert_array_equal, actual, expected)
    (of_x, of_scores), y = expected
    assert not np.any(of_x[padding])
    assert not np.any(of_scores[padding])
    assert np.any(of_scores[~padding])
    np.testing.assert_array_equal(y[3], 0)


def test_attention_over_time_refuses_scores_that_are_not_one_per_step() -> None:
    with pytest.raises(ValueError, match=r"scores have shape \(4, 6\); allowed: \(4, 7\), one per step"):
        pooling.attention_over_time(X, SCORES[:, :6])
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(4,\), one per row"):
        pooling.attention_over_time(X, SCORES, LENGTHS[:3])
