"""Engine ``associative``: linear cells, solved for all steps at once."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.cells import Carry, Cell, LinearCell, Params
from sequence_lab.ops.recurrence.engine import Call, Start, Steps, local_parameters, noise_at, products
from sequence_lab.ops.recurrence.linear import before, check_method, linear_recurrence, resolved
from sequence_lab.ops.recurrence.remat import in_chunks

Array = jax.Array
# Numbers in the products with the inputs: from how many chunks pay on a CPU, and how many a chunk has.
LONG, CHUNK = 2**22, 2**20


@dataclasses.dataclass(frozen=True)
class Associative:
    """Linear cells: every product is one over all of time, and between them is the elementwise recurrence alone.

    Forward mode works, too, see ``linear_recurrence``, but not in chunks. Between sequences packed into a row a NaN or
    an infinity is not held back. Factors are between 0 and 1, so that the values themselves never leave the range of
    what is remembered; the form in logarithms that minGRU and minLSTM were published with (Feng et al. 2024) is the
    method "logarithms", which takes states of either sign, too, but no complex ones (LRU).

    Measured on two CPU cores, float32, forward and backward, for B, T, C, D: its time over that of ``scan``, as a
    process starts and under the set-up of ``launch.py`` (``benchmarks/run.py linear``; README.md there says where the
    results are):

    ==============  ===========  ===========  ================  ================
    shape           minGRU       LRU          minGRU, by        LRU, by
                                              associative_scan  associative_scan
    ==============  ===========  ===========  ================  ================
    32 128 9 64     0.92, 0.78   0.88, 0.75   1.07, 0.97        1.10, 0.89
    64 100 128 256  0.73, 0.79   0.83, 0.96   0.96, 1.12        0.86, 0.85
    1 1000 64 128   0.32, 0.63   0.56, 0.53   0.37, 0.77        0.62, 0.75
    8 2048 64 128   0.62, 1.06   0.77, 0.84   1.15, 1.20        1.32, 1.02
    1 16384 64 128  0.51, 1.07   0.62, 0.80   0.83, 1.40        0.92, 0.95
    ==============  ===========  ===========  ================  ================

    Forward alone it takes 0.45 to 0.98 of the time, but for an LRU of the first shape 1.41. On accelerators, where the
    loop is what is slow, nothing was measured.

    Attributes:
      method: how the recurrence is solved, see ``linear_recurrence``; None chooses by the backend.
      chunk: steps to solve at once, computed again in the reverse pass; None for all of them, but by the method "scan",
        which is to find them in the cache, so many that their products with the matrix of the inputs are 2^20 numbers,
        from 2^22 on.
    """

    method: str | None = None
    chunk: int | None = None

    def __post_init__(self) -> None:
        check_method(self.method)
        if self.chunk is not None and self.chunk < 1:
            raise ValueError(f"chunk is {self.chunk}; allowed: 1 or more, or None")

    def refusal(self, call: Call) -> str | None:
        if isinstance(call.cell, LinearCell):
            return None
        return f"{type(call.cell).__name__} is not linear in what it remembers"

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        assert isinstance(cell, LinearCell), "refused"
        size, num_steps = self.chunk, steps.x_TBC.shape[0]
        if size is None and resolved(self.method) == "scan":
            dot, local = products(params, steps.x_TBC.dtype), local_parameters(cell, params.local, steps.x_TBC.dtype)
            width = jax.eval_shape(lambda x: cell.inputs(local, x, dot), steps.x_TBC).size
            # While it is being exported, with any number of steps, that is no int.
            size = math.ceil(num_steps * CHUNK / width) if isinstance(width, int) and width >= LONG else None
        run = self._at_once if size is None or size >= num_steps else in_chunks(self._at_once, size)
        return run(cell, params, steps, initial_carry, start, reverse=reverse)

    def _at_once(
        self, cell: LinearCell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool
    ) -> tuple[Array, Carry]:
        x_TBC, valid_TB, _, index_T = steps
        dot, local = products(params, x_TBC.dtype), local_parameters(cell, params.local, x_TBC.dtype)
        u_TBG = cell.inputs(local, x_TBC, dot)
        draw = functools.partial(noise_at, cell, start, batch_shape=x_TBC.shape[1:-1])
        noise_T = None if index_T is None else jax.vmap(draw)(index_T)
        initial, fresh = cell.state(initial_carry), cell.state(start.carry)

        def solved(before_T: Any) -> Any:
            a_T, b_T = cell.coefficients(local, before_T, u_TBG, noise_T)
            solve = functools.partial(self._solve, steps, reverse)
            return jax.tree.map(solve, b_T, a_T, initial, fresh)

        before_T = None
        if cell.delay:
            before_T = jax.tree.map(lambda h: jnp.broadcast_to(h, (x_TBC.shape[0], *h.shape)), initial)
        for _ in range(cell.delay):
            before_T = jax.tree.map(functools.partial(_starts, steps, reverse), solved(before_T), initial, fresh)
        after_T = solved(before_T)
        y_TBD = cell.outputs(local, before_T, after_T, u_TBG, dot).astype(x_TBC.dtype)
        if valid_TB is not None:
            y_TBD = jnp.where(valid_TB[..., None], y_TBD, 0)
        last = jax.tree.map(lambda h_T: h_T[0 if reverse else -1], after_T) if x_TBC.shape[0] else initial
        return y_TBD, jax.tree.map(lambda new, old: new.astype(old.dtype), cell.carry(last), initial_carry)

    def _solve(self, steps: Steps, reverse: bool, b_TBD: Array, a: Array | None, initial: Array, fresh: Array) -> Array:
        """One array of the state after every step: new where a sequence starts, held where no step is real."""
        if a is None and steps.valid_TB is None:
            return b_TBD
        a = jnp.zeros((), b_TBD.dtype) if a is None else a
        if steps.reset_TB is not None:
            starts = steps.reset_TB[..., None]
            a, b_TBD = jnp.where(starts, 0, a), jnp.where(starts, a * fresh + b_TBD, b_TBD)
        if steps.valid_TB is not None:
            real = steps.valid_TB[..., None]
            a, b_TBD = jnp.where(real, a, 1), jnp.where(real, b_TBD, 0)
        return linear_recurrence(a, b_TBD, initial, reverse=reverse, method=self.method)


def _starts(steps: Steps, reverse: bool, after_TBD: Array, initial: Array, fresh: Array) -> Array:
    """One array of the state before every step."""
    before_TBD = before(after_TBD, initial, reverse)
    return before_TBD if steps.reset_TB is None else jnp.where(steps.reset_TB[..., None], fresh, before_TBD)
