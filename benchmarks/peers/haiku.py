"""Haiku: ``hk.dynamic_unroll`` over its cores.

Its GRU has the reset gate before the product and its VanillaRNN is a ReLU network, so these are checked against that
reference (``tasks.HAIKU_HAS``): the same products, other pointwise work.
"""

from typing import Any

import haiku as hk
import numpy as np

from benchmarks import tasks
from benchmarks.peers.job import Job, recurrent_job

PACKAGES = ("jax", "jaxlib", "dm-haiku")


def recurrent(task: tasks.Recurrent) -> Job:
    made = {"lstm": hk.LSTM, "gru": hk.GRU, "rnn": hk.VanillaRNN, "rnn_relu": hk.VanillaRNN}
    if task.cell not in made:
        raise NotImplementedError(f"haiku has no core for {task.cell!r}")
    if task.dtype != "float32":
        raise NotImplementedError("haiku's cores take the type of their initial state, float32")
    options = {"double_bias": False} if task.cell.startswith("rnn") else {}
    params, inputs, cotangent = tasks.recurrent_arrays(
        task, tasks.recurrent_shapes(task._replace(cell=tasks.HAIKU_HAS.get(task.cell, task.cell)))
    )

    @hk.without_apply_rng
    @hk.transform
    def network(inputs: Any) -> Any:
        core = made[task.cell](task.D, **options)
        return hk.dynamic_unroll(core, inputs, core.initial_state(task.B), time_major=False)[0]

    def named(gradients: Any) -> dict[str, Any]:
        return from_haiku(task.cell, task.C, gradients)

    return recurrent_job(network.apply, (to_haiku(task.cell, params), inputs, cotangent), named, task.dtype)


def to_haiku(cell: str, params: tasks.Arrays) -> Any:
    """Our parameters as those of a Haiku core."""
    w_i, w_h, b = params["input"], params["recurrent"], params["bias"]
    if cell == "lstm":
        (w, b) = (_swapped(np.concatenate([w_i, w_h]), "ifgo", "igfo"), _swapped(b, "ifgo", "igfo"))
        f = np.repeat([0, 0, 1, 0], len(b) // 4)
        return {"lstm/linear": {"w": w, "b": (b - f).astype(np.float32)}}  # Haiku adds 1 to the forget gate
    if cell == "gru":
        return {"gru": {"w_i": _gru(w_i, "rzn", "zrn"), "w_h": _gru(w_h, "rzn", "zrn"), "b": _gru(b, "rzn", "zrn")}}
    return {"vanilla_rnn/linear": {"w": w_i, "b": b}, "vanilla_rnn/linear_1": {"w": w_h}}


def from_haiku(cell: str, in_features: int, theirs: Any) -> dict[str, Any]:
    """The way back, for gradients."""
    if cell == "lstm":
        w, b = (np.asarray(theirs["lstm/linear"][name]) for name in "wb")
        w, b = _swapped(w, "igfo", "ifgo"), _swapped(b, "igfo", "ifgo")
        return {"input": w[:in_features], "recurrent": w[in_features:], "bias": b}
    if cell == "gru":
        w_i, w_h, b = (_gru(np.asarray(theirs["gru"][name]), "zrn", "rzn") for name in ("w_i", "w_h", "b"))
        return {"input": w_i, "recurrent": w_h, "bias": b}
    first, second = theirs["vanilla_rnn/linear"], theirs["vanilla_rnn/linear_1"]
    return {"input": first["w"], "recurrent": second["w"], "bias": first["b"]}


def _swapped(array: np.ndarray, old: str, new: str) -> np.ndarray:
    """The blocks of the gates along the last axis in another order."""
    blocks = dict(zip(old, np.split(array, len(old), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in new], axis=-1)


def _gru(array: np.ndarray, old: str, new: str) -> np.ndarray:
    """Haiku's z lets the new value in, ours keeps the old: sigmoid(-a) = 1 - sigmoid(a)."""
    sign = np.repeat([-1 if gate == "z" else 1 for gate in new], array.shape[-1] // len(new)).astype(np.float32)
    return _swapped(array, old, new) * sign


BUILDERS = {tasks.Recurrent: recurrent}
