"""Recurrence: any cell, run over time by any engine.

``cells`` holds the gate equations, ``engine`` the contract, and each further file one engine of ``ENGINES``.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.recurrence.cells import CELLS, Carry, Cell, Parameter, Params
from sequence_lab.ops.recurrence.engine import Engine, Steps
from sequence_lab.ops.recurrence.scan_plain import scan_plain

__all__ = ["CELLS", "ENGINES", "Carry", "Cell", "Engine", "Parameter", "Params", "Steps", "run"]

Array = jax.Array

ENGINES: Mapping[str, Engine] = {"scan_plain": scan_plain}


def run(
    cell: Cell,
    params: Params,
    x_BTC: Array,
    lengths_B: Array | None = None,
    initial_carry: Carry = None,
    *,
    reverse: bool = False,
    engine: str = "auto",
) -> tuple[Array, Carry]:
    """Runs ``cell`` over a batch of padded sequences: ``(y_BTD, carry)``.

    Args:
      cell: gate equations.
      params: its arrays, in the type to compute in.
      x_BTC: inputs; any number of batch axes.
      lengths_B: real steps per row, or None. Padding is neither read nor waited for: the carry that comes
        back is the one after each row's last real step (its first one under ``reverse``), the initial one for
        length 0.
      initial_carry: as ``cell.initial_carry`` makes it, or None for that one.
      reverse: from each row's last real step to its first.
      engine: a name in ``ENGINES``, or "auto".

    Raises:
      ValueError: an unknown engine, a carry of another type or shape than the cell's, lengths not one a row.
    """
    if engine not in ("auto", *ENGINES):
        raise ValueError(f"engine is {engine!r}; allowed: auto, {', '.join(ENGINES)}")
    batch_shape, num_steps = x_BTC.shape[:-2], x_BTC.shape[-2]
    masking.check_lengths(lengths_B, batch_shape)
    carry = _checked_carry(cell, initial_carry, batch_shape, x_BTC.dtype)
    valid_BT = None if lengths_B is None else masking.length_mask(lengths_B, num_steps)
    steps = Steps(
        x_TBC=jnp.moveaxis(masking.zero_padding(x_BTC, lengths_B), -2, 0),
        valid_TB=None if valid_BT is None else jnp.moveaxis(valid_BT, -1, 0),
    )
    chosen = ENGINES["scan_plain" if engine == "auto" else engine]
    y_TBD, carry = chosen(cell, params, steps, carry, reverse=reverse)
    return jnp.moveaxis(y_TBD, 0, -2), carry


def _checked_carry(cell: Cell, given: Carry, batch_shape: tuple[int, ...], dtype: Any) -> Carry:
    """``given``, or the cell's own where it is None, in ``dtype``."""
    own = cell.initial_carry(batch_shape, dtype)
    if given is None:
        return own
    shapes, own_shapes = jax.tree.map(jnp.shape, given), jax.tree.map(jnp.shape, own)
    if type(given) is not type(own) or shapes != own_shapes:
        raise ValueError(f"initial_carry has shapes {shapes}; {type(cell).__name__} needs {own_shapes}")
    return jax.tree.map(lambda array, like: array.astype(like.dtype), given, own)
