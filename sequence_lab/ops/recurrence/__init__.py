"""Recurrence: any cell, run over time by any engine.

``cells`` holds the gate equations, ``initializers`` how their matrices start, ``engine`` the contract of an engine, and
each further file an engine, one of ``ENGINES`` in ``choice``; or, as ``remat``, a way to run any of them.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.recurrence.cells import CELLS, Carry, Cell, Parameter, Params
from sequence_lab.ops.recurrence.choice import ENGINES, chosen_engine, explain
from sequence_lab.ops.recurrence.cudnn import CuDNN, lstm_stack
from sequence_lab.ops.recurrence.engine import Call, Engine, Start, Steps
from sequence_lab.ops.recurrence.remat import in_chunks

__all__ = [
    "CELLS",
    "ENGINES",
    "Call",
    "Carry",
    "Cell",
    "CuDNN",
    "Engine",
    "Parameter",
    "Params",
    "Start",
    "Steps",
    "carry_dtype",
    "checked_carry",
    "engine_for",
    "explain_engine",
    "lstm_stack",
    "run",
]

Array = jax.Array


def run(
    cell: Cell,
    params: Params,
    x_BTC: Array,
    lengths_B: Array | None = None,
    initial_carry: Carry = None,
    *,
    resets_BT: Array | None = None,
    start_carry: Carry = None,
    key: Array | None = None,
    reverse: bool = False,
    remat: bool = False,
    engine: str | Engine = "auto",
) -> tuple[Array, Carry]:
    """Runs ``cell`` over a batch of padded sequences: ``(y_BTD, carry)``.

    Args:
      cell: gate equations.
      params: its arrays; their gradients are summed in their type.
      x_BTC: inputs, in the type to compute in; any number of batch axes.
      lengths_B: real steps per row, or None. Padding is neither read nor waited for: the carry that comes
        back is the one after each row's last real step (its first one under ``reverse``), the initial one for
        length 0.
      initial_carry: as ``cell.initial_carry`` makes it, or None for ``start_carry``.
      resets_BT: True where a new sequence starts within a row (several packed into one): the cell starts again from
        ``start_carry`` there, in either direction. A row's first step need not be marked.
      start_carry: the carry of a new sequence, or None for ``cell.initial_carry``, zeros.
      key: of the noise of training (zoneout, recurrent dropout, DropConnect), or None for none.
      reverse: from each row's last real step to its first.
      remat: compute again in the reverse pass instead of keeping: memory of order sqrt(T), see ``remat``.
      engine: a name in ``ENGINES``, an engine with options of its own, "auto", or "tuned": the fastest
        on this machine of those that are right to rounding and can do all that others can (not newton, not cudnn),
        timed once for each cell and class of shapes. ``explain_engine`` tells what these choose.

    Raises:
      ValueError: an unknown engine or one that cannot run the call, a carry of another type or shape than the cell's,
        lengths not one a row, resets that are not booleans, one for every step.
    """
    batch_shape, num_steps = x_BTC.shape[:-2], x_BTC.shape[-2]
    chosen = engine_for(
        cell, x_BTC, lengths_B, resets_BT=resets_BT, key=key, reverse=reverse, remat=remat, engine=engine
    )
    lengths_B = masking.checked_lengths(lengths_B, batch_shape, num_steps)
    own_carry = checked_carry(cell, start_carry, cell.initial_carry(batch_shape, carry_dtype(x_BTC.dtype)))
    carry = checked_carry(cell, initial_carry, own_carry)
    valid_BT = None if lengths_B is None else masking.length_mask(lengths_B, num_steps)
    steps = Steps(
        x_BTC, valid_BT, None if resets_BT is None else _resets(resets_BT, valid_BT, x_BTC.shape[:-1], reverse)
    )
    start = Start(own_carry)
    if key is not None:
        weights_key, context_key, steps_key = jax.random.split(key, 3)
        params = cell.thinned(params, weights_key)
        start = Start(own_carry, cell.context(context_key, batch_shape, x_BTC.dtype), jax.random.key_data(steps_key))
        steps = steps._replace(index_T=jnp.arange(num_steps))
    batch_first = functools.partial(_batch_first, chosen)
    step_through = in_chunks(batch_first, time_axis=len(batch_shape)) if remat else batch_first
    return step_through(cell, params, steps, carry, start, reverse=reverse)


def _batch_first(
    engine: Engine,
    cell: Cell,
    params: Params,
    steps_BT: Steps,
    initial_carry: Carry,
    start: Start,
    *,
    reverse: bool,
) -> tuple[Array, Carry]:
    """``engine``, given steps and giving outputs whose time comes after the batch, whatever the padding holds."""
    x_BTC, valid_BT, reset_BT, index_T = steps_BT
    if valid_BT is not None:
        x_BTC = jnp.where(valid_BT[..., None], x_BTC, 0)
    valid_TB, reset_TB = jax.tree.map(lambda mask: jnp.moveaxis(mask, -1, 0), (valid_BT, reset_BT))
    steps = Steps(jnp.moveaxis(x_BTC, -2, 0), valid_TB, reset_TB, index_T)
    y_TBD, carry = engine(cell, params, steps, initial_carry, start, reverse=reverse)
    return jnp.moveaxis(y_TBD, 0, -2), carry


def engine_for(
    cell: Cell,
    x_BTC: Array | jax.ShapeDtypeStruct,
    lengths_B: Array | None = None,
    *,
    resets_BT: Array | None = None,
    key: Array | None = None,
    reverse: bool = False,
    remat: bool = False,
    engine: str | Engine = "auto",
) -> Engine:
    """The engine that ``run`` takes for these arguments, and its errors."""
    return chosen_engine(engine, _call(cell, x_BTC, lengths_B, resets_BT, key, reverse, remat))


def explain_engine(
    cell: Cell,
    x_BTC: Array | jax.ShapeDtypeStruct,
    lengths_B: Array | None = None,
    *,
    resets_BT: Array | None = None,
    key: Array | None = None,
    reverse: bool = False,
    remat: bool = False,
    engine: str | Engine = "auto",
) -> str:
    """Which engine ``run`` takes for these arguments, and why not each of the others: one line each.

    Raises:
      ValueError: an unknown engine, or what is no cell.
    """
    return explain(engine, _call(cell, x_BTC, lengths_B, resets_BT, key, reverse, remat))


def carry_dtype(dtype: Any) -> Any:
    """The type of carries where ``dtype`` is computed in: they are sums over time, in float32 at least."""
    return jnp.promote_types(dtype, jnp.float32)


def _call(
    cell: Cell,
    x_BTC: Array | jax.ShapeDtypeStruct,
    lengths_B: Array | None,
    resets_BT: Array | None,
    key: Array | None,
    reverse: bool,
    remat: bool,
) -> Call:
    if not hasattr(cell, "is_unitwise"):
        raise ValueError(
            f"cell is {type(cell).__name__}; allowed: a cell, such as LSTMCell(...), or a layer's own, .cell"
        )
    return Call(
        cell,
        x_BTC.shape[:-2],
        num_steps=x_BTC.shape[-2],
        in_features=x_BTC.shape[-1],
        dtype=x_BTC.dtype,
        backend=jax.default_backend(),
        has_lengths=lengths_B is not None,
        has_resets=resets_BT is not None,
        is_noisy=key is not None,
        reverse=reverse,
        remat=remat,
    )


def checked_carry(cell: Cell, given: Carry, own: Carry) -> Carry:
    """``given`` in the type of ``own``, or ``own`` where it is None. Raises ValueError where they are not alike."""
    if given is None:
        return own
    shapes, own_shapes = jax.tree.map(jnp.shape, given), jax.tree.map(jnp.shape, own)
    if type(given) is not type(own) or shapes != own_shapes:
        raise ValueError(f"initial_carry has shapes {shapes}; {type(cell).__name__} needs {own_shapes}")
    return jax.tree.map(lambda array, like: jnp.asarray(array, like.dtype), given, own)


def _resets(resets_BT: Array, valid_BT: Array | None, shape: tuple[int, ...], reverse: bool) -> Array:
    """Where to start again: under ``reverse`` at each sequence's last step, one before the next starts."""
    resets_BT = jnp.asarray(resets_BT)
    if resets_BT.shape != shape or resets_BT.dtype != bool:
        raise ValueError(
            f"resets have shape {resets_BT.shape} and type {resets_BT.dtype}; allowed: {shape} and bool, one for "
            "every step"
        )
    resets_BT = resets_BT if valid_BT is None else resets_BT & valid_BT
    if reverse:
        resets_BT = jnp.concatenate([resets_BT[..., 1:], jnp.zeros_like(resets_BT[..., :1])], axis=-1)
    return resets_BT
