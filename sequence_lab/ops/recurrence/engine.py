"""What every engine is: a way to run any cell over time."""

from typing import NamedTuple, Protocol

import jax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params

Array = jax.Array


class Steps(NamedTuple):
    """The steps of time to run, time first.

    ``valid_TB`` is True where a step is real; None (every step is) is static and compiles the masks away.
    """

    x_TBC: Array
    valid_TB: Array | None = None


class Engine(Protocol):
    """``(cell, params, steps, initial_carry) -> (y_TBD, carry)``.

    An engine alone handles time, masks and direction. An invalid step holds the carry and puts out zeros;
    since padding is last, running backwards (``reverse``) needs no flip: the carry waits until the last real
    step. Every engine agrees with a Python loop over ``cell.step`` to rounding, in value and in gradient.
    """

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, *, reverse: bool = False
    ) -> tuple[Array, Carry]: ...
