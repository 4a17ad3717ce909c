"""What every engine is: a way to run any cell over time."""

from typing import Any, NamedTuple, Protocol

import jax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params

Array = jax.Array


class Steps(NamedTuple):
    """The steps of time to run, time first; None is static and compiles its branch away.

    ``valid_TB`` is True where a step is real, ``reset_TB`` where the cell starts again from ``Start.carry`` before a
    real step, and ``noise_T`` is what ``cell.noise`` drew for every step.
    """

    x_TBC: Array
    valid_TB: Array | None = None
    reset_TB: Array | None = None
    noise_T: Any = None


class Start(NamedTuple):
    """What is there before the first step: the carry of a new sequence, and ``cell.context``."""

    carry: Carry
    context: Any = None


class Engine(Protocol):
    """``(cell, params, steps, initial_carry, start) -> (y_TBD, carry)``.

    An engine alone handles time, masks, resets and direction. An invalid step holds the carry and puts out zeros;
    since padding is last, running backwards (``reverse``) needs no flip: the carry waits until the last real
    step. Every engine agrees with a Python loop over ``cell.step`` to rounding, in value and in gradient.
    """

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]: ...
