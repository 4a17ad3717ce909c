"""Rematerialisation over time: what the reverse pass needs is computed again, a chunk of steps at a time."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Start, Steps

Array = jax.Array
Runner = Callable[..., tuple[Array, Carry]]


def in_chunks(engine: Runner, size: int | None = None) -> Runner:
    """``engine`` over chunks of ``size`` steps, about sqrt(T), of which the carries between chunks alone are kept.

    Memory for the reverse pass is of order sqrt(T) instead of T, for one more forward pass; values and gradients stay
    the same (Chen et al. 2016; for recurrent networks Gruslys et al. 2016).
    """

    def run(
        cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        num_steps, *batch_shape, _ = steps.x_TBC.shape
        steps_each = size or math.isqrt(max(num_steps - 1, 0)) + 1
        chunks = -(-num_steps // steps_each)
        missing = chunks * steps_each - num_steps
        if missing and steps.valid_TB is None:
            steps = steps._replace(valid_TB=jnp.ones((num_steps, *batch_shape), bool))

        def fold(a: Array) -> Array:
            # Steps that are added at the end are invalid, as padding with zeros makes them.
            return jnp.pad(a, ((0, missing), *((0, 0),) * (a.ndim - 1))).reshape(chunks, steps_each, *a.shape[1:])

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def chunk(carry: Carry, steps: Steps) -> tuple[Carry, Array]:
            y_TBD, carry = engine(cell, params, steps, carry, start, reverse=reverse)
            return carry, y_TBD

        carry, y = lax.scan(chunk, initial_carry, jax.tree.map(fold, steps), reverse=reverse)
        return y.reshape(chunks * steps_each, *y.shape[2:])[:num_steps], carry

    return run
