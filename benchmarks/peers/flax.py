"""Flax Linen: ``flax.linen.RNN`` over its cells."""

from typing import Any

import flax.linen
import numpy as np

from benchmarks import tasks
from benchmarks.models.linen import Layers, TrainingJob
from benchmarks.peers.job import Job, convolution_job, recurrent_job

PACKAGES = ("jax", "jaxlib", "flax")
# Gates in our order, and where the bias of the input product stands: ``i`` or ``h`` for the recurrent one.
GATES = {"lstm": ("ifgo", "h"), "gru": ("rzn", "i")}


def recurrent(task: tasks.Recurrent) -> Job:
    if task.cell.startswith("rnn"):
        if task.dtype == "bfloat16":
            raise NotImplementedError("flax.linen.SimpleCell fails in bfloat16")
        activation = flax.linen.relu if task.cell == "rnn_relu" else flax.linen.tanh
        cell: Any = flax.linen.SimpleCell(task.D, activation_fn=activation)
    elif task.cell in GATES:
        made = flax.linen.OptimizedLSTMCell if task.cell == "lstm" else flax.linen.GRUCell
        cell = made(task.D, dtype=task.dtype)
    else:
        raise NotImplementedError(f"flax.linen has no cell for {task.cell!r}")
    layer = flax.linen.RNN(cell)
    params, inputs, cotangent = tasks.recurrent_arrays(task, tasks.recurrent_shapes(task))

    def apply(params: Any, inputs: Any) -> Any:
        return layer.apply({"params": {"cell": params}}, inputs)

    def named(gradients: Any) -> dict[str, Any]:
        return from_flax(task.cell, gradients)

    return recurrent_job(apply, (to_flax(task.cell, params), inputs, cotangent), named, task.dtype)


def to_flax(cell: str, params: tasks.Arrays) -> Any:
    """Our parameters as those of a Flax cell."""
    if cell.startswith("rnn"):
        return {"i": {"kernel": params["input"], "bias": params["bias"]}, "h": {"kernel": params["recurrent"]}}
    gates, with_bias = GATES[cell]
    found: dict[str, dict[str, Any]] = {}
    for prefix, name in (("i", "input"), ("h", "recurrent")):
        for gate, kernel in zip(gates, np.split(params[name], len(gates), axis=1), strict=True):
            found[prefix + gate] = {"kernel": kernel}
    for gate, bias in zip(gates, np.split(params["bias"], len(gates)), strict=True):
        found[with_bias + gate]["bias"] = bias
    if cell == "gru":
        found["hn"]["bias"] = params["recurrent_bias"]
    return found


def from_flax(cell: str, theirs: Any) -> dict[str, Any]:
    """The way back."""
    if cell.startswith("rnn"):
        i, h = theirs["i"], theirs["h"]
        return {"input": i["kernel"], "recurrent": h["kernel"], "bias": i["bias"]}
    gates, with_bias = GATES[cell]
    found = {
        "input": np.concatenate([theirs[f"i{gate}"]["kernel"] for gate in gates], axis=1),
        "recurrent": np.concatenate([theirs[f"h{gate}"]["kernel"] for gate in gates], axis=1),
        "bias": np.concatenate([theirs[f"{with_bias}{gate}"]["bias"] for gate in gates]),
    }
    return found | ({"recurrent_bias": theirs["hn"]["bias"]} if cell == "gru" else {})


def convolution(task: tasks.Convolution) -> Job:
    inputs, kernel, cotangent = tasks.convolution_arrays(task)
    layer = flax.linen.Conv(
        task.D,
        task.kernel,
        strides=task.stride,
        padding=task.padding or "VALID",
        feature_group_count=task.groups,
        use_bias=False,
    )

    def apply(kernel: Any, inputs: Any) -> Any:
        return layer.apply({"params": {"kernel": kernel}}, inputs)

    return convolution_job(apply, kernel, inputs, cotangent, task.dtype)


def training(task: tasks.TrainingStep) -> Job:
    return TrainingJob(task, LAYERS)


def _lstm(x: Any, features: int, name: str) -> Any:
    return flax.linen.RNN(flax.linen.OptimizedLSTMCell(features, name=name))(x)


def _renamed(params: Any) -> Any:
    """Our nested parameters under Flax's names."""
    found = {name: to_flax("lstm", own) if name.startswith("lstm") else own for name, own in params.items()}
    return found | ({"embedding": {"embedding": params["embedding"]["table"]}} if "embedding" in params else {})


def _renamed_back(params: Any) -> Any:
    found = {name: from_flax("lstm", own) if name.startswith("lstm") else own for name, own in params.items()}
    return found | ({"embedding": {"table": params["embedding"]["embedding"]}} if "embedding" in params else {})


LAYERS = Layers(
    conv1d=lambda x, features, width, name: flax.linen.Conv(features, (width,), padding="VALID", name=name)(x),
    conv2d=lambda x, features, stride, name: flax.linen.Conv(
        features, (3, 3), stride, padding=1, use_bias=False, name=name
    )(x),
    dense=lambda x, features, name: flax.linen.Dense(features, name=name)(x),
    lstm=_lstm,
    embedding=lambda ids, size, features, name: flax.linen.Embed(size, features, name=name)(ids),
    max_over_time=lambda x_BTC: x_BTC.max(axis=1),
    to_theirs=_renamed,
    to_ours=_renamed_back,
)

BUILDERS = {tasks.Recurrent: recurrent, tasks.Convolution: convolution, tasks.TrainingStep: training}
