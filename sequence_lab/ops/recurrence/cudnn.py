"""Engine ``cudnn``: NVIDIA's own LSTM, a layer or a whole stack of them in one call (Appleyard et al. 2016)."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal, NoReturn

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental import rnn

from sequence_lab.ops import masking
from sequence_lab.ops.recurrence import cells
from sequence_lab.ops.recurrence.engine import Call, Start, Steps, without_forward_mode

Array = jax.Array
LACKING = ("layer_norm", "peephole", "coupled", "projection", "zoneout_hidden", "zoneout_cell")


@dataclasses.dataclass(frozen=True)
class CuDNN:
    """``LSTMCell`` in float32 on NVIDIA GPUs, by ``jax.experimental.rnn``; see ``engine.Engine`` for the contract.

    Products are in TF32 where the GPU has it, as those of XLA are, unless ``jax.default_matmul_precision`` says
    "float32".

    It is differentiated once, backwards: second derivatives and ``jax.vmap`` (so ``jax.jacrev`` too) end in a
    ValueError that names the engine to take, forward mode in a TypeError as for ``scan``.
    """

    def refusal(self, call: Call) -> str | None:
        cell = call.cell
        if not is_nvidia(call.backend):
            return f"the backend is {call.backend}, not an NVIDIA GPU"
        if type(cell) is not cells.LSTMCell:
            return f"the cell is {type(cell).__name__}, not LSTMCell"
        lacking = [name for name in LACKING if getattr(cell, name)]
        if cell.recurrent_dropout and call.is_noisy:
            lacking.append("recurrent_dropout")
        if lacking:
            return f"cuDNN's LSTM has no {', '.join(lacking)}"
        if jnp.dtype(call.dtype) != jnp.float32:
            return f"the type is {jnp.dtype(call.dtype)}, not float32"
        precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]  # made at run time
        if precision in ("default", "bfloat16"):
            return f"jax_default_matmul_precision is {precision}; cuDNN's LSTM has tensorfloat32 and float32"
        if call.has_resets:
            return "there are resets within rows"
        if 0 in (*call.batch_shape, call.num_steps, call.in_features):
            return "the inputs are empty"
        return None

    def __call__(
        self,
        cell: cells.Cell,
        params: cells.Params,
        steps: Steps,
        initial_carry: cells.LSTMCarry,
        start: Start,
        *,
        reverse: bool = False,
    ) -> tuple[Array, cells.LSTMCarry]:
        lengths_B = None if steps.valid_TB is None else steps.valid_TB.sum(axis=0, dtype=jnp.int32)
        y_BTD, (carry,) = lstm_stack(
            [params],
            jnp.moveaxis(steps.x_TBC, 0, -2),
            lengths_B,
            [initial_carry],
            direction="backward" if reverse else "forward",
        )
        return jnp.moveaxis(y_BTD, -2, 0), carry


def lstm_stack(
    params: Sequence[cells.Params],
    x_BTC: Array,
    lengths_B: Array | None,
    carries: Sequence[cells.LSTMCarry],
    *,
    direction: Literal["forward", "backward", "both"] = "forward",
) -> tuple[Array, list[cells.LSTMCarry]]:
    """LSTM layers one over the other as one call of cuDNN, which runs layers and directions at the same time.

    Args:
      params: of each layer, the lowest first; under "both" of each layer forwards, then backwards, and the next layer
        reads both outputs side by side. All have the same number of units D.
      x_BTC: inputs, any number of batch axes, none of them empty; ``lengths_B`` as for ``recurrence.run``.
      carries: the initial one of each of ``params``.
      direction: "backward" is for one layer.

    Returns:
      the top layer's outputs, ``[..., T, D]`` or ``[..., T, 2 D]``, and the last carry of each of ``params``.
    """
    batch_shape, num_steps = x_BTC.shape[:-2], x_BTC.shape[-2]
    num_rows = math.prod(batch_shape)
    x_BTC = x_BTC.reshape(num_rows, *x_BTC.shape[-2:])
    lengths_B = None if lengths_B is None else lengths_B.reshape(num_rows)
    initial = jax.tree.map(lambda *a: jnp.stack(a).reshape(len(a), num_rows, -1), *carries)
    # cuDNN fails on rows without steps (https://github.com/jax-ml/jax/issues/17966): they run one, which is undone.
    own_lengths_B = jnp.full(num_rows, num_steps, jnp.int32) if lengths_B is None else jnp.maximum(lengths_B, 1)
    if direction == "backward":
        x_BTC = masking.reverse_within_length(x_BTC, lengths_B)
    with without_forward_mode("the engine is cudnn, which has no forward mode; allowed for jvp and jacfwd: scan_plain"):
        y_BTD, last = _lstm(direction == "both", x_BTC, initial, _flat(params, x_BTC.dtype), own_lengths_B)
    if lengths_B is not None:
        y_BTD = masking.zero_padding(y_BTD, lengths_B)
        last = jax.tree.map(functools.partial(jnp.where, lengths_B[:, None] > 0), last, initial)
    if direction == "backward":
        y_BTD = masking.reverse_within_length(y_BTD, lengths_B)
    c, h = (a.reshape(len(a), *batch_shape, -1) for a in last)
    return y_BTD.reshape(*batch_shape, num_steps, -1), list(map(cells.LSTMCarry, c, h))


def _flat(params: Sequence[cells.Params], dtype: Any) -> Array:
    """cuDNN's vector of weights: the matrices of all layers, ``[out, in]``, i f g o as here, then two biases each."""
    matrices = [layer.matrices[name].T for layer in params for name in ("input", "recurrent")]
    biases = []
    for layer in params:
        nothing = jnp.zeros(layer.matrices["recurrent"].shape[-1], dtype)
        biases += [layer.local.get("bias", nothing), nothing]
    return jnp.concatenate([array.ravel().astype(dtype) for array in (*matrices, *biases)])


