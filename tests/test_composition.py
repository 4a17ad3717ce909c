"""The carry between a stream's batches, as a composed experiment hands it on."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import experiment
from sequence_lab.composition import compose
from sequence_lab.data import characters
from sequence_lab.training.parallel import REPLICATED

TEXT = "".join(chr(97 + (i * i + i // 7) % 13) for i in range(900))


@pytest.fixture(scope="module", params=["gru", "lstm"])
def composed(request):
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "carry", "text", "recurrent_language_model"
    config.model = ConfigDict({"cell": request.param, "features": (4, 3), "embedding_features": 3})
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})
    config.training.update({"k1": 7, "k2": 7, "batch_size": 2, "evaluation_batch_size": 3})
    found = compose(
        config,
        datasets={"text": lambda: characters({"train": TEXT, "validation": TEXT[:200], "test": TEXT[300:]})},
        devices=jax.devices()[:1],
    )
    params = jax.tree.map(lambda x: 2 * x, found.initial_state().params)
    return found, params


def test_a_text_evaluated_in_windows_equals_one_pass_over_each_row(composed):
    found, params = composed
    total = count = 0.0
    rows = {name: [] for name in ("inputs", "labels", "mask")}
    for batch in found.evaluation_batches("test"):
        for name, parts in rows.items():
            parts.append(batch[name])
    inputs, labels, mask = (np.concatenate(parts, axis=1) for parts in rows.values())
    assert inputs.shape[1] > 7 * 10
    logits, _ = found.model.apply({"params": params}, inputs)
    nats = -np.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1)[..., 0]
    total, count = (nats * mask).sum(), mask.sum()
    assert count == len(found.dataset.splits["test"])
    on_device = found.trainer.parallel.put(params, REPLICATED)
    measured = found.trainer.evaluate(on_device, found.evaluation_batches("test"), found.shapes("test"))
    np.testing.assert_allclose(measured["loss"], total / count, rtol=1e-5)


@pytest.mark.parametrize("start", [True, False])
def test_a_row_that_starts_anew_forgets_its_carry(composed, start):
    found, params = composed
    batch = {**found.training_batch(0), "start": np.array([start, False])}
    zeros = found.model.initial_carry((2,))
    other = jax.tree.map(lambda x: x + 0.7, zeros)
    outputs = [found.trainer.apply(params, batch, carry, train=False, key=None)[0] for carry in (zeros, other)]
    same = [np.allclose(outputs[0][row], outputs[1][row]) for row in range(2)]
    assert same == [start, False]
