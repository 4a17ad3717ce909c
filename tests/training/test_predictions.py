"""Predictions: every place that counts once, in the order of the examples, however they were batched."""

import jax
import numpy as np
import pytest

from sequence_lab.data import Examples, Ragged, Sequences
from sequence_lab.training.objectives import OBJECTIVES, Task
from sequence_lab.training.optimizer import OptimizerConfig, optimizer, schedule
from sequence_lab.training.parallel import REPLICATED, Parallel
from sequence_lab.training.trainer import Trainer, TrainingConfig

RANDOM = np.random.default_rng(0)
ROWS, SIZE = 11, 4


def per_step(variables, batch, carry, *, train, key):
    return variables["params"]["factor"] * batch["inputs"], carry, {}


def per_row(variables, batch, carry, *, train, key):
    return variables["params"]["factor"] * batch["inputs"].sum(1), carry, {}


def predicted(apply, split, kind, devices):
    config = OptimizerConfig()
    trainer = Trainer(
        apply=apply,
        initial_carry=lambda size: (),
        tasks=[Task("task", OBJECTIVES["regression"])],
        tx=optimizer(config, 10),
        optimizer=config,
        schedule=schedule(config, 10),
        training=TrainingConfig(batch_size=SIZE, evaluation_batch_size=SIZE),
        parallel=Parallel(kind, jax.devices()[:devices]),
    )
    variables = trainer.parallel.put({"params": {"factor": np.float32(2)}}, REPLICATED)
    batches, shapes = split.evaluation_batches(SIZE), split.shapes(SIZE)
    return trainer.predict(variables, batches, shapes, split.evaluation_order())["task"]


@pytest.mark.parametrize(("kind", "devices"), [("jit", 1), ("jit", 4), ("pmap", 2)])
def test_steps_of_rows_of_different_lengths_come_back_row_by_row(kind, devices):
    rows = [RANDOM.normal(size=(length, 3)).astype(np.float32) for length in RANDOM.integers(0, 9, ROWS)]
    rows[2] = rows[2][:0]
    split = Sequences({"inputs": Ragged.of(rows), "labels": Ragged.of([-row for row in rows])}, (4, 9))
    found = predicted(per_step, split, kind, devices)
    np.testing.assert_array_equal(found.lengths, [len(row) for row in rows])
    np.testing.assert_array_equal(found.outputs, 2 * np.concatenate(rows))
    np.testing.assert_array_equal(found.labels, -np.concatenate(rows))


def test_steps_that_do_not_count_are_left_out():
    inputs, mask = RANDOM.normal(size=(ROWS, 5, 3)).astype(np.float32), (RANDOM.random((ROWS, 5)) < 0.5)
    found = predicted(
        per_step, Examples({"inputs": inputs, "labels": inputs, "mask": mask.astype(np.float32)}), "jit", 1
    )
    np.testing.assert_array_equal(found.lengths, mask.sum(1))
    np.testing.assert_array_equal(found.outputs, 2 * inputs[mask])


def test_one_answer_per_row_comes_back_in_order():
    inputs = RANDOM.normal(size=(ROWS, 5, 3)).astype(np.float32)
    found = predicted(per_row, Examples({"inputs": inputs, "labels": inputs[:, 0]}), "jit", 2)
    assert found.lengths is None
    np.testing.assert_allclose(found.outputs, 2 * inputs.sum(1), rtol=1e-5)
    np.testing.assert_array_equal(found.labels, inputs[:, 0])
