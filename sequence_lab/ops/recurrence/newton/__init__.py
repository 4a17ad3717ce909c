"""Engine ``newton``: non-linear cells in parallel over time."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import Call, Start, Steps
from sequence_lab.ops.recurrence.newton.solvers import Solver, refined, relative_error
from sequence_lab.ops.recurrence.newton.system import (
    System,
    before,
    linearised,
    sequential,
    sequential_tangent,
    system_of,
    transition,
)

Array = jax.Array

JACOBIANS = ("full", "diagonal")


class Diagnostics(NamedTuple):
    """How the iterations went, as scalars.

    ``residual`` is that of the states the last iteration started from, as ``Newton.tolerance`` measures it. Where
    ``converged`` is False it was given up, and the states were computed step by step.
    """

    iterations: Array
    residual: Array
    converged: Array


@dataclasses.dataclass(frozen=True)
class Newton:
    """Any cell, by Newton's method on all states at once; see ``engine.Engine`` for the contract.

    The states s_t = F_t(s_{t-1}) of all steps are one system of equations (DEER: Lim et al. 2024). From zeros on, each
    iteration linearises every step about the last trajectory s and solves the linear recurrence that comes of it,

        s'_t = F_t(s_{t-1}) + c_t,  c_t = J_t (s'_{t-1} - s_{t-1}),

    in parallel over t. With the diagonal of J_t alone (quasi-DEER: Gonzalez et al. 2024) an iteration is elementwise
    but for the products of F; there are more of them; what they converge to is the same.

    The correction c_t is cut to the largest F_t(s_{t-1}) of its row, divided by ``damping``: however fast products of
    J_t grow, no iterate lies further than that from a value of the cell. The solution stays the only fixed point, and
    after k iterations the first k steps are exact, whatever the others do; so, while numbers stay finite, T iterations
    always suffice, and one more to see it (Gonzalez et al. 2024 on those without damping). What does grow now and then
    on the way is the residual: a line search that forbids this gave up where no damping at all converged. This takes
    the place of their ELK, which damps by a Kalman smoother.

    Where the iterations do not converge, the states are computed step by step: the result is right for every cell, and
    parallel for cells that forget where they started. Chaotic ones do not converge. One row that does not converge
    sends its whole batch that way. Under ``vmap`` both ways are computed always: right, but slower than a scan.

    Derivatives of every order, forward mode included, are those of the equations at their solution (the implicit
    function theorem): a linear recurrence again, solved by the same means to the same tolerance, or step by step. The
    tolerance is relative to the largest of a row, so "diagonal" does not tell how far a gradient vanishes over time.

    Whole Jacobians take T n^2 numbers a row, for n numbers in a carry, and O(T n^3) work an iteration; diagonal ones
    O(T n) and the products of F. Both do the work of a scan several times over, to do it in fewer and larger pieces:
    that pays where steps are many, each is too small to keep the processor busy, and n is small.

    On two CPU cores it wins for a single, very long row of four to eight units, forward and backward, and there only
    as a process starts, where XLA hands each step of a small reverse loop to its threads; under the set-up of
    ``launch.py``, where it does not, ``scan`` is quicker everywhere. Its time over that of ``scan`` for a GRU that has
    not been trained, float32, in either (``benchmarks/run.py newton``); forward alone it takes 2.4 to 151 times as
    long. On accelerators nothing was measured.

    =====  =====  ========  ==========  ==========
    batch  steps  features  full        diagonal
    =====  =====  ========  ==========  ==========
        1   1000         1  1.79, 1.37  1.86, 1.28
        1  16384         1  1.99, 2.03  1.78, 1.81
        1  16384         2  4.38, 3.87  4.32, 3.69
        1  16384         4  0.88, 4.16  0.67, 3.50
        1  16384         8  0.79, 5.29  0.64, 4.56
        1   1000        16  2.07, 6.73  1.58, 5.13
        8   1000        64  57.9, 41.7  6.04, 3.94
    =====  =====  ========  ==========  ==========

    Attributes:
      jacobian: "full", or "diagonal", for cells that are ``is_unitwise``.
      damping: 0 for none, as published; more of it, and the iterations become those of Jacobi, s'_t = F_t(s_{t-1}).
      tolerance: largest residual F_t(s_{t-1}) - s_t allowed, relative to the largest state of the same row and array of
        the carry; None for 32 units of rounding in the type of the inputs. It settles at about 5 of them.
      max_iterations: before it is given up.
    """

    jacobian: str = "full"
    damping: float = 1.0
    tolerance: float | None = None
    max_iterations: int = 100

    def __post_init__(self) -> None:
        if self.jacobian not in JACOBIANS:
            raise ValueError(f"jacobian is {self.jacobian!r}; allowed: {', '.join(JACOBIANS)}")
        if not self.damping >= 0:
            raise ValueError(f"damping is {self.damping}; allowed: 0 or more")
        if self.tolerance is not None and not 0 < self.tolerance < np.inf:
            raise ValueError(f"tolerance is {self.tolerance}; allowed: a finite number above 0, or None")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations is {self.max_iterations}; allowed: 1 or more")

    def refusal(self, call: Call) -> str | None:
        if jnp.dtype(call.dtype).itemsize < 4:
            return f"steps in {jnp.dtype(call.dtype).name} are too coarse for their residual to vanish"
        if self.jacobian == "diagonal" and not call.cell.is_unitwise:
            return "units of its cell meet outside of products with the carry: the Jacobian's diagonal costs all of it"
        return None

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        y_TBD, carry, _ = self.solve(cell, params, steps, initial_carry, start, reverse=reverse)
        return y_TBD, carry

    def solve(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry, Diagnostics]:
        """What the engine returns, and how the iterations went."""
        system = system_of(cell, params, steps, initial_carry, start, reverse)
        trajectory, diagnostics = _trajectory(self, cell, system)
        new_carries, y_TBD = transition(cell, system, system.now, before(initial_carry, trajectory))
        last = jax.tree.map(lambda first, s: jnp.concatenate([first[None], s])[-1], initial_carry, new_carries)
        return jnp.flip(y_TBD, 0) if reverse else y_TBD, last, diagnostics


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _trajectory(options: Newton, cell: Cell, system: System) -> tuple[Carry, Diagnostics]:
    """The carries after every step, time first."""
    tolerance = _tolerance(options, system)

    class State(NamedTuple):
        trajectory: Carry
        residual: Array
        iteration: Array

    def advance(state: State) -> State:
        new, solve = linearised(cell, system, before(system.initial_carry, state.trajectory), options.jacobian)
        residual = jax.tree.map(jnp.subtract, new, state.trajectory)
        corrections = jax.tree.map(jnp.subtract, solve(residual), residual)
        if options.damping:
            corrections = jax.tree.map(functools.partial(_bounded, options.damping), corrections, new)
        trajectory = jax.tree.map(jnp.add, new, corrections)
        return State(trajectory, relative_error(residual, new), state.iteration + 1)

    def unfinished(state: State) -> Array:
        return (state.residual > tolerance) & (state.iteration < options.max_iterations)

    num_steps = system.now.u.shape[0]
    guess = jax.tree.map(lambda first: jnp.zeros((num_steps, *first.shape), first.dtype), system.initial_carry)
    end = lax.while_loop(unfinished, advance, State(guess, jnp.float32(jnp.inf), jnp.int32(0)))
    converged = end.residual <= tolerance
    trajectory = lax.cond(converged, lambda: end.trajectory, lambda: sequential(cell, system))
    return trajectory, Diagnostics(end.iteration, end.residual, converged)


@_trajectory.defjvp
def _trajectory_tangent(options: Newton, cell: Cell, primals: Any, tangents: Any) -> Any:
    (system,) = primals
    trajectory, diagnostics = _trajectory(options, cell, system)
    previous = before(system.initial_carry, trajectory)

    def new(system: System, trajectory: Carry) -> Carry:
        return transition(cell, system, system.now, before(system.initial_carry, trajectory))[0]

    _, direct = jax.jvp(lambda system: new(system, trajectory), (system,), tangents)
    _, push = jax.linearize(lambda trajectory: new(system, trajectory), trajectory)

    def matvec(tangent: Carry) -> Carry:
        return jax.tree.map(jnp.subtract, tangent, push(tangent))

    def solve(matvec: Any, b: Carry, turned: Any) -> Carry:
        def in_parallel() -> tuple[Carry, Array]:
            _, approximate = linearised(cell, system, previous, options.jacobian)
            return refined(matvec, turned(approximate), b, _tolerance(options, system), options.max_iterations)

        step_by_step = turned(sequential_tangent(cell, system, previous))
        x, solved = lax.cond(diagnostics.converged, in_parallel, lambda: (b, jnp.bool(False)))
        return lax.cond(solved, lambda: x, lambda: step_by_step(b))

    tangent = lax.custom_linear_solve(
        matvec,
        direct,
        lambda matvec, b: solve(matvec, b, lambda solver: solver),
        lambda vecmat, b: solve(vecmat, b, _transposed),
    )
    return (trajectory, diagnostics), (tangent, jax.tree.map(_no_tangent, diagnostics))


def _tolerance(options: Newton, system: System) -> float:
    return options.tolerance or 32 * float(jnp.finfo(system.now.u.dtype).eps)


def _bounded(damping: float, correction: Array, new: Array) -> Array:
    """``correction`` cut to 1 / damping times the largest state of its row; what overflowed is left out."""
    radius = jnp.max(jnp.abs(new), axis=(0, -1), keepdims=True, initial=0.0) / damping
    return jnp.where(jnp.isnan(correction), 0, jnp.clip(correction, -radius, radius))


def _transposed(solver: Solver) -> Solver:
    return lambda b: jax.linear_transpose(solver, b)(b)[0]


def _no_tangent(array: Array) -> Any:
    """The zero tangent of a number that counts or tells."""
    if jnp.issubdtype(array.dtype, jnp.inexact):
        return jnp.zeros_like(array)
    return np.zeros(array.shape, jax.dtypes.float0)
