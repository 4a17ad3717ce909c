"""Rematerialisation over time: what the reverse pass needs is computed again, a chunk of steps at a time."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Given, Inputs, Start, Steps, joined, parted, without_forward_mode

Array = jax.Array
Runner = Callable[..., tuple[Array, Carry]]


def in_chunks(runner: Runner, size: int | None = None, time_axis: int = 0) -> Runner:
    """``runner`` over chunks of ``size`` steps, about sqrt(T), of which the carries between chunks alone are kept.

    Memory for the reverse pass is of order sqrt(T) instead of T, for one more forward pass; values and gradients stay
    the same (Chen et al. 2016; for recurrent networks Gruslys et al. 2016). Chunks are cut from the inputs where they
    lie, and outputs and gradients written to where they belong: nothing of length T is copied, unless T is to be
    filled up to whole chunks. There is no forward mode, which keeps nothing anyway.

    Args:
      runner: an engine, or what else takes and gives the same, with time at ``time_axis``.
      size: steps of a chunk; None for the first number from sqrt(T) to its double that divides T, or sqrt(T).
      time_axis: of inputs, masks and outputs.
    """

    def run(
        cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        num_steps = steps.x_TBC.shape[time_axis]
        # While it is being exported, with any number of steps, that is no int; and nothing is kept.
        each = (size or _about_root(num_steps)) if isinstance(num_steps, int) else num_steps
        if each >= num_steps:
            return runner(cell, params, steps, initial_carry, start, reverse=reverse)
        steps = _filled_up(steps, -num_steps % each, time_axis)
        how = Chunks(runner, cell, each, time_axis, reverse)
        with without_forward_mode(
            "steps that are computed again (remat, or the engine associative in chunks) have no forward mode; "
            "allowed for jvp and jacfwd: scan_plain without remat"
        ):
            y, carry = _run(how, *parted(params, steps, initial_carry, start))
        return lax.slice_in_dim(y, 0, num_steps, axis=time_axis), carry

    return run


@dataclasses.dataclass(frozen=True)
class Chunks:
    """How to run a chunk, and where it lies."""

    runner: Runner
    cell: Cell
    size: int
    time_axis: int
    reverse: bool

    def cut(self, array: Array, number: Array) -> Array:
        axis = min(self.time_axis, array.ndim - 1)  # the numbers of the steps have no other
        return lax.dynamic_slice_in_dim(array, number * self.size, self.size, axis)

    def put(self, whole: Array, number: Array, chunk: Array) -> Array:
        return lax.dynamic_update_slice_in_dim(whole, chunk, number * self.size, self.time_axis)

    def vjp(self, number: Array, inputs: Inputs, given: Given) -> tuple[tuple[Array, Carry], Any]:
        """Outputs and carry of one chunk, and the function from their cotangents to those of its inputs."""
        valid, reset, index = jax.tree.map(lambda a: self.cut(a, number), given[:3])
        given = Given(valid, reset, index, given.context, given.key_data)

        def run(inputs: Inputs) -> tuple[Array, Carry]:
            return self.runner(self.cell, *joined(inputs, given), reverse=self.reverse)

        return jax.vjp(run, inputs._replace(x_TBC=self.cut(inputs.x_TBC, number)))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(how: Chunks, inputs: Inputs, given: Given) -> tuple[Array, Carry]:
    return _forward(how, inputs, given)[0]


def _forward(how: Chunks, inputs: Inputs, given: Given) -> tuple[tuple[Array, Carry], Any]:
    def step(state: tuple[Array, Carry], number: Array) -> tuple[tuple[Array, Carry], Carry]:
        y, carry = state
        # Its vjp is not used, but lets the engine be differentiated forward in reverse, as a second derivative does.
        (y_now, new_carry), _ = how.vjp(number, inputs._replace(initial_carry=carry), given)
        return (how.put(y, number, y_now), new_carry), carry

    numbers = jnp.arange(inputs.x_TBC.shape[how.time_axis] // how.size)
    features = jax.eval_shape(lambda: how.vjp(numbers[0], inputs, given)[0][0]).shape[-1]
    y = jnp.zeros((*inputs.x_TBC.shape[:-1], features), inputs.x_TBC.dtype)
    out, carries = lax.scan(step, (y, inputs.initial_carry), numbers, reverse=how.reverse)
    return out, (inputs, given, carries)


def _backward(how: Chunks, saved: Any, cotangents: tuple[Array, Carry]) -> tuple[Inputs, None]:
    inputs, given, carries = saved
    ct_y, ct_carry = cotangents

    def step(ct: Inputs, now: tuple[Array, Carry]) -> tuple[Inputs, None]:
        number, carry = now
        _, pull = how.vjp(number, inputs._replace(initial_carry=carry), given)
        (own,) = pull((how.cut(ct_y, number), ct.initial_carry))
        params, start_carry = jax.tree.map(jnp.add, (ct.params, ct.start_carry), (own.params, own.start_carry))
        return Inputs(params, how.put(ct.x_TBC, number, own.x_TBC), own.initial_carry, start_carry), None

    numbers = jnp.arange(ct_y.shape[how.time_axis] // how.size)
    first = jax.tree.map(jnp.zeros_like, inputs)._replace(initial_carry=ct_carry)
    return lax.scan(step, first, (numbers, carries), reverse=not how.reverse)[0], None


_run.defvjp(_forward, _backward)


def _about_root(num_steps: int) -> int:
    root = math.isqrt(max(num_steps - 1, 0)) + 1
    return next((size for size in range(root, min(2 * root, num_steps)) if num_steps % size == 0), root)


def _filled_up(steps: Steps, missing: int, time_axis: int) -> Steps:
    """Some more steps at the end, which are invalid, as padding with zeros makes them."""
    if not missing:
        return steps
    if steps.valid_TB is None:
        steps = steps._replace(valid_TB=jnp.ones(steps.x_TBC.shape[:-1], bool))

    def fill(array: Array) -> Array:
        widths = [(0, 0)] * array.ndim
        widths[min(time_axis, array.ndim - 1)] = (0, missing)
        return jnp.pad(array, widths)

    return jax.tree.map(fill, steps)
