"""Cells whose memory is an elementwise linear recurrence: what engines that solve all steps at once can run."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.cells.cell import Carry, Cell, CellOptions, Dot, Local, plus, zoneout

Array = jax.Array
State = Any


@runtime_checkable
class LinearCell(Cell, Protocol):
    """A cell whose ``step`` is after = a * before + b, elementwise in a state, and then y.

    ``coefficients`` and ``outputs`` treat every step alone: they are given one or, with a leading axis, many.
    """

    @property
    def delay(self) -> int:
        """How many steps back they look by way of ``before``, which for 0 is not read and may be None.

        They read only parts of it in which what was is gone after so many steps, as in a window over past inputs: so
        many rounds, from anything, settle those.
        """

    def state(self, carry: Carry) -> State:
        """The arrays that the recurrence is linear in, complex where need be."""

    def carry(self, state: State) -> Carry:
        """The inverse of ``state``."""

    def coefficients(self, local: Local, before: State, u: Array, noise: Any) -> tuple[State, State]:
        """(a, b), in float32 at least; a may lack leading axes, and None stands for 0."""

    def outputs(self, local: Local, before: State, after: State, u: Array, dot: Dot) -> Array:
        """y from the states before and after the step."""


class StateCarry(NamedTuple):
    """The carry of cells that put out something else than their memory c."""

    c: Array


@dataclasses.dataclass(frozen=True)
class LinearOptions(CellOptions):
    """The options of every linear cell, and its step.

    There are no products with what was: so nothing of recurrent matrices, and what training may disturb is zoneout.

    Attributes: those of ``CellOptions``, and
      zoneout: probability that a unit's memory stays as it was (Krueger et al. 2017); its expectation outside training.
    """

    _: dataclasses.KW_ONLY
    zoneout: float = 0.0

    @property
    def delay(self) -> int:
        return 0

    def state(self, carry: Carry) -> State:
        return carry

    def carry(self, state: State) -> Carry:
        return state

    def noise(self, key: Array, batch_shape: tuple[int, ...]) -> Array | None:
        return zoneout(key, self.zoneout, (*batch_shape, self.features))

    def step(
        self: LinearCell, local: Local, carry: Carry, u: Array, dot: Dot, context: None = None, noise: Any = None
    ) -> tuple[Carry, Array]:
        before = self.state(carry)
        a, b = self.coefficients(local, before, u, noise)
        after = jax.tree.map(lambda b, a, h: b if a is None else a * h + b, b, a, before)
        return self.carry(after), self.outputs(local, before, after, u, dot)

    def zoned(self, a: Array, b: Array, keep: Array | None) -> tuple[Array, Array]:
        """a and b under zoneout, ``zoned`` of what they give: 1 and 0 where the old value is kept."""
        if not self.zoneout:
            return a, b
        if keep is None:
            return self.zoneout + (1 - self.zoneout) * a, (1 - self.zoneout) * b
        return jnp.where(keep, 1, a), jnp.where(keep, 0, b)


def gates(local: Local, u: Array, count: int) -> list[Array]:
    """So many blocks of u with their biases, in float32 at least: a gate near 1 is how long memory lasts."""
    return jnp.split(plus(wide(u), local, "bias"), count, axis=-1)


def wide(x: Array) -> Array:
    """x in float32 at least."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
