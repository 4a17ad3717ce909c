"""Losses against NumPy in float64; metrics that merge and never read what is masked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import losses, metrics

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(3, 5, 4)).astype(np.float32) * 3
LABELS = GENERATOR.integers(0, 4, (3, 5))
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    return logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))


def test_cross_entropy_equals_numpy() -> None:
    expected = -np.take_along_axis(log_softmax(LOGITS), LABELS[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(losses.cross_entropy(LOGITS, LABELS), expected, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(losses.cross_entropy)(LOGITS, LABELS), expected, rtol=2e-5, atol=1e-6)
    one_hot = np.eye(4)[LABELS]
    gradient = jax.grad(lambda x: losses.cross_entropy(x, LABELS).sum())(LOGITS)
    np.testing.assert_allclose(gradient, np.exp(log_softmax(LOGITS)) - one_hot, atol=1e-6)


def test_cross_entropy_survives_large_logits_and_labels_of_padding() -> None:
    large = jnp.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]])
    np.testing.assert_allclose(losses.cross_entropy(large, jnp.array([0, 0])), [0, 2e4])
    impossible = jnp.array([[0.0, -jnp.inf, 0.0]])
    np.testing.assert_allclose(losses.cross_entropy(impossible, jnp.array([2])), [np.log(2)], rtol=1e-6)
    gradient = jax.grad(lambda x: losses.cross_entropy(x, jnp.array([2])).sum())(impossible)
    np.testing.assert_allclose(gradient, [[0.5, 0, -0.5]], atol=1e-6)
    outside = losses.cross_entropy(LOGITS[0, :2], jnp.array([-1, 99]))
    np.testing.assert_array_equal(outside, losses.cross_entropy(LOGITS[0, :2], jnp.array([0, 3])))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_bernoulli_cross_entropy_equals_numpy(scale: float) -> None:
    # Certain and right, certain and wrong, and everything between: each bit to relative precision.
    logits = np.concatenate([np.linspace(-1, 1, 9)] * 2).astype(np.float32)[:, None] * np.float32(scale)
    labels = np.repeat([0, 1], 9)[:, None]
    signed = np.where(labels == 1, -1, 1) * logits.astype(np.float64)
    expected = np.logaddexp(0, signed)
    actual = losses.bernoulli_cross_entropy(logits, labels)
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, expected[:, 0], rtol=3e-6, atol=1e-37)
    gradient = jax.grad(lambda x: losses.bernoulli_cross_entropy(x, labels).sum())(logits)
    slope = np.where(labels == 1, -1, 1) / (1 + np.exp(-signed))
    np.testing.assert_allclose(gradient, slope, rtol=3e-6, atol=1e-37)


def test_set_cross_entropy_is_what_the_allowed_classes_lack() -> None:
    allowed = GENERATOR.random(LOGITS.shape) < 0.5
    allowed[0, 0], allowed[0, 1] = False, True  # none, all
    p = np.exp(log_softmax(LOGITS))
    expected = -np.log(np.where(allowed.any(-1), (p * allowed).sum(-1), 1))
    np.testing.assert_allclose(losses.set_cross_entropy(LOGITS, allowed), expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda x: losses.set_cross_entropy(x, allowed).sum())(LOGITS)
    within = p * allowed / np.where(allowed.any(-1), (p * allowed).sum(-1), 1)[..., None]
    np.testing.assert_allclose(gradient, np.where(allowed.any(-1)[..., None], p - within, 0), atol=1e-6)


def test_bernoulli_cross_entropy_sums_over_bits_and_takes_soft_labels() -> None:
    targets = GENERATOR.uniform(size=LOGITS.shape)
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    expected = -np.sum(targets * np.log(p) + (1 - targets) * np.log(1 - p), axis=-1)
    np.testing.assert_allclose(losses.bernoulli_cross_entropy(LOGITS, targets), expected, rtol=1e-5)


def test_squared_and_absolute_error_average_over_the_last_axis() -> None:
    targets = GENERATOR.normal(size=LOGITS.shape)
    errors = LOGITS - targets
    np.testing.assert_allclose(losses.squared_error(LOGITS, targets), np.mean(errors**2, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(losses.absolute_error(LOGITS, targets), np.mean(np.abs(errors), axis=-1), rtol=1e-5)


def test_losses_compute_in_float32_under_bfloat16() -> None:
    low = jnp.asarray(LOGITS, jnp.bfloat16)
    wide = low.astype(jnp.float32)
    for loss, target in [
        (losses.cross_entropy, LABELS),
        (losses.bernoulli_cross_entropy, LABELS[..., None] % 2),
        (losses.squared_error, low[::-1]),
        (losses.absolute_error, low[::-1]),
    ]:
        actual = loss(low, jnp.asarray(target))
        assert actual.dtype == jnp.float32
        np.testing.assert_array_equal(actual, loss(wide, jnp.asarray(target)))


def test_weighted_never_reads_what_is_masked() -> None:
    values = GENERATOR.normal(size=MASK.shape)
    dirty = np.where(MASK, values, np.nan)
    # Without jit too: XLA may turn a product with a mask into a choice, and hide that NaN was read.
    for weighted in (metrics.weighted, jax.jit(metrics.weighted)):
        mean = weighted(dirty, MASK)
        np.testing.assert_allclose(mean.total, values[MASK].sum(), rtol=1e-5)
        assert mean.count == MASK.sum()
        np.testing.assert_allclose(mean.value(), values[MASK].mean(), rtol=1e-5)
    gradient = jax.grad(lambda v: metrics.weighted(v, MASK).total)(jnp.asarray(dirty))
    np.testing.assert_array_equal(gradient, MASK)


def test_weighted_takes_weights_for_any_type_of_values() -> None:
    weights = GENERATOR.uniform(size=MASK.shape) * MASK
    for values in (GENERATOR.normal(size=MASK.shape), GENERATOR.integers(0, 9, MASK.shape), MASK[::-1]):
        mean = metrics.weighted(jnp.asarray(values), jnp.asarray(weights))
        np.testing.assert_allclose(mean.total, np.sum(values * weights), rtol=1e-5)
        np.testing.assert_allclose(mean.count, weights.sum(), rtol=1e-6)


def test_weighted_sums_in_float32_under_bfloat16() -> None:
    values = jnp.full(1001, 1.0078125, jnp.bfloat16)
    mean = metrics.weighted(values, jnp.ones(1001, bool))
    assert mean.total.dtype == mean.count.dtype == jnp.float32
    assert mean.count == 1001
    np.testing.assert_allclose(mean.total, 1001 * 1.0078125, rtol=1e-6)


def test_weighted_refuses_a_mask_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"mask has shape \(5,\); allowed: that of the values, \(3, 5\)"):
        metrics.weighted(jnp.zeros((3, 5)), jnp.ones(5))


def test_accuracy_counts_unmasked_places_and_the_first_of_equals() -> None:
    right = np.argmax(LOGITS, axis=-1) == LABELS
    mean = metrics.accuracy(jnp.asarray(LOGITS), jnp.asarray(LABELS), jnp.asarray(MASK))
    assert mean.value() == pytest.approx(right[MASK].mean())
    ties = jnp.array([[1.0, 1.0], [0.0, 0.0]])
    assert metrics.accuracy(ties, jnp.array([0, 1]), jnp.ones(2)).value() == 0.5


def test_all_right_counts_sequences_and_reads_no_masked_step() -> None:
    right = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
    total, count = metrics.all_right(jnp.array(right), jnp.array(MASK))
    assert (float(total), float(count)) == (1, 2)
    assert float(metrics.all_right(jnp.array(~right), jnp.array(MASK)).total) == 0


def test_merge_equals_all_at_once() -> None:
    values = GENERATOR.normal(size=MASK.shape)
    rows = [metrics.weighted(values[row], MASK[row]) for row in range(3)]
    whole = metrics.weighted(values, MASK)
    np.testing.assert_allclose(rows[0] + rows[1] + rows[2], whole, rtol=1e-5)
    # Three devices with uneven counts: the mean of means would be another number.
    merged = metrics.merge([{"loss": row, "again": row} for row in rows] + [{"other": whole}])
    assert list(merged) == ["loss", "again", "other"]
    assert merged["loss"].value() == pytest.approx(values[MASK].mean(), rel=1e-5)
    assert merged["loss"] == merged["again"]
    assert isinstance(merged["loss"].total, float)


def test_mean_over_nothing_is_nan() -> None:
    assert np.isnan(metrics.weighted(jnp.ones(3), jnp.zeros(3)).value())
    assert metrics.merge([]) == {}
