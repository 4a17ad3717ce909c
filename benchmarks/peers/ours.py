"""``sequence_lab`` itself, through its layers."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import tasks
from benchmarks.models.linen import Layers, TrainingJob
from benchmarks.peers.job import JaxJob, Job, Program, convolution_job, recurrent_job
from sequence_lab import nn
from sequence_lab.ops import losses, pooling, recurrence

PACKAGES = ("jax", "jaxlib", "flax")


def cell_of(task: tasks.Recurrent) -> recurrence.Cell:
    """The cell that a task names.

    Raises:
      NotImplementedError: this version has none of that name.
    """
    options: dict[str, Any] = {}
    name = task.cell
    if name == "rnn_relu":
        name, options = "rnn", {"activation": "relu"}
    elif name == "gru_before":
        name, options = "gru", {"reset_after": False}
    if name not in recurrence.CELLS:
        raise NotImplementedError(f"there is no cell {name!r}")
    return recurrence.CELLS[name](task.D, **options)


def recurrent_arrays(task: tasks.Recurrent) -> Any:
    """Parameters as the cell takes them, inputs and cotangent."""
    cell = cell_of(task)
    matrices, local = cell.parameters(task.C)
    own = {name: parameter.shape for name, parameter in {**matrices, **local}.items()}
    shapes = tasks.recurrent_shapes(task) if task.cell in tasks.GATES else own
    params, inputs, cotangent = tasks.recurrent_arrays(task, shapes)
    if task.cell == "gru_before":
        params["recurrent"], params["candidate"] = np.split(params["recurrent"], [2 * task.D], axis=1)
    assert {name: array.shape for name, array in params.items()} == own
    return params, inputs, cotangent


def named(gradients: Any) -> dict[str, Any]:
    """The gradient in the matrices that all peers have."""
    gradients = dict(gradients)
    if "candidate" in gradients:
        both = gradients["recurrent"], gradients.pop("candidate")
        gradients["recurrent"] = np.concatenate(both, axis=1)
    return gradients


def recurrent(task: tasks.Recurrent, engine: str = "auto", remat: bool = False, **options: Any) -> Job:
    """``options`` are those of the engine."""
    chosen = dataclasses.replace(recurrence.ENGINES[engine], **options) if options else engine
    layer = nn.Recurrent(cell_of(task), engine=chosen, remat=remat, dtype=task.dtype)

    def apply(params: Any, inputs: Any) -> Any:
        return layer.apply({"params": params}, inputs)[0]

    params, inputs, cotangent = recurrent_arrays(task)
    try:
        jax.eval_shape(apply, params, jax.ShapeDtypeStruct(inputs.shape, task.dtype))
    except ValueError as error:  # an engine that is unknown or cannot run this
        raise NotImplementedError(error) from error
    return recurrent_job(apply, (params, inputs, cotangent), named, task.dtype)


def convolution(task: tasks.Convolution) -> Job:
    inputs, kernel, cotangent = tasks.convolution_arrays(task)
    layer = (nn.Conv1D if len(task.size) == 1 else nn.Conv2D)(
        task.D,
        task.kernel,
        task.stride,
        task.padding or "VALID",
        feature_group_count=task.groups,
        use_bias=False,
    )

    def apply(kernel: Any, inputs: Any) -> Any:
        return layer.apply({"params": {"kernel": kernel}}, inputs)[0]

    return convolution_job(apply, kernel, inputs, cotangent, task.dtype)


def training(task: tasks.TrainingStep) -> Job:
    return TrainingJob(task, LAYERS)


LAYERS = Layers(
    conv1d=lambda x, features, width, name: nn.Conv1D(features, width, padding="VALID", name=name)(x)[0],
    conv2d=lambda x, features, stride, name: nn.Conv2D(features, 3, stride, use_bias=False, name=name)(x)[0],
    dense=lambda x, features, name: nn.Dense(features, name=name)(x),
    lstm=lambda x, features, name: nn.LSTM(features, name=name)(x)[0],
    embedding=lambda ids, size, features, name: nn.Embedding(size, features, name=name)(ids),
    max_over_time=pooling.max_over_time,
    cross_entropy=losses.cross_entropy,
)


def products(task: tasks.Products) -> Job:
    a, b = (jnp.asarray(tasks.draw(name, (task.size, task.size), 1.0), task.dtype) for name in "ab")
    return JaxJob({"forward": Program(jax.jit(jnp.matmul), (a, b))}, lambda results: {})


BUILDERS = {
    tasks.Recurrent: recurrent,
    tasks.Convolution: convolution,
    tasks.TrainingStep: training,
    tasks.Products: products,
}
