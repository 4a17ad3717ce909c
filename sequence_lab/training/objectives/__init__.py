"""Objectives: what outputs are held against, as sums with counts. One row of ``OBJECTIVES`` each.

An objective is a pure function ``(outputs, labels, mask) -> {"loss": Mean, ...}``. ``mask`` has a weight for each
place that has an output: per row for outputs ``[B, K]``, per step for ``[B, T, K]``; it already knows the lengths.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.metrics import Mean
from sequence_lab.training.objectives.activation import activation, slowness
from sequence_lab.training.objectives.classification import classification
from sequence_lab.training.objectives.crf import crf, likeliest
from sequence_lab.training.objectives.labelling import labelling
from sequence_lab.training.objectives.language_modelling import language_modelling, perplexity
from sequence_lab.training.objectives.multilabel import multilabel
from sequence_lab.training.objectives.regression import regression
from sequence_lab.training.objectives.symbol_sets import symbol_sets

Array = jax.Array
Measures = dict[str, Mean]
Means = dict[str, float]


class Objective(NamedTuple):
    """A row of the table.

    Attributes:
      measure: ``(outputs, labels, mask) -> measures``; "loss" is what training minimises.
      best: the measure by which one state is better than another, on the validation split.
      mode: whether more of it is better.
      derive: further figures from the final means, such as a perplexity.
      answers: ``(outputs, mask) -> outputs`` as scores and predictions have them: numbers of each class or target.
    """

    measure: Callable[[Array, Array, Array], Measures]
    best: str = "loss"
    mode: Literal["max", "min"] = "min"
    derive: Callable[[Means], Means] = lambda means: {}
    answers: Callable[[Array, Array], Array] = lambda outputs, mask: outputs


OBJECTIVES: Mapping[str, Objective] = {
    "activation": Objective(activation),
    "classification": Objective(classification, best="accuracy", mode="max"),
    "crf": Objective(crf, best="accuracy", mode="max", answers=likeliest),
    "labelling": Objective(labelling, best="accuracy", mode="max"),
    "language_modelling": Objective(language_modelling, derive=perplexity),
    "multilabel": Objective(multilabel),
    "regression": Objective(regression),
    "slowness": Objective(slowness),
    "symbol_sets": Objective(symbol_sets, best="sequence_accuracy", mode="max"),
}


class Task(NamedTuple):
    """An objective with its place: its weight in the sum, and where its outputs and labels are.

    Attributes:
      key: prefix of its measures where there are several tasks.
      labels: the batch's array to hold against.
      output: the entry of the model's outputs, where these are a dict; "" for outputs that are one array.
    """

    key: str
    objective: Objective
    weight: float = 1.0
    labels: str = "labels"
    output: str = ""


def tasks_of(described: Mapping[str, Mapping[str, Any]], table: Mapping[str, Objective]) -> list[Task]:
    """The tasks of ``config.objectives``: key -> {"name": a row of the table, and fields of ``Task``}."""
    return [
        Task(key, table[fields["name"]], **{name: value for name, value in fields.items() if name != "name"})
        for key, fields in described.items()
    ]


def chief(tasks: Sequence[Task]) -> tuple[str, Literal["max", "min"]]:
    """Name and mode of the measure by which one state is better than another: the first task's."""
    return prefixed(tasks, tasks[0], tasks[0].objective.best), tasks[0].objective.mode


def measure(tasks: Sequence[Task], outputs: Any, batch: Mapping[str, Array]) -> Measures:
    """Every task's measures on one batch; "accuracy", or "task/accuracy" where there are several tasks.

    Outputs and labels where nothing counts are hidden from the objective, so that not even NaN there reaches a
    value or a gradient.

    Raises:
      ValueError: the model has no such output, or the batch no such labels.
    """
    measures: Measures = {}
    for task in tasks:
        array, labels, mask = compared(task, outputs, batch)
        found = task.objective.measure(_counted(array, mask), _counted(labels, mask), mask)
        measures |= {prefixed(tasks, task, name): mean for name, mean in found.items()}
    return measures


