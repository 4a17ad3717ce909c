"""Linear systems over time, x_t = J_t x_{t-1} + b_t with x_{-1} = 0, solved in parallel over t."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.linear import linear_recurrence

Array = jax.Array
Tree = Any
Solver = Callable[[Tree], Tree]


def elementwise_solver(J_TBn: Array) -> Solver:
    """b_TBn to x_TBn for diagonal matrices."""
    return lambda b_TBn: linear_recurrence(J_TBn, b_TBn, jnp.zeros_like(b_TBn, shape=b_TBn.shape[1:]))


def matrix_solver(J_TBnn: Array) -> Solver:
    """b_TBn to x_TBn for whole matrices: depth log T, work O(T n^3) to make the solver and O(T n^2) to use it.

    By cyclic reduction: two steps are one with J = J_{t+1} J_t, so every other step makes a system half as long. That
    is half the products of a parallel prefix sum, whose products up to each t nothing here asks for.
    """
    if J_TBnn.shape[-1] == 1:
        return elementwise_solver(J_TBnn[..., 0])
    levels = [J_TBnn]
    while len(levels[-1]) > 1:
        pairs = len(levels[-1]) // 2
        levels.append(_product(levels[-1][1::2], levels[-1][0 : 2 * pairs : 2]))

    def solve(b: Array, level: int = 0) -> Array:
        pairs, J = len(b) // 2, levels[level]
        if not pairs:
            return b
        odd = solve(_applied(J[1::2], b[0 : 2 * pairs : 2]) + b[1::2], level + 1)
        earlier = jnp.concatenate([jnp.zeros_like(b[:1]), odd])[: len(b) - pairs]
        even = _applied(J[0::2], earlier) + b[0::2]
        paired = jnp.stack([even[:pairs], odd], axis=1).reshape(2 * pairs, *b.shape[1:])
        return jnp.concatenate([paired, even[pairs:]])

    return solve


def _applied(J: Array, x: Array) -> Array:
    return (J @ x[..., None])[..., 0]


def _product(A: Array, B: Array) -> Array:
    """A @ B for many matrices; XLA's CPU backend runs small ones up to five times faster written out."""
    if A.shape[-1] > 8:
        return A @ B
    return functools.reduce(jnp.add, (A[..., :, k, None] * B[..., k, None, :] for k in range(A.shape[-1])))


def relative_error(residual: Tree, scale: Tree) -> Array:
    """The largest element of ``residual`` against the largest of ``scale`` over time, in the worst row and array."""

    def of(r: Array, s: Array) -> Array:
        r, s = (jnp.max(jnp.abs(a), axis=(0, -1), initial=0.0) for a in (r, s))
        return jnp.max(jnp.where(r == 0, 0, r / s), initial=0.0).astype(jnp.float32)

    return jnp.max(jnp.stack(jax.tree.leaves(jax.tree.map(of, residual, scale))))


def refined(
    matvec: Callable[[Tree], Tree], approximate: Solver, b: Tree, tolerance: float, max_iterations: int
) -> tuple[Tree, Array]:
    """``(x, converged)`` with matvec(x) = b, by x <- x + approximate(b - matvec(x)) from 0.

    The approximate solver leaves out a part of J that only ever leads from a step to later ones: so the error is gone
    after T iterations whatever the part, and after one where nothing is left out.
    """

    class State(NamedTuple):
        x: Tree
        residual: Tree
        error: Array
        iteration: Array

    def advance(state: State) -> State:
        x = jax.tree.map(jnp.add, state.x, approximate(state.residual))
        residual = jax.tree.map(jnp.subtract, b, matvec(x))
        return State(x, residual, relative_error(residual, x), state.iteration + 1)

    def unfinished(state: State) -> Array:
        return (state.error > tolerance) & (state.iteration < max_iterations)

    start = State(jax.tree.map(jnp.zeros_like, b), b, jnp.float32(jnp.inf), jnp.int32(0))
    end = lax.while_loop(unfinished, advance, start)
    return end.x, end.error <= tolerance
