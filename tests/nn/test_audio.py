"""The audio layers are the functions of ``ops.audio``, and keep the signatures of their kinds."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import audio

GENERATOR = np.random.default_rng(0)
LENGTHS = np.array([90, 61, 9, 0], np.int32)
X = (0.3 * GENERATOR.normal(size=(4, 90))).astype(np.float32)
FEATURES = GENERATOR.normal(size=(4, 7, 3)).astype(np.float32)
STEPS = np.array([7, 4, 1, 0], np.int32)
SIZES: dict[str, Any] = {"sample_rate": 8000, "n_fft": 32, "hop_length": 12}
# Every option away from its default.
MEL: dict[str, Any] = {
    **SIZES,
    "win_length": 25,
    "window": "hamming",
    "padding": "CENTER",
    "num_mels": 6,
    "low_hz": 50.0,
    "high_hz": 3500.0,
    "mel_scale": "slaney",
    "mel_norm": "slaney",
}
LAYERS = {
    "log_mel": nn.LogMelSpectrogram(**MEL, top_db=20.0),
    "log_mel_natural": nn.LogMelSpectrogram(**MEL, log="natural", delta_orders=1, normalize=True),
    "mfcc": nn.MFCC(**MEL, num_coefficients=4, delta_orders=2, delta_width=3),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


@jax.jit
def by_functions(x: Any, lengths: Any) -> dict[str, Any]:
    natural = audio.append_deltas(*audio.log_mel_spectrogram(x, lengths, **MEL, log="natural"), orders=1)
    mfcc = audio.mfcc(x, lengths, **MEL, num_coefficients=4)
    return {
        "log_mel": audio.log_mel_spectrogram(x, lengths, **MEL, top_db=20.0),
        "log_mel_natural": audio.normalize_over_time(*natural),
        "mfcc": audio.append_deltas(*mfcc, orders=2, width=3),
        "defaults": audio.mfcc(x, lengths, **SIZES),
    }


def test_layers_are_the_functions() -> None:
    layers = {**LAYERS, "defaults": nn.MFCC(**SIZES)}
    run = jax.jit(lambda x, lengths: {name: layer.apply({}, x, lengths) for name, layer in layers.items()})
    actual, expected = run(X, LENGTHS), by_functions(X, LENGTHS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), actual, expected)
    assert {name: y.shape for name, (y, _) in actual.items()} == {
        "log_mel": (4, 8, 6),
        "log_mel_natural": (4, 8, 12),
        "mfcc": (4, 8, 12),
        "defaults": (4, 8, 13),
    }
    assert all(jax.eval_shape(layer.init, jax.random.key(0), X) == {} for layer in layers.values())


@every_layer
def test_layer_ignores_padding_in_values_and_gradients(name: str) -> None:
    padding = np.arange(90) >= LENGTHS[:, None]

    @jax.jit
    def run(x: Any) -> Any:
        def loss(x: Any) -> Any:
            y, lengths = LAYERS[name].apply({}, x, LENGTHS)
            weights = np.sin(np.add.outer(7 * np.arange(y.shape[1]), np.arange(y.shape[2])))
            return jnp.sum(weights * y), (y, lengths)

        return jax.grad(loss, has_aux=True)(x)

    gradient, (y, lengths) = expected = run(X)
    np.testing.assert_array_equal(lengths, [8, 6, 1, 0])
    np.testing.assert_array_equal(np.asarray(y)[np.arange(8) >= np.asarray(lengths)[:, None]], 0)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[padding])
    for filling in (np.nan, np.inf, 3e38):
        filled = np.where(padding, filling, X).astype(np.float32)
        jax.tree.map(np.testing.assert_array_equal, run(filled), expected)
    more = run(np.concatenate([X, np.full_like(X, np.nan)], axis=1))
    np.testing.assert_allclose(more[0][:, :90], gradient, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(more[1][0][:, :8], y, rtol=1e-5, atol=1e-5)
    alone, none = jax.jit(LAYERS[name].apply)({}, X[1, : LENGTHS[1]])
    assert none is None
    np.testing.assert_allclose(alone, y[1, : lengths[1]], rtol=1e-5, atol=2e-5)


@every_layer
def test_spectrogram_has_no_step(name: str) -> None:
    with pytest.raises(ValueError, match="a spectrogram has no step: many samples make one frame"):
        LAYERS[name].apply({}, None, X[:, 0], method="step")


@pytest.mark.parametrize("decay", [1.0, 0.6])
def test_running_normalization_is_the_same_whole_by_chunk_and_by_step(decay: float) -> None:
    layer = nn.RunningNormalization(decay=decay, epsilon=1e-3)
    start = jax.tree.map(lambda a: GENERATOR.uniform(1, 2, a.shape).astype(np.float32), layer.initial_carry((4,), 3))

    @jax.jit
    def run(x: Any, lengths: Any, carry: Any) -> Any:
        return layer.apply({}, x, lengths, carry)

    y, carry = run(FEATURES, STEPS, start)
    expected = audio.normalize_running(FEATURES, STEPS, start, decay=decay, epsilon=1e-3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), (y, carry), expected)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[3], b[3]), carry, start)
    early, between = run(FEATURES[:, :3], np.minimum(STEPS, 3), start)
    late, after = run(FEATURES[:, 3:], np.maximum(STEPS - 3, 0), between)
    joined = (np.concatenate([early, late], axis=1), after)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), joined, (y, carry))
    advance = jax.jit(lambda carry, x: layer.apply({}, carry, x, method="step"))
    for t in range(7):
        step, start = advance(start, FEATURES[:, t])
        np.testing.assert_allclose(step[0], y[0, t], rtol=1e-6, atol=1e-6)
    assert jax.eval_shape(layer.init, jax.random.key(0), FEATURES) == {}


def test_running_normalization_ignores_padding_and_passes_the_carry_of_an_empty_row() -> None:
    layer = nn.RunningNormalization(decay=0.9)
    start = jax.tree.map(lambda a: a + 1.5, layer.initial_carry((4,), 3))
    padding = np.arange(7) >= STEPS[:, None]

    @jax.jit
    def run(x: Any) -> Any:
        def loss(x: Any, carry: Any) -> Any:
            y, after = layer.apply({}, x, STEPS, carry)
            return sum(jnp.sum(jnp.sin(leaf)) for leaf in (y, *after)), (y, after)

        return jax.grad(loss, (0, 1), has_aux=True)(x, start)

    expected = run(FEATURES)
    jax.tree.map(lambda a: np.testing.assert_array_equal(np.isfinite(a), True), expected)
    for filling in (np.nan, np.inf):
        filled = np.where(padding[..., None], filling, FEATURES).astype(np.float32)
        jax.tree.map(np.testing.assert_array_equal, run(filled), expected)
    (of_x, of_carry), (y, _) = expected
    assert not np.any(of_x[padding])
    assert not np.any(y[padding])
    jax.tree.map(lambda g, c: np.testing.assert_allclose(g[3], np.cos(c[3]), rtol=1e-6), of_carry, start)


def test_layer_trains_what_stands_below_it() -> None:
    """Within a model: the gradient goes through the features to a gain on the waveform."""
    layer = LAYERS["mfcc"]
    total = jax.jit(jax.value_and_grad(lambda gain: jnp.sum(layer.apply({}, gain * X, LENGTHS)[0][..., 0])))
    numeric = (total(1.01)[0] - total(0.99)[0]) / 0.02
    np.testing.assert_allclose(total(1.0)[1], numeric, rtol=1e-2)
