"""Engine ``scan_plain``: one ``lax.scan`` over time, differentiated by JAX, forward mode included."""

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Start, Steps

Array = jax.Array


def scan_plain(
    cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
) -> tuple[Array, Carry]:
    """Runs ``cell`` over ``steps``; see ``engine.Engine`` for the contract.

    The input product stays inside the loop: on XLA's CPU backend hoisting it out makes the loop slower,
    because the slice of the hoisted product fuses into the pointwise part.
    """

    def dot(name: str, a: Array, add: Array | None = None) -> Array:
        product = a @ params.matrices[name]
        return product if add is None else product + add

    def step(carry: Carry, now: Steps) -> tuple[Carry, Array]:
        x_BC, valid_B, reset_B, noise = now
        if reset_B is not None:
            carry = where(reset_B, start.carry, carry)
        u = cell.inputs(params.local, x_BC, dot)
        new_carry, y_BD = cell.step(params.local, carry, u, dot, start.context, noise)
        if valid_B is None:
            return new_carry, y_BD
        return where(valid_B, new_carry, carry), where(valid_B, y_BD, jnp.zeros_like(y_BD))

    carry, y_TBD = lax.scan(step, initial_carry, steps, reverse=reverse)
    return y_TBD, carry


def where(mask_B: Array, yes: Carry, no: Carry) -> Carry:
    """Row by row ``yes`` or ``no``, in every array of a carry."""
    return jax.tree.map(lambda a, b: jnp.where(mask_B[..., None], a, b), yes, no)
