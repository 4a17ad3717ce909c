"""Trained kernels on the mel scale: what they start as, what they compute, and which weights they have."""

import jax
import numpy as np
import optax
import pytest

from sequence_lab import nn
from sequence_lab.nn import mel_scale
from sequence_lab.ops import audio

RATE, BINS, MELS, MAPS, WIDTH = 8000, 33, 10, 2, 3
LAYER = nn.MelScaleConv(RATE, num_mels=MELS, features=MAPS, kernel_size=WIDTH)
TRIANGLES = audio.mel_filter_bank(MELS, 2 * (BINS - 1), RATE, mel_scale="slaney", mel_norm="slaney")
X = np.random.default_rng(0).normal(size=(2, 6, BINS)).astype(np.float32)
LENGTHS = np.array([6, 4], np.int32)


@pytest.fixture(scope="module")
def variables():
    return LAYER.init(jax.random.key(0), X)


def test_kernels_start_as_the_triangles_of_a_mel_filter_bank(variables):
    found, lengths = LAYER.apply(variables, X, LENGTHS)
    np.testing.assert_array_equal(lengths, LENGTHS)
    real = np.where((np.arange(6) < LENGTHS[:, None])[..., None], X, 0)
    mel = np.pad(real @ TRIANGLES, [(0, 0), (1, 1), (0, 0)])
    expected = mel[:, :-2] + mel[:, 1:-1] + mel[:, 2:]
    expected[1, 4:] = 0
    np.testing.assert_allclose(found, np.repeat(expected[..., None], MAPS, -1), atol=1e-5)


@pytest.mark.parametrize("together", [3, 16])
def test_bands_have_weights_of_their_own_for_their_own_bins(variables, together, monkeypatch):
    monkeypatch.setattr(mel_scale, "TOGETHER", together)
    count = np.count_nonzero(TRIANGLES)
    assert jax.tree.map(np.shape, variables) == {"params": {"kernel": (WIDTH, count, MAPS)}}
    kernel = np.random.default_rng(1).normal(size=(WIDTH, count, MAPS)).astype(np.float32)
    peaks = np.concatenate([np.full(np.count_nonzero(band), band.max()) for band in TRIANGLES.T])
    found, _ = LAYER.apply({"params": {"kernel": kernel / peaks[:, None]}}, X)
    wide, expected, first = np.pad(X, [(0, 0), (1, 1), (0, 0)]), np.zeros((2, 6, MELS, MAPS)), 0
    for band in range(MELS):
        bins = np.flatnonzero(TRIANGLES[:, band])
        own = kernel[:, first : first + len(bins)]
        first += len(bins)
        for t in range(6):
            expected[:, t, band] = np.einsum("bif,ifk->bk", wide[:, t : t + WIDTH, bins], own)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_steps_of_adam_bend_the_triangles_and_do_not_replace_them(variables):
    rate, steps, optimizer = 0.01, 10, optax.adam(0.01)
    target = np.random.default_rng(2).normal(size=(2, 6, MELS, MAPS)).astype(np.float32)
    gradient = jax.jit(jax.grad(lambda v: ((LAYER.apply(v, X)[0] - target) ** 2).mean()))
    trained, state = variables, optimizer.init(variables)
    for _ in range(steps):
        updates, state = optimizer.update(gradient(trained), state)
        trained = optax.apply_updates(trained, updates)
    # One bin of one frame at a time says what the kernels are.
    probe = np.zeros((BINS, 2 * WIDTH - 1, BINS), np.float32)
    probe[np.arange(BINS), WIDTH - 1, np.arange(BINS)] = 1
    before, after = (np.asarray(LAYER.apply(v, probe)[0]) for v in (variables, trained))
    peaks = TRIANGLES.max(axis=0)[:, None]
    assert 0.5 * rate < (np.abs(after - before) / peaks).max() < 1.5 * steps * rate


def test_a_band_without_a_bin_is_refused():
    with pytest.raises(ValueError, match="num_mels is 40, and band 0 has none of 33 bins; allowed: fewer"):
        nn.MelScaleConv(RATE, num_mels=40).init(jax.random.key(0), X)
