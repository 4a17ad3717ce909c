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


def test_dynamic_evaluation_reads_the_text_in_order_and_learns_from_a_window_once_it_is_scored(parts):
    """Against a loop over the whole text in one row, though evaluations read two pieces of it side by side."""
    experiment, variables = parts
    clip, rate, params, carry = experiment.config["optimizer"]["clip_norm"], 1.0, variables["params"], None
    ids, expected = TEXTS["test"], []
    before = np.concatenate([[0], ids[:-1]])

    @jax.jit
    def scored(params, inputs, labels, carry):
        logits, carry = experiment.model.apply({"params": params}, inputs[None], None, carry)
        probs = jax.nn.softmax(logits[0])[np.arange(len(labels)), labels]
        return -jax.numpy.log(probs).mean(), (probs, carry)

    for first in range(0, len(ids), 5):
        window = slice(first, first + 5)
        (_, (probs, carry)), grads = jax.value_and_grad(scored, has_aux=True)(
            params, before[window], ids[window], carry
        )
        expected.append(probs)
        norm = np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(grads)))
        params = jax.tree.map(lambda p, g: p - rate * g * min(1, clip / norm), params, grads)  # noqa: B023
    found = likelihoods.dynamic_probabilities(experiment, variables, rate)
    np.testing.assert_allclose(found.test, np.concatenate(expected), rtol=1e-3)


def test_without_a_rate_nothing_is_learnt_and_with_one_what_comes_again_is(parts):
    experiment, variables = parts
    still, learning = (likelihoods.dynamic_probabilities(experiment, variables, rate) for rate in (0.0, 1.0))
    np.testing.assert_allclose(learning.test[:5], still.test[:5], rtol=1e-4)
    assert -np.log2(learning.test[60:90]).mean() < 0.7 * -np.log2(still.test[60:90]).mean()
