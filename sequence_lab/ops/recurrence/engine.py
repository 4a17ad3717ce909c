"""What every engine is: a way to run any cell over time."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.cells import Carry, Cell, Dot, LinearCell, Local, Params

Array = jax.Array


class Steps(NamedTuple):
    """The steps of time to run, time first; None is static and compiles its branch away.

    ``valid_TB`` is True where a step is real, ``reset_TB`` where the cell starts again from ``Start.carry`` before a
    real step, and ``index_T`` is the number of each step, from which ``noise_at`` draws.
    """

    x_TBC: Array
    valid_TB: Array | None = None
    reset_TB: Array | None = None
    index_T: Array | None = None


class Start(NamedTuple):
    """What is there before the first step: the carry of a new sequence, ``cell.context``, and the key of the noise."""

    carry: Carry
    context: Any = None
    key_data: Array | None = None


def noise_at(cell: Cell, start: Start, index: Any, batch_shape: tuple[int, ...]) -> Any:
    """The noise of one step, or None outside training.

    It is drawn where it is used: kept for all steps it would need memory of order T. What is drawn for a step does not
    depend on how many there are.
    """
    if start.key_data is None:
        return None
    return cell.noise(jax.random.fold_in(jax.random.wrap_key_data(start.key_data), index), batch_shape)


class Inputs(NamedTuple):
    """What of a call there is a gradient for."""

    params: Params
    x_TBC: Array
    initial_carry: Carry
    start_carry: Carry


class Given(NamedTuple):
    """What of a call there is none for: masks, and what training draws."""

    valid_TB: Array | None
    reset_TB: Array | None
    index_T: Array | None
    context: Any
    key_data: Array | None

    def noise(self, cell: Cell, index: Any, batch_shape: tuple[int, ...]) -> Any:
        return noise_at(cell, Start(None, self.context, self.key_data), index, batch_shape)


def parted(params: Params, steps: Steps, initial_carry: Carry, start: Start) -> tuple[Inputs, Given]:
    """The arguments of an engine by whether they have a gradient, as a reverse pass of one's own wants them."""
    inputs = Inputs(params, steps.x_TBC, initial_carry, start.carry)
    return inputs, Given(*steps[1:], start.context, start.key_data)


def joined(inputs: Inputs, given: Given) -> tuple[Params, Steps, Carry, Start]:
    """The arguments of an engine again."""
    valid_TB, reset_TB, index_T, context, key_data = given
    steps = Steps(inputs.x_TBC, valid_TB, reset_TB, index_T)
    return inputs.params, steps, inputs.initial_carry, Start(inputs.start_carry, context, key_data)


@contextlib.contextmanager
def without_forward_mode(message: str) -> Iterator[None]:
    """Says ``message`` where JAX would say that a reverse pass of one's own has no forward mode."""
    try:
        yield
    except TypeError as error:
        if "forward-mode" not in str(error):
            raise
        raise TypeError(message) from error


def multiplied(a: Array, matrix: Array) -> Array:
    """Their product in the type of ``a``."""
    return a @ matrix.astype(a.dtype)


def products(params: Params, dtype: Any, product: Callable[[Array, Array], Array] = multiplied) -> Dot:
    """The ``dot`` that multiplies at once, in ``dtype``."""

    def dot(name: str, a: Array, add: Array | None = None) -> Array:
        total = product(a.astype(dtype), params.matrices[name])
        return total if add is None else total + add

    return dot


def local_parameters(cell: Cell, local: Local, dtype: Any) -> Local:
    """``Params.local`` to compute with: in ``dtype``, those of a linear cell in float32 at least.

    They say how long its memory lasts: bfloat16 cannot tell a factor of 0.999 from 1, nor keep an angle for 100 steps.
    """
    dtype = jnp.promote_types(dtype, jnp.float32) if isinstance(cell, LinearCell) else dtype
    return jax.tree.map(lambda array: array.astype(dtype), local)


class Call(NamedTuple):
    """What is known of a call before it runs: enough to say which engines can run it, and to choose among them."""

    cell: Cell
    batch_shape: tuple[int, ...]
    num_steps: int
    in_features: int
    dtype: Any
    backend: str
    has_lengths: bool = False
    has_resets: bool = False
    is_noisy: bool = False
    reverse: bool = False
    remat: bool = False


class Engine(Protocol):
    """``(cell, params, steps, initial_carry, start) -> (y_TBD, carry)``, for every call that it does not refuse.

    Plain, hashable options, as a cell is: a frozen dataclass, listed in ``ENGINES`` with its defaults.

    Products are in the type of the inputs, which parameters are cast to inside the loop: so their gradients, sums over
    time, are summed in the type of the parameters. Carries, which are sums over time too, are in float32 at least.

    An engine alone handles time, masks, resets and direction. An invalid step holds the carry and puts out zeros;
    since padding is last, running backwards (``reverse``) needs no flip: the carry waits until the last real
    step. Every engine agrees with a Python loop over ``cell.step`` to rounding, in value and in gradient.
    """

    def refusal(self, call: Call) -> str | None:
        """Why it cannot run this call, in half a sentence; None if it can."""

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]: ...
