"""Whole runs over rows of different lengths, packed too, and over several streams: stopped and resumed, the same."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import experiment
from sequence_lab.data import Dataset, Examples, Ragged, Sequences
from sequence_lab.nn import GRU, Dense
from sequence_lab.ops import pooling
from sequence_lab.training.recorder import read_metrics

LENGTHS = {"train": 23, "validation": 9, "test": 5}


class Late(nn.Module):
    """A recurrent layer for each stream, fused before the last one."""

    num_outputs: int

    @nn.compact
    def __call__(self, inputs, lengths_B=None, *, train=False):
        streams = inputs if isinstance(inputs, dict) else {"only": inputs}
        read = [GRU(4, name=name)(x_BTC, lengths_B)[0] for name, x_BTC in sorted(streams.items())]
        return Dense(self.num_outputs)(pooling.max_over_time(jnp.concatenate(read, -1), lengths_B))


class Paired(nn.Module):
    """Every step of one stream, beside the mean of another one that has lengths of its own."""

    num_outputs: int

    @nn.compact
    def __call__(self, inputs, lengths_B=None, *, train=False):
        mean_BC = pooling.mean_over_time(inputs["a"], lengths_B["a"])
        beside_BTC = jnp.broadcast_to(mean_BC[:, None], inputs["b"].shape)
        return Dense(self.num_outputs)(jnp.concatenate([inputs["b"], beside_BTC], -1), lengths_B["b"])


def pairs():
    random, splits = np.random.default_rng(0), {}
    for split, count in LENGTHS.items():
        a, b = (
            Ragged.of([random.normal(size=(n, 2)).astype(np.float32) for n in random.integers(1, 9, count)])
            for _ in range(2)
        )
        labels = Ragged((b.values.sum(-1) > 0).astype(np.int32), b.lengths)
        splits[split] = Sequences({"inputs/a": a, "inputs/b": b, "labels": labels}, apart=("inputs/b", "labels"))
    return Dataset(splits, {"num_outputs": 2}, classes=("no", "yes"))


def rows(ragged, streams):
    random, splits = np.random.default_rng(0), {}
    for split, count in LENGTHS.items():
        lengths = random.integers(1, 9, count) if ragged else np.full(count, 5)
        parts = [[random.normal(size=(length, 2)).astype(np.float32) for length in lengths] for _ in range(2)]
        labels = np.array([part.sum() > 0 for part in parts[0]], np.int32)
        kind, array = (Sequences, Ragged.of) if ragged else (Examples, np.stack)
        inputs = {"inputs/a": array(parts[0]), "inputs/b": array(parts[1])} if streams else {"inputs": array(parts[0])}
        splits[split] = kind({**inputs, "labels": labels})
    return Dataset(splits, {"num_outputs": 2}, classes=("no", "yes"))


def config(num_steps):
    found = experiment.default_config()
    found.name, found.dataset_name, found.model_name = "rows", "rows", "late"
    found.objectives = {"sum": {"name": "classification"}}
    found.training.num_steps, found.training.batch_size, found.training.evaluation_batch_size = num_steps, 4, 4
    found.training.num_shapes, found.training.log_every, found.training.evaluate_every = 3, 1, 5
    return found


@pytest.mark.parametrize(("ragged", "streams"), [(True, False), (True, True), (False, True)])
def test_a_run_in_two_parts_equals_one_in_one(tmp_path, ragged, streams):
    said = assert_same_in_two_parts(tmp_path, lambda steps: (config(steps), lambda: rows(ragged, streams)))
    assert any(line.startswith("rows are padded to ") for line in said) == ragged


def test_a_run_over_streams_of_different_lengths_in_two_parts_equals_one_in_one(tmp_path):
    def paired(num_steps):
        found = config(num_steps)
        found.model_name, found.objectives = "paired", {"sign": {"name": "labelling"}}
        return found, pairs

    assert_same_in_two_parts(tmp_path, paired)


def test_a_packed_run_in_two_parts_equals_one_in_one(tmp_path):
    """21 rows of 10 steps, 4 a batch: the run stops within its second epoch."""

    def tagged():
        random, splits = np.random.default_rng(0), {}
        for split, count in LENGTHS.items():
            lengths = random.integers(1, 9, 2 * count)
            inputs = Ragged(random.normal(size=(lengths.sum(), 2)).astype(np.float32), lengths)
            splits[split] = Sequences({"inputs": inputs, "labels": Ragged((inputs.values[:, 0] > 0) * 1, lengths)})
        return Dataset(splits, {"num_outputs": 2}, classes=("no", "yes"))

    def packed(num_steps):
        found = config(num_steps)
        found.model_name, found.model = "recurrent_tagger", {"cell": "gru", "features": (4,)}
        found.objectives = {"sign": {"name": "labelling"}}
        found.training.packed_width = 10
        return found, tagged

    said = assert_same_in_two_parts(tmp_path, packed)
    assert any(line.startswith("46 sequences are packed into 21 rows") for line in said)


def assert_same_in_two_parts(tmp_path, described):
    """Runs what ``described(num_steps)`` gives, a config and a data set, whole and in parts; returns what was said."""
    said = []

    def run(folder, num_steps):
        found, data = described(num_steps)
        return experiment.run(
            found, tmp_path / folder, models={"late": Late, "paired": Paired}, datasets={"rows": data},
            devices=jax.devices()[:2], say=said.append,
        )  # fmt: skip

    whole = run("whole", 13)
    run("parts", 6)
    parts = run("parts", 13)
    assert whole["metrics"] == parts["metrics"]
    losses = [
        [record["loss"] for record in read_metrics(tmp_path / folder) if record["split"] == "train"]
        for folder in ("whole", "parts")
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 13
    return said
