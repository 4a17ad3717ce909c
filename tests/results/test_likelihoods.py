"""What a language model gives to the symbols of a text: in order, as evaluated, and while it learns from them."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab.composition import compose
from sequence_lab.data import Dataset, Stream, Vocabulary
from sequence_lab.experiment import default_config
from sequence_lab.results import likelihoods
from sequence_lab.training.parallel import REPLICATED

RANDOM = np.random.default_rng(0)
TEXTS = {"train": RANDOM.integers(0, 5, 200), "validation": RANDOM.integers(0, 5, 43), "test": np.tile([1, 3, 3], 60)}


def small_text():
    streams = {split: Stream(ids.astype(np.int32)) for split, ids in TEXTS.items()}
    return Dataset(streams, {"vocabulary_size": 5}, Vocabulary.of("abcde"))


@pytest.fixture(scope="module")
def parts():
    config = default_config()
    config.name, config.dataset_name = "read", "small_text"
    config.model_name = "recurrent_language_model"
    config.model = ConfigDict({"cell": "gru", "features": (4,), "embedding_features": 3, "dropout": 0.3})
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})
    config.training.update({"k1": 5, "k2": 5, "batch_size": 2, "evaluation_batch_size": 2})
    experiment = compose(config, datasets={"small_text": small_text}, devices=jax.devices()[:1])
    variables = jax.tree.map(lambda x: x + 0.3 * np.sin(np.arange(x.size)).reshape(x.shape), experiment.initial_state())
    return experiment, experiment.trainer.parallel.put(variables.variables, REPLICATED)


def test_probabilities_are_those_of_the_model_run_over_each_piece_in_one_go(parts):
    experiment, variables = parts
    found = likelihoods.probabilities(experiment, variables)
    for name in ("validation", "test"):
        ids = TEXTS[name]
        pieces = np.array_split(ids, [-(-len(ids) // 2)])
        before = np.concatenate([[0], ids[:-1]])
        firsts = np.array_split(before, [len(pieces[0])])
        expected = []
        for inputs, labels in zip(firsts, pieces, strict=True):
            logits, _ = experiment.model.apply(variables, inputs[None])
            expected.append(np.take_along_axis(np.array(jax.nn.softmax(logits[0])), labels[:, None], 1)[:, 0])
        np.testing.assert_allclose(getattr(found, name), np.concatenate(expected), rtol=1e-4)


def test_their_mean_is_what_an_evaluation_says(parts):
    experiment, variables = parts
    measures = experiment.trainer.evaluate(variables, experiment.evaluation_batches("test"), experiment.shapes("test"))
    found = likelihoods.probabilities(experiment, variables).test
    assert -np.log2(found).mean() == pytest.approx(measures["bits_per_symbol"], rel=1e-5)


def test_without_a_rate_nothing_is_learnt_and_with_one_what_comes_again_is(parts):
    experiment, variables = parts
    plain = likelihoods.probabilities(experiment, variables)
    still, learning = (likelihoods.dynamic_probabilities(experiment, variables, rate) for rate in (0.0, 1.0))
    np.testing.assert_allclose(still.test, plain.test, rtol=1e-4)
    first = np.r_[:5, 90:95]  # the first window of both pieces is scored before anything is learnt
    np.testing.assert_allclose(learning.test[first], plain.test[first], rtol=1e-4)
    assert -np.log2(learning.test[60:90]).mean() < 0.7 * -np.log2(plain.test[60:90]).mean()
