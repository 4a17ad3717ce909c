"""What a composed experiment hands on to its model: the carry between a stream's batches, resets in packed rows."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import experiment
from sequence_lab.composition import compose
from sequence_lab.data import Dataset, Examples, Packed, Ragged, Sequences, characters
from sequence_lab.nn import Dense
from sequence_lab.training.parallel import AXIS, REPLICATED, SHARDED

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
    variables = jax.tree.map(lambda x: 2 * x, found.initial_state().variables)
    return found, variables


def test_a_text_evaluated_in_windows_equals_one_pass_over_each_row(composed):
    found, variables = composed
    total = count = 0.0
    rows = {name: [] for name in ("inputs", "labels", "mask")}
    for batch in found.evaluation_batches("test"):
        for name, parts in rows.items():
            parts.append(batch[name])
    inputs, labels, mask = (np.concatenate(parts, axis=1) for parts in rows.values())
    assert inputs.shape[1] > 7 * 10
    logits, _ = found.model.apply(variables, inputs)
    nats = -np.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1)[..., 0]
    total, count = (nats * mask).sum(), mask.sum()
    assert count == len(found.dataset.splits["test"])
    on_device = found.trainer.parallel.put(variables, REPLICATED)
    measured = found.trainer.evaluate(on_device, found.evaluation_batches("test"), found.shapes("test"))
    np.testing.assert_allclose(measured["loss"], total / count, rtol=1e-5)


@pytest.mark.parametrize("start", [True, False])
def test_a_row_that_starts_anew_forgets_its_carry(composed, start):
    found, variables = composed
    batch = {**found.training_batch(0), "start": np.array([start, False])}
    zeros = found.model.initial_carry((2,))
    other = jax.tree.map(lambda x: x + 0.7, zeros)
    outputs = [found.trainer.apply(variables, batch, carry, train=False, key=None)[0] for carry in (zeros, other)]
    same = [np.allclose(outputs[0][row], outputs[1][row]) for row in range(2)]
    assert same == [start, False]


class Counting(nn.Module):
    """Counts the steps it has seen in training."""

    num_outputs: int

    @nn.compact
    def __call__(self, inputs_BTC, lengths_B=None, *, train=False):
        seen = self.variable("batch_stats", "seen", jnp.zeros, ())
        if train:
            steps = inputs_BTC.shape[0] * inputs_BTC.shape[1] if lengths_B is None else lengths_B.sum()
            seen.value += jax.lax.psum(jnp.asarray(steps, jnp.float32), AXIS)
        return Dense(self.num_outputs)(inputs_BTC.mean(axis=1))


@pytest.mark.parametrize("devices", [1, 2])
def test_rows_that_fill_up_a_batch_are_empty_to_statistics(devices):
    """11 rows of 3 steps in batches of 4: an epoch is three batches, the last of them with a row that fills it up."""
    rows = Examples({"inputs": np.ones((11, 3, 2), np.float32), "labels": np.zeros(11, np.int32)})
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "counting", "rows", "counting"
    config.objectives = ConfigDict({"class": {"name": "classification"}})
    config.training.update({"batch_size": 4, "evaluation_batch_size": 4})
    data = Dataset({"train": rows, "validation": rows}, {"num_outputs": 2})
    found = compose(
        config, models={"counting": Counting}, datasets={"rows": lambda: data}, devices=jax.devices()[:devices]
    )
    parallel = found.trainer.parallel
    state = parallel.put(found.initial_state(), REPLICATED)
    for index in range(3):
        state, _, _ = found.trainer.train_step(state, (), parallel.put(found.training_batch(index), SHARDED))
    assert state.statistics["batch_stats"]["seen"] == 11 * 3


def tagging(packed_width, bidirectional=False, **fields):
    """Rows of 1 to 9 steps, composed with a tagger and plain gradient descent; an epoch is one batch."""
    lengths = np.random.default_rng(0).integers(1, 10, 15)
    inputs = np.random.default_rng(1).normal(size=(lengths.sum(), 3)).astype(np.float32)
    labels = np.random.default_rng(2).integers(0, 4, lengths.sum())
    rows = Sequences({"inputs": Ragged(inputs, lengths), "labels": Ragged(labels, lengths)})
    count = Packed(rows, packed_width).num_rows if packed_width else len(rows)
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "tags", "tags", "recurrent_tagger"
    config.model = ConfigDict({"cell": "gru", "features": (4, 3), "bidirectional": bidirectional})
    config.objectives = ConfigDict({"tag": {"name": "labelling"}})
    config.optimizer.update({"name": "sgd", "learning_rate": 1.0})
    config.training.update({"batch_size": count, "packed_width": packed_width, "num_shapes": 1})
    config.update(fields)
    data = Dataset({"train": rows, "validation": rows}, {"num_outputs": 4})
    return compose(config, datasets={"tags": lambda: data}, devices=jax.devices()[:1])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_as_if_each_had_a_row_of_its_own(bidirectional):
    outputs, states, measures = [], [], []
    for found in (tagging(0, bidirectional), tagging(14, bidirectional)):
        parallel, split = found.trainer.parallel, found.dataset.splits["train"]
        state = found.initial_state()
        (batch,) = split.evaluation_batches(found.trainer.training.batch_size)
        logits = np.asarray(jax.jit(lambda v, b, f=found: f.trainer.apply(v, b, (), train=False, key=None)[0])(
            state.variables, batch
        ))  # fmt: skip
        real = np.arange(logits.shape[1]) < batch["lengths"][:, None]
        assert not logits[~real].any()
        order = np.lexsort(batch["inputs"][real].T)  # of the steps, by what is in them
        outputs.append(logits[real][order])
        state, _, measured = found.trainer.train_step(
            parallel.put(state, REPLICATED), (), parallel.put(found.training_batch(0), SHARDED)
        )
        states.append(state.params)
        assert measured.pop("sequence_accuracy").count == len(batch["inputs"])  # of rows, several sequences or one
        measures.append(measured)
    assert batch["resets"].sum() == 15 > len(batch["inputs"])
    np.testing.assert_allclose(*outputs, atol=1e-6)
    for alone, packed in ((states[0], states[1]), (measures[0], measures[1])):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-5), alone, packed)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_name": "recurrent_classifier"}, "packed_width is 14; allowed with model recurrent_classifier, which"),
        (
            {"augmentation": {"shift": {}}},
            "packed_width is 14; allowed with augmentation shift, which is one of a whole",
        ),
        ({"augmentation": {"jitter": {}}}, None),
    ],
)
def test_what_would_take_several_sequences_for_one_is_refused(fields, said):
    if said is None:
        assert tagging(14, **fields)
        return
    with pytest.raises(ValueError, match=said):
        tagging(14, **fields)


def reviews(tmp_path, **fields):
    (tmp_path / "glove.txt").write_text("b 1 2 3\na 4 5 6\nz 7 8 9\n")
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "carry", "text", "recurrent_language_model"
    config.model = ConfigDict({"cell": "gru", "features": (4,), "embedding_features": 3, **fields.pop("model", {})})
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})
    config.training.update({"k1": 7, "k2": 7, "batch_size": 2, "evaluation_batch_size": 3})
    config.word_vectors = str(tmp_path / "glove.txt")
    config.optimizer.update({"frozen": ("embedding",), "weight_decay": 0.1, **fields})
    data = characters({"train": TEXT, "validation": TEXT[:200]})
    return compose(config, datasets={"text": lambda: data}, devices=jax.devices()[:1])


def test_symbols_start_from_the_vectors_of_a_file_and_stay_there_when_frozen(tmp_path):
    found = reviews(tmp_path)
    first = found.initial_state()
    table = first.params["embedding"]["table"]
    for symbol, vector in (("a", [4, 5, 6]), ("b", [1, 2, 3])):
        np.testing.assert_array_equal(table[found.dataset.vocabulary.encode(symbol)[0]], vector)
    parallel = found.trainer.parallel
    state, carry = parallel.put(first, REPLICATED), parallel.put(found.trainer.initial_carry(2), SHARDED)
    state, _, _ = found.trainer.train_step(state, carry, parallel.put(found.training_batch(0), SHARDED))
    np.testing.assert_array_equal(state.params["embedding"]["table"], table)
    assert not np.array_equal(state.params["head"]["kernel"], first.params["head"]["kernel"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"model": {"embedding_features": 5}},
            r"has vectors of 3 numbers for 1\d symbols; allowed .* 5 features: as many",
        ),
        ({"frozen": ("embeding",)}, r"optimizer\.frozen has 'embeding'; allowed: layers of the model: .*embedding"),
    ],
)
def test_vectors_and_layers_that_do_not_fit_are_refused(tmp_path, fields, said):
    with pytest.raises(ValueError, match=said):
        reviews(tmp_path, **fields)