def compared(task: Task, outputs: Any, batch: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """The output, the labels and the mask that a task's objective is given.

    Raises:
      ValueError: as ``measure``.
    """
    where = f"config.objectives.{task.key}"
    array = _entry(outputs, task.output, f"{where}.output") if task.output else outputs
    if isinstance(array, Mapping):
        raise ValueError(f"{where}.output is not set; allowed: the model's outputs: {', '.join(sorted(array))}")
    return array, _entry(batch, task.labels, f"{where}.labels"), weights(array, batch, task.labels)


def _entry(arrays: Any, name: str, field: str) -> Array:
    names = sorted(arrays) if isinstance(arrays, Mapping) else []
    if name not in names:
        raise ValueError(f"{field} is {name!r}; allowed: {', '.join(names) or 'none: there is one output, unnamed'}")
    return arrays[name]


def _counted(x: Array, mask: Array) -> Array:
    """``x`` with zeros where ``mask`` is 0; an ``x`` of other axes as it is, for the objective to refuse."""
    x = jnp.asarray(x)
    if x.shape[: mask.ndim] != mask.shape:
        return x
    return jnp.where(mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim)) != 0, x, jnp.zeros((), x.dtype))


def prefixed(tasks: Sequence[Task], task: Task, name: str) -> str:
    """The name of a task's measure in logs and summaries."""
    return name if len(tasks) == 1 else f"{task.key}/{name}"


def weighted_loss(tasks: Sequence[Task], totals: Mapping[str, Any], counts: Mapping[str, Any]) -> Any:
    """Sum over tasks of weight * total / count; a task without a count adds nothing. Arrays or plain floats."""
    loss = 0.0
    for task in tasks:
        name = prefixed(tasks, task, "loss")
        loss += task.weight * totals[name] / jnp.maximum(counts[name], 1e-9)
    return loss


def means(tasks: Sequence[Task], measures: Mapping[str, Mean]) -> Means:
    """The final figures: each measure's mean, what objectives derive from them, and "loss", as ``weighted_loss``."""
    values = {name: mean.value() for name, mean in measures.items()}
    for task in tasks:
        own = {name: values[prefixed(tasks, task, name)] for name in _own_names(tasks, task, values)}
        values |= {prefixed(tasks, task, name): value for name, value in task.objective.derive(own).items()}
    losses = [(task.weight, prefixed(tasks, task, "loss")) for task in tasks]
    counted = [weight * values[name] for weight, name in losses if measures[name].count]
    values["loss"] = sum(counted) if counted else math.nan
    return values


def _own_names(tasks: Sequence[Task], task: Task, values: Means) -> list[str]:
    start = prefixed(tasks, task, "")
    return [name.removeprefix(start) for name in values if name.startswith(start)]


def weights(output: Array, batch: Mapping[str, Array], labels: str = "labels") -> Array:
    """The mask that goes with an output: the batch's own ``mask`` (rows or steps) and the lengths, as float32.

    Outputs ``[B, K]`` are one per row, outputs ``[B, T, K]`` one per step. Their lengths are those of the labels where
    the batch has these, as LABELS_lengths, and those of the inputs where it does not.

    Raises:
      ValueError: an output per row under a mask per step, or lengths by stream alone, for an output per step.
    """
    per_step = output.ndim > 2
    mask = jnp.ones(output.shape[:1], jnp.float32) if batch.get("mask") is None else batch["mask"]
    if mask.ndim > 1 and not per_step:
        raise ValueError(f"a mask of shape {mask.shape} is one per step; outputs of shape {output.shape} are not")
    if not per_step:
        return mask
    lengths = batch.get(f"{labels}_lengths", batch.get("lengths"))
    if isinstance(lengths, Mapping):
        raise ValueError(
            f"lengths are those of {', '.join(lengths)}; allowed with an output per step: {labels}_lengths"
        )
    mask = jnp.broadcast_to(mask[:, None] if mask.ndim == 1 else mask, output.shape[:2])
    return masking.zero_padding(mask, lengths)
