"""Engine ``scan_plain``: one ``lax.scan`` over time, differentiated by JAX, forward mode included."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Call, Start, Steps, local_parameters, noise_at, products

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class ScanPlain:
    """Any cell, differentiated by JAX; see ``engine.Engine`` for the contract.

    The input product stays inside the loop: on XLA's CPU backend hoisting it out makes the loop slower,
    because the slice of the hoisted product fuses into the pointwise part.
    """

    def refusal(self, call: Call) -> str | None:
        return None

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        dtype = steps.x_TBC.dtype
        dot = products(params, dtype)

        def step(carry: Carry, now: Steps) -> tuple[Carry, Array]:
            x_BC, valid_B, reset_B, index = now
            if reset_B is not None:
                carry = where(reset_B, start.carry, carry)
            local = local_parameters(cell, params.local, dtype)
            noise = noise_at(cell, start, index, x_BC.shape[:-1])
            new_carry, y_BD = cell.step(local, carry, cell.inputs(local, x_BC, dot), dot, start.context, noise)
            new_carry = jax.tree.map(lambda new, old: new.astype(old.dtype), new_carry, carry)
            y_BD = y_BD.astype(dtype)
            if valid_B is None:
                return new_carry, y_BD
            return where(valid_B, new_carry, carry), where(valid_B, y_BD, jnp.zeros_like(y_BD))

        carry, y_TBD = lax.scan(step, initial_carry, steps, reverse=reverse)
        return y_TBD, carry


def where(mask_B: Array, yes: Carry, no: Carry) -> Carry:
    """Row by row ``yes`` or ``no``, in every array of a carry."""
    return jax.tree.map(lambda a, b: jnp.where(mask_B[..., None], a, b), yes, no)
