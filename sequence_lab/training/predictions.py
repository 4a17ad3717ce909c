"""What a model says about every example of a split, gathered on the host."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from sequence_lab.training import objectives
from sequence_lab.training.step import Apply, Batch, Carry

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


class Predictions(NamedTuple):
    """Of one task, at all places that count, in the order of the examples.

    Attributes:
      outputs, labels: ``[N, ...]``.
      lengths: ``[rows]``, places of each example, where outputs are one per step; None where they are one per row.
    """

    outputs: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray | None


def prediction_step(
    apply: Apply, tasks: Sequence[objectives.Task], variables: Mapping[str, Any], carry: Carry, batch: Batch
) -> tuple[Carry, dict[str, Any]]:
    """The carry for the next batch; of every task, by key, its answers, labels and mask."""
    outputs, carry, _ = apply(variables, batch, carry, train=False, key=None)

    def answered(task: objectives.Task) -> tuple[jax.Array, jax.Array, jax.Array]:
        array, labels, mask = objectives.compared(task, outputs, batch)
        return task.objective.answers(array, mask), labels, mask

    return carry, {task.key: answered(task) for task in tasks}


def gathered(batches: Iterable[Arrays], order: np.ndarray) -> Predictions:
    """Batches of outputs, labels and mask as one.

    Args:
      order: which example each row is; what follows after so many rows only filled up the last batch.
    """
    outputs, labels, counts = [], [], []
    for output, label, mask in batches:
        real = mask != 0
        outputs.append(output[real])
        labels.append(label[real])
        counts.append(real.reshape(len(real), -1).sum(1))
    per_step = real.ndim > 1
    lengths = np.concatenate(counts)[: len(order)]
    starts, rows = np.cumsum(lengths) - lengths, np.argsort(order)
    own = lengths[rows]
    places = np.repeat(starts[rows], own) + np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
    return Predictions(np.concatenate(outputs)[places], np.concatenate(labels)[places], own if per_step else None)
