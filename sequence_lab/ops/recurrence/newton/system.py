"""A recurrence as one system of equations for its whole trajectory: s_t = F_t(s_{t-1}), for all t at once."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Start, Steps, noise_at, products
from sequence_lab.ops.recurrence.newton.solvers import Solver, elementwise_solver, matrix_solver
from sequence_lab.ops.recurrence.scan_plain import where

Array = jax.Array


class Now(NamedTuple):
    """What steps read that is not carried, of one step or time first of all."""

    u: Array
    valid: Array | None
    reset: Array | None
    noise: Any


class System(NamedTuple):
    """All that the trajectory is a function of. The trajectory itself is a carry with time in front."""

    params: Params
    start: Start
    initial_carry: Carry
    now: Now


def system_of(cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, reverse: bool) -> System:
    """The system, its time turned round under ``reverse``. What inputs add and training draws is found here, once."""
    x_TBC = steps.x_TBC
    batch_shape, dtype = x_TBC.shape[1:-1], x_TBC.dtype
    params = jax.tree.map(lambda array: jnp.asarray(array, dtype), params)
    noise = None
    if start.key_data is not None:
        noise = jax.vmap(lambda index: noise_at(cell, start, index, batch_shape))(steps.index_T)
    now = Now(cell.inputs(params.local, x_TBC, products(params, dtype)), steps.valid_TB, steps.reset_TB, noise)
    return System(params, start, initial_carry, jax.tree.map(lambda a: jnp.flip(a, 0), now) if reverse else now)


def transition(cell: Cell, system: System, now: Now, carry: Carry, dot: Any = None) -> tuple[Carry, Array]:
    """``(F(carry), y)`` of one step, or of all at once: rows are independent, so time is one more batch axis."""
    if now.reset is not None:
        carry = where(now.reset, system.start.carry, carry)
    dot = dot or products(system.params, now.u.dtype)
    new_carry, y = cell.step(system.params.local, carry, now.u, dot, system.start.context, now.noise)
    new_carry = jax.tree.map(lambda new, old: new.astype(old.dtype), new_carry, carry)
    y = y.astype(now.u.dtype)
    if now.valid is None:
        return new_carry, y
    return where(now.valid, new_carry, carry), where(now.valid, y, jnp.zeros_like(y))


def before(initial_carry: Carry, trajectory: Carry) -> Carry:
    """The carry that each step starts from."""
    return jax.tree.map(lambda first, s: jnp.concatenate([first[None], s])[:-1], initial_carry, trajectory)


def sequential(cell: Cell, system: System) -> Carry:
    """The trajectory, step by step."""

    def step(carry: Carry, now: Now) -> tuple[Carry, Carry]:
        return (transition(cell, system, now, carry)[0],) * 2

    return lax.scan(step, system.initial_carry, system.now)[1]


def sequential_tangent(cell: Cell, system: System, previous: Carry) -> Solver:
    """Solves x_t = J_t x_{t-1} + b_t step by step, with J_t = dF_t/ds at ``previous``."""

    def solve(b: Carry) -> Carry:
        def step(x: Carry, at: Any) -> tuple[Carry, Carry]:
            now, carry, b_t = at
            _, moved = jax.jvp(lambda carry: transition(cell, system, now, carry)[0], (carry,), (x,))
            return (jax.tree.map(jnp.add, moved, b_t),) * 2

        return lax.scan(step, jax.tree.map(jnp.zeros_like, system.initial_carry), (system.now, previous, b))[1]

    return solve


def linearised(cell: Cell, system: System, previous: Carry, jacobian: str) -> tuple[Carry, Solver]:
    """``(F(previous), solver of x_t = J_t x_{t-1} + b_t)``, J_t whole or its diagonal."""
    if jacobian == "full":
        new, J_TBnn = full_jacobian(cell, system, previous)
        solve = matrix_solver(J_TBnn)
        return new, lambda b: _parted(solve(_joined(b)), b)
    new, diagonal = diagonal_jacobian(cell, system, previous)
    return new, lambda b: jax.tree.map(lambda J, b: elementwise_solver(J)(b), diagonal, b)


def full_jacobian(cell: Cell, system: System, previous: Carry) -> tuple[Carry, Array]:
    """``(F(previous), J_TBnn)`` by one tangent for each of the n numbers of a carry, all at once."""
    new, push = jax.linearize(lambda carry: transition(cell, system, system.now, carry)[0], previous)

    def column(one: Array) -> Array:
        return _joined(push(jax.tree.map(lambda part, a: jnp.broadcast_to(part, a.shape), _parted(one, new), new)))

    size = sum(array.shape[-1] for array in jax.tree.leaves(previous))
    return new, jax.vmap(column, out_axes=-1)(jnp.eye(size, dtype=_joined(previous).dtype))


def diagonal_jacobian(cell: Cell, system: System, previous: Carry) -> tuple[Carry, Carry]:
    """``(F(previous), the diagonal of J)`` by one tangent for each array of a carry, units kept apart."""
    dot = within_units(system.params, system.now.u.dtype)
    new, push = jax.linearize(lambda carry: transition(cell, system, system.now, carry, dot)[0], previous)
    leaves, tree = jax.tree.flatten(previous)
    diagonal = []
    for index in range(len(leaves)):
        ones = [(jnp.ones_like if i == index else jnp.zeros_like)(leaf) for i, leaf in enumerate(leaves)]
        diagonal.append(jax.tree.leaves(push(jax.tree.unflatten(tree, ones)))[index])
    return new, jax.tree.unflatten(tree, diagonal)


def within_units(params: Params, dtype: Any) -> Any:
    """A ``dot`` with the value of the plain one and, as its tangent, what each unit contributes to itself.

    Let a tangent hold da_j/ds_j for each unit j. The product's column for unit j in gate g is
    p_gj = sum_i a_i U[i, gD + j], and where a_i depends on s_i alone dp_gj/ds_j = U[j, gD + j] da_j/ds_j: one number
    again. So a step that is elementwise but for such products carries the exact diagonal of its Jacobian along.
    """
    plain = products(params, dtype)

    def dot(name: str, a: Array, add: Array | None = None) -> Array:
        matrix = params.matrices[name]
        units = matrix.shape[0]
        gates = matrix.shape[1] // units
        own = jnp.diagonal(matrix.reshape(units, gates, units), axis1=0, axis2=2).reshape(-1)
        tangent = jnp.concatenate([a - lax.stop_gradient(a)] * gates, axis=-1).astype(matrix.dtype) * own
        return lax.stop_gradient(plain(name, a)) + tangent + (0 if add is None else add)

    return dot


def _joined(carry: Carry) -> Array:
    return jnp.concatenate(jax.tree.leaves(carry), axis=-1)


def _parted(vector: Array, like: Carry) -> Carry:
    leaves, tree = jax.tree.flatten(like)
    ends = [sum(leaf.shape[-1] for leaf in leaves[: i + 1]) for i in range(len(leaves) - 1)]
    parts = jnp.split(vector, ends, axis=-1)
    return jax.tree.unflatten(tree, [part.astype(leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)])