def _forward(
    both: bool, x_BTC: Array, carry: cells.LSTMCarry, weights: Array, lengths_B: Array
) -> tuple[tuple[Array, cells.LSTMCarry], Any]:
    """cuDNN's outputs and last carry, and the function that takes cotangents of them back."""

    def run(x_BTC: Array, carry: cells.LSTMCarry, weights: Array) -> tuple[Array, cells.LSTMCarry]:
        (num_layers, _, features), in_features = carry.h.shape, x_BTC.shape[-1]
        num_layers //= 2 if both else 1
        sizes = (in_features, features, num_layers)
        y_BTD, h, c = rnn.lstm(x_BTC, carry.h, carry.c, weights, lengths_B, *sizes, dropout=0.0, bidirectional=both)
        return y_BTD, cells.LSTMCarry(c, h)

    return jax.vjp(run, *_once((x_BTC, carry, weights)))


def _backward(both: bool, pullback: Any, cotangents: Any) -> tuple[Any, ...]:
    return *pullback(_once(cotangents)), None


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _lstm(
    both: bool, x_BTC: Array, carry: cells.LSTMCarry, weights: Array, lengths_B: Array
) -> tuple[Array, cells.LSTMCarry]:
    """``rnn.lstm``, which says what cannot be done with it where it is tried."""
    return _forward(both, x_BTC, carry, weights, lengths_B)[0]


_lstm.defvjp(_forward, _backward)


@jax.custom_jvp
def _once(arrays: Any) -> Any:
    """``arrays``, which the passes of cuDNN read: not to be differentiated (again), nor mapped over."""
    return _unmapped(arrays)


@custom_vmap
def _unmapped(arrays: Any) -> Any:
    return arrays


@_once.defjvp
def _refuse_derivatives(primals: Any, tangents: Any) -> NoReturn:
    raise ValueError("engine cudnn is differentiated once; allowed for second derivatives: engine='scan'")


@_unmapped.def_vmap
def _refuse_vmap(axis_size: int, in_batched: Any, arrays: Any) -> NoReturn:
    raise ValueError("engine cudnn is not mapped over; allowed under jax.vmap and jax.jacrev: engine='scan'")


def is_nvidia(backend: str) -> bool:
    # JAX calls the GPUs of AMD "gpu" too, whose LSTM wants the gates in another order (``rnn.swap_lstm_gates``).
    return backend == "cuda" or (backend == "gpu" and "rocm" not in jax.local_devices()[0].client.platform_version)
