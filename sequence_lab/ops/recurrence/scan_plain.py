"""Engine ``scan_plain``: one ``lax.scan`` over time, differentiated by JAX, forward mode included."""

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Steps

Array = jax.Array


def scan_plain(
    cell: Cell, params: Params, steps: Steps, initial_carry: Carry, *, reverse: bool = False
) -> tuple[Array, Carry]:
    """Runs ``cell`` over ``steps``; see ``engine.Engine`` for the contract.

    The input product stays inside the loop: on XLA's CPU backend hoisting it out makes the loop slower,
    because the slice of the hoisted product fuses into the pointwise part.
    """

    def dot(name: str, a: Array, add: Array | None = None) -> Array:
        product = a @ params.matrices[name]
        return product if add is None else product + add

    def step(carry: Carry, x_valid: tuple[Array, Array | None]) -> tuple[Carry, Array]:
        x_BC, valid_B = x_valid
        new_carry, y_BD = cell.step(params.local, carry, cell.inputs(params.local, x_BC, dot), dot)
        if valid_B is None:
            return new_carry, y_BD
        keep = valid_B[..., None]
        held = jax.tree.map(lambda new, old: jnp.where(keep, new, old), new_carry, carry)
        return held, jnp.where(keep, y_BD, jnp.zeros((), y_BD.dtype))

    carry, y_TBD = lax.scan(step, initial_carry, (steps.x_TBC, steps.valid_TB), reverse=reverse)
    return y_TBD, carry
