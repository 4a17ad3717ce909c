"""Augmentation by config: in training alone, drawn anew at every step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import experiment
from sequence_lab.composition import _augmentations, compose
from sequence_lab.training.augmentation import AUGMENTATIONS, augmented

INPUTS = {
    "crop_and_flip": jnp.ones((4, 6, 6, 1)),
    "jitter": jnp.ones((4, 6, 2)),
    "reverse_complement": jnp.eye(4)[jnp.arange(4 * 15).reshape(4, 15) ** 2 % 4],
    "noise": jnp.sin(jnp.arange(48.0)).reshape(4, 12),
    "shift": jnp.arange(1.0, 49.0).reshape(4, 12),
    "spec_augment": jnp.ones((4, 30, 20)),
    "word_dropout": jnp.full((4, 60), 7),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_row_changes_inputs_by_its_key(name):
    options = {"unknown": 1} if name == "word_dropout" else {}
    change, x = AUGMENTATIONS[name](**options), INPUTS[name]
    one, again, other = (augmented([change], jax.random.key(seed), x, None) for seed in (0, 0, 1))
    assert one.shape == x.shape
    assert one.dtype == x.dtype
    assert (one != x).any()
    assert (one != other).any()
    np.testing.assert_array_equal(one, again)


def test_of_the_pieces_of_dna_that_share_is_read_on_the_other_strand():
    x = jnp.tile(jnp.eye(4)[jnp.arange(15) ** 2 % 4], (400, 1, 1))
    for share in (0.0, 0.2, 1.0):
        found = augmented([AUGMENTATIONS["reverse_complement"](share=share)], jax.random.key(0), x, None)
        assert abs(float((found != x).any(axis=(1, 2)).mean()) - share) < 0.06


def test_several_follow_one_another_with_keys_of_their_own():
    noise, key, x = AUGMENTATIONS["jitter"](deviation=1.0), jax.random.key(0), jnp.zeros((2, 3, 4))
    both = augmented([noise, noise], key, x, None)
    first = augmented([noise], key, x, None)
    assert abs(both - 2 * first).max() > 0.1


def config(**augmentation):
    found = experiment.default_config()
    found.name, found.dataset_name, found.model_name = "digits", "digits", "conv_net_2d"
    found.model = {"features": (4,), "hidden_features": 8}
    found.objectives = {"digit": {"name": "classification"}}
    found.augmentation = augmentation
    return found


def test_a_config_changes_training_alone():
    plain, changed = compose(config()), compose(config(crop_and_flip={"padding": 2}))
    variables, batch = plain.initial_state().variables, plain.training_batch(0)
    outputs = {
        train: [
            one.trainer.apply(variables, batch, (), train=train, key=jax.random.key(0))[0] for one in (plain, changed)
        ]
        for train in (True, False)
    }
    assert (outputs[True][0] != outputs[True][1]).any()
    np.testing.assert_array_equal(*outputs[False])


def test_dropped_words_are_the_vocabularys_unknown():
    found = config(word_dropout={"rate": 1.0})
    found.dataset_name, found.model_name, found.model = "python_docs", "recurrent_language_model", {"features": (4,)}
    found.objectives = {"next": {"name": "language_modelling"}}
    found.training.k1 = found.training.k2 = 5
    composed = compose(found)
    (change,) = _augmentations(composed.config["augmentation"], composed.dataset)
    assert not change(jax.random.key(0), jnp.full((2, 5), 7), None).any()


@pytest.mark.parametrize(
    ("augmentation", "said"),
    [
        ({"crop": {}}, r"a row of config.augmentation is 'crop'; allowed: crop_and_flip, .*"),
        ({"jitter": {"deviations": 1.0}}, r"a field of config.augmentation.jitter is 'deviations'.*mean deviation"),
        ({"jitter": {"deviation": "much"}}, "config.augmentation.jitter.deviation is 'much', str; allowed: float"),
        ({"word_dropout": {}}, "word_dropout.unknown is not set; allowed on a vocabulary without <unk>: an id"),
        ({"crop_and_flip": {"padding": -1}}, "padding is -1; allowed: an int >= 0"),
        ({"reverse_complement": {"share": 1.5}}, "reverse_complement.share is 1.5; allowed: 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(augmentation, said):
    with pytest.raises(ValueError, match=said):
        compose(config(**augmentation))


SHAPES = {2: (4, 1000), 3: (4, 9, 4), 4: (4, 6, 6, 1)}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_inputs_of_another_kind_are_refused(name):
    change = AUGMENTATIONS[name](**({"unknown": 1} if name == "word_dropout" else {}))
    for axes, shape in SHAPES.items():
        if axes != INPUTS[name].ndim:
            with pytest.raises(ValueError, match=rf"{name} is set, and inputs have shape \[4, .*: \[B, [TH]"):
                augmented([change], jax.random.key(0), jnp.ones(shape), None)


def test_frames_of_waveforms_are_no_spectrogram():
    found = config(spec_augment={})
    found.dataset_name, found.model_name = "adding", "audio_tagger"
    found.model = {"num_outputs": 1, "sample_rate": 80, "front_end_options": {"num_mels": 4}}
    found.objectives = {"sum": {"name": "regression"}}
    with pytest.raises(ValueError, match=r"model audio_tagger, which reads waveforms: config\.model\.spec_augment"):
        compose(found)


def test_streams_of_inputs_are_refused():
    change = AUGMENTATIONS["jitter"]()
    with pytest.raises(ValueError, match="augmentation is set; allowed with inputs that are a, b: nothing"):
        augmented([change], jax.random.key(0), {"a": jnp.ones((2, 3, 1)), "b": jnp.ones((2, 3, 1))}, None)
