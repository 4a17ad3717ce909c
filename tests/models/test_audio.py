"""Networks over sound: the lengths contract end to end, what a front end gives, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import FrozenDict

from sequence_lab import nn
from sequence_lab.models import AudioCNN, AudioCRNN, AudioTagger
from sequence_lab.models.front_end import FrontEnd

RATE, STEPS = 1000, 260
LENGTHS = np.array([260, 131, 0, 70], np.int32)
SMALL = {"sample_rate": RATE, "frame_seconds": 0.02, "hop_seconds": 0.01, "features": (3, 4), "dropout": 0.3}
MODELS = {
    "cnn_mel": AudioCNN(
        5,
        front_end_options=FrozenDict(num_mels=8),
        hidden_features=6,
        spec_augment=FrozenDict(max_time_width=5),
        **SMALL,
    ),
    "crnn_mfcc": AudioCRNN(
        5,
        front_end="mfcc",
        front_end_options=FrozenDict(num_mels=8, num_coefficients=5, delta_orders=1, normalize=True),
        recurrent_features=(3,),
        **SMALL,
    ),
}


def waveforms():
    return np.random.default_rng(0).normal(size=(len(LENGTHS), STEPS)).astype(np.float32)


HOP = 10
TAGGERS = {
    "mel_scale_kernels": AudioTagger(
        3, RATE, "mel_scale_kernels", FrozenDict(num_mels=8, features=2, kernel_size=3), 0.03, features=(3, 4),
        context=3, context_features=5, recurrent_features=(3,), dropout=0.3,
    ),
    "mfcc_crf": AudioTagger(
        3, RATE, "mfcc", FrozenDict(num_mels=8, num_coefficients=5), 0.025, features=(3,), context=3,
        context_features=5, recurrent_features=(), output="crf", dropout=0.3,
    ),
}  # fmt: skip


@functools.partial(jax.jit, static_argnums=0)
def variables_of(model, x, lengths):
    return model.init(jax.random.key(0), x, lengths)


@functools.partial(jax.jit, static_argnames=("model", "train"))
def apply(model, variables, x, lengths, key=None, *, train=False):
    return model.apply(variables, x, lengths, train=train, rngs={} if key is None else {"dropout": key})


@pytest.mark.parametrize("name", MODELS)
def test_a_padded_waveform_equals_the_waveform_alone(name):
    model, x = MODELS[name], waveforms()
    variables = variables_of(model, x, LENGTHS)
    poisoned = np.where(np.arange(STEPS) < LENGTHS[:, None], x, np.nan)
    together = apply(model, variables, poisoned, LENGTHS)
    assert together.shape == (4, 5)
    assert np.isfinite(together).all()
    for row in (0, 1, 3):
        (alone,) = model.apply(variables, x[[row], : LENGTHS[row]])
        np.testing.assert_allclose(together[row], alone, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_noise_acts_in_training_alone(name):
    model, x = MODELS[name], waveforms()
    variables = variables_of(model, x, LENGTHS)
    np.testing.assert_array_equal(*(apply(model, variables, x, LENGTHS) for _ in range(2)))
    noisy = [apply(model, variables, x, LENGTHS, jax.random.key(seed), train=True) for seed in (1, 2)]
    assert not np.allclose(*noisy)


def test_a_front_end_gives_what_its_layer_gives():
    x, options = waveforms(), {"num_mels": 8, "normalize": True}
    expected, expected_lengths = nn.LogMelSpectrogram(RATE, 20, 10, **options).apply({}, x, LENGTHS)
    found, lengths = FrontEnd("mel", options, RATE, 20, 10).apply({}, x, LENGTHS)
    np.testing.assert_array_equal(found[..., 0], expected)
    np.testing.assert_array_equal(lengths, expected_lengths)


OPTIONS = {"mfcc": {"num_coefficients": 7}, "mel_scale_kernels": {"features": 2, "kernel_size": 3}}


@pytest.mark.parametrize("kind", ["mel", "mfcc", "mel_scale_kernels"])
def test_masks_of_a_front_end_are_means_within_each_row_and_in_training_alone(kind):
    x, mask = waveforms(), FrozenDict(num_feature_masks=1, max_feature_width=3, num_time_masks=1, max_time_width=9)
    options = {"num_mels": 8, **OPTIONS.get(kind, {})}
    plain, masking = (FrontEnd(kind, options, RATE, 20, 10, spec_augment=own) for own in ({}, mask))
    variables = plain.init(jax.random.key(0), x, LENGTHS)
    run = functools.partial(jax.jit(masking.apply, static_argnames="train"), variables)
    expected, lengths = plain.apply(variables, x, LENGTHS, train=True)
    np.testing.assert_allclose(run(x, LENGTHS)[0], expected, atol=1e-5)
    poisoned, masked = np.where(np.arange(STEPS) < LENGTHS[:, None], x, np.nan), []
    for seed in range(8):
        found, found_lengths = run(poisoned, LENGTHS, train=True, rngs={"dropout": jax.random.key(seed)})
        np.testing.assert_array_equal(found_lengths, lengths)
        for row, length in enumerate(lengths):
            assert not found[row, length:].any()
            assert np.isfinite(found[row]).all()
            changed = ~np.isclose(found[row, :length, :, 0], expected[row, :length, :, 0], atol=1e-4)
            masked.append(changed.any())
            if kind != "mel_scale_kernels" and length:
                mean = np.broadcast_to(expected[row, :length, :, 0].mean(axis=0), changed.shape)
                np.testing.assert_allclose(found[row, :length, :, 0][changed], mean[changed], atol=1e-4)
                frames, bands = changed.all(axis=1).sum(), changed.all(axis=0).sum()
                assert (frames <= 9) & (bands <= 3)
                rest = changed[~changed.all(axis=1)][:, ~changed.all(axis=0)]
                assert not rest.any()
    assert 8 < sum(masked) < 32


@pytest.mark.parametrize("name", TAGGERS)
def test_a_tagger_says_one_thing_of_every_frame_whatever_follows_the_last(name):
    model, lengths = TAGGERS[name], LENGTHS // HOP
    x = waveforms().reshape(len(LENGTHS), -1, HOP)
    variables = variables_of(model, x, lengths)
    poisoned = np.where((np.arange(x.shape[1]) < lengths[:, None])[..., None], x, np.nan)
    together = apply(model, variables, poisoned, lengths)
    assert together.shape == (4, 26, 3) + (3,) * (model.output == "crf")
    assert np.isfinite(together).all()
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(together[row, length:], 0)
        if length:
            (alone,) = model.apply(variables, x[[row], :length])
            np.testing.assert_allclose(together[row, :length], alone, atol=2e-5)
    noisy = [apply(model, variables, x, lengths, jax.random.key(seed), train=True) for seed in (1, 2)]
    assert not np.allclose(*noisy)


def test_a_frame_stands_around_the_middle_of_its_samples():
    model = AudioTagger(
        2, RATE, "mel", FrozenDict(num_mels=8, log="natural"), 0.03, features=(), context=1, recurrent_features=()
    )
    x = np.random.default_rng(1).normal(size=(1, 9, HOP)).astype(np.float32)
    variables = model.init(jax.random.key(0), x)
    variables["params"]["context"]["bias"] += 10.0  # so that ReLU lets everything through
    sensitive = np.abs(jax.jacobian(lambda x: model.apply(variables, x)[0, 4].sum())(x)).reshape(-1)
    samples = np.flatnonzero(sensitive)
    assert 30 <= samples[0] <= 31  # the first sample of a window is multiplied by 0
    assert samples[-1] == 59


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (AudioCNN(2, 8000, front_end="mels"), "front_end is 'mels'; allowed: mel, mel_scale_kernels, mfcc"),
        (AudioCNN(2, 8000, front_end_options={"num_mel": 3}), "front_end_options of mel are .*num_mel"),
        (AudioCNN(2, 8000, spec_augment={"width": 3}), "spec_augment is {'width': 3}: .*'width'"),
        (AudioCRNN(2, 8000, spec_augment={"num_time_masks": -1}), "num_masks is -1; allowed: an int >= 0"),
        (AudioCNN(2, 8000, hop_seconds=1e-5), "hop_seconds is 1e-05, 0 samples at 8000 Hz; allowed: one sample"),
        (AudioCNN(2, 8000, representation="end"), "representation is 'end'; allowed: first"),
        (AudioTagger(2, 8000, output="crt"), "frame_seconds is 0.025, 200 samples; allowed: 4000, a step"),
        (
            AudioTagger(2, 8000, frame_seconds=0.5, output="crt", recurrent_features=()),
            "output is 'crt'; allowed: crf, s",
        ),
        (AudioCRNN(2, 8000, cell="gur"), "cell is 'gur'; allowed: rnn"),
    ],
)
def test_what_does_not_fit_is_refused(model, said):
    x = jnp.ones((1, 2, 4000) if isinstance(model, AudioTagger) else (1, 4000))
    with pytest.raises(ValueError, match=said):
        jax.eval_shape(functools.partial(model.init, train=True), jax.random.key(0), x)
