"""Keras on the JAX backend."""

import os
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"

import keras

from benchmarks import tasks
from benchmarks.peers.job import Job, recurrent_job

PACKAGES = ("jax", "jaxlib", "keras")


def recurrent(task: tasks.Recurrent) -> Job:
    made = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    if (task.cell, task.dtype) == ("gru", "bfloat16"):
        raise NotImplementedError("keras.layers.GRU fails in mixed_bfloat16")
    options = {"return_sequences": True, "dtype": "mixed_bfloat16" if task.dtype == "bfloat16" else task.dtype}
    activations = {"rnn": "tanh", "rnn_relu": "relu"}
    if task.cell in activations:
        layer = keras.layers.SimpleRNN(task.D, activation=activations[task.cell], **options)
    elif task.cell in made:
        layer = made[task.cell](task.D, **options)
    else:
        raise NotImplementedError(f"keras has no layer for {task.cell!r}")
    params, inputs, cotangent = tasks.recurrent_arrays(task, tasks.recurrent_shapes(task))
    layer.build(inputs.shape)
    state = [variable.value for variable in layer.non_trainable_variables]

    def apply(params: Any, inputs: Any) -> Any:
        return layer.stateless_call(params, state, inputs)[0]

    def named(gradients: Any) -> dict[str, Any]:
        return from_keras(task.cell, gradients)

    return recurrent_job(apply, (to_keras(task.cell, params), inputs, cotangent), named, task.dtype)


def to_keras(cell: str, params: tasks.Arrays) -> list[np.ndarray]:
    """Our parameters as kernel, recurrent kernel and bias; Keras has the gates z r n."""
    kernel, recurrent, bias = params["input"], params["recurrent"], params["bias"]
    if cell != "gru":
        return [kernel, recurrent, bias]
    second = np.zeros_like(bias)
    second[-len(params["recurrent_bias"]) :] = params["recurrent_bias"]
    return [_swapped(array) for array in (kernel, recurrent, np.stack([bias, second]))]


def from_keras(cell: str, theirs: Any) -> dict[str, Any]:
    """The way back, for gradients: the two biases of r and z have the same."""
    kernel, recurrent, bias = (np.asarray(array) for array in theirs)
    if cell != "gru":
        return {"input": kernel, "recurrent": recurrent, "bias": bias}
    kernel, recurrent, bias = (_swapped(array) for array in (kernel, recurrent, bias))
    n = bias.shape[-1] // 3
    return {"input": kernel, "recurrent": recurrent, "bias": bias[0], "recurrent_bias": bias[1, -n:]}


def _swapped(array: np.ndarray) -> np.ndarray:
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)


BUILDERS = {tasks.Recurrent: recurrent}
