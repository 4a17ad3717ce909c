"""The kernels of the engine ``fused``: all steps of time in one launch, forwards and backwards.

A program of the grid has a tile of rows and units, for all of time. Units meet in the products of the carry alone. So
every step writes what others multiply (forwards the carry, backwards the cotangents of the products) to the memory of
the device, waits until all programs with the same rows have, and multiplies all of it with its own columns of the
matrices, which stay in the caches. The rest of a step is the cell's own equations, on blocks.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from sequence_lab.ops.recurrence.fused.blocks import Blocks
from sequence_lab.ops.recurrence.fused.equations import Traced
from sequence_lab.ops.recurrence.fused.tiles import Shape, Tile

Array = jax.Array


class Launch(NamedTuple):
    """How a kernel is run."""

    shape: Shape
    tile: Tile
    num_units: int
    reverse: bool
    interpret: bool

    def __call__(self, kernel: Callable[["Program", Any, Any], None], given: Any, written: Any) -> Any:
        """What ``kernel(program, given, written)`` writes, arrays like ``written``."""
        arrivals = jnp.zeros(self.shape.grid(self.tile)[1], jnp.int32)

        def run(given: Any, arrived: Any, written: Any, arrivals: Any) -> None:
            del arrived  # the same array as the one after
            kernel(Program(self, arrivals), given, written)

        return pl.pallas_call(
            run,
            out_shape=jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (written, arrivals)),
            grid=self.shape.grid(self.tile),
            input_output_aliases={len(jax.tree.leaves(given)): len(jax.tree.leaves(written))},
            compiler_params=triton.CompilerParams(num_warps=self.tile.warps, num_stages=self.tile.stages),
            interpret=self.interpret,
        )(given, arrivals)[0]


class Program:
    """One program of the grid: finds its tile, multiplies, and waits for the others with its rows."""

    def __init__(self, launch: Launch, arrivals: Any) -> None:
        self.shape, self.tile, self.num_units = launch.shape, launch.tile, launch.num_units
        self.reverse, self.interpret, self.arrivals = launch.reverse, launch.interpret, arrivals
        self.column, self.row = pl.program_id(0), pl.program_id(1)
        self.rows = pl.ds(self.row * self.tile.rows, self.tile.rows)
        self.others = self.shape.grid(self.tile)[0]

    def units(self, gate: int) -> Any:
        return pl.ds(gate * self.shape.units + self.column * self.tile.units, self.tile.units)

    def time(self, i: Any) -> Any:
        """Of the i-th step; past the last one, of the last."""
        i = jnp.minimum(i, self.shape.steps - 1)
        return self.shape.steps - 1 - i if self.reverse else i

    def load(self, ref: Any, *t: Any, gates: int = 1) -> Blocks:
        """The tile of ``[T, rows, gates units]`` at a time, or of ``[rows, gates units]``: a block per gate."""
        return tuple(triton.load(ref.at[*t, self.rows, self.units(gate)]) for gate in range(gates))

    def store(self, ref: Any, blocks: Blocks, *t: Any) -> None:
        for gate, block in enumerate(blocks):
            triton.store(ref.at[*t, self.rows, self.units(gate)], block.astype(ref.dtype))

    def vectors(self, refs: dict[str, Any]) -> dict[str, Blocks]:
        """This tile's part of the small parameters ``[gates units]``."""
        blocks = {name: range(ref.shape[0] // self.shape.units) for name, ref in refs.items()}
        return {name: tuple(triton.load(refs[name].at[self.units(gate)]) for gate in blocks[name]) for name in refs}

    def own(self, blocks: Blocks) -> Blocks:
        """Zeros for the units that only fill up a tile, of whose equations anything may come, NaN included."""
        if self.num_units == self.shape.units:
            return blocks
        place = self.column * self.tile.units + jnp.arange(self.tile.units)
        return _where((place < self.num_units)[None, :], blocks, _zeros(blocks))

    def valid(self, ref: Any, t: Any) -> Array | None:
        """``[rows, 1]``."""
        return None if ref is None else triton.load(ref.at[t, self.rows])[:, None] != 0

    def product(self, ref: Any, t: Any, matrix: Any, inputs: int = 1, outputs: int = 1) -> Blocks:
        """``ref[t]``, of so many gates, times this tile's columns of the gates of a matrix, in the matrix's type.

        The matrix is ``[columns of tiles, outputs units, inputs in]``, so that a tensor core reads its operands in
        whole rows; ``inputs`` and parts of a sum are sums of their own, as no product can begin before the last one
        of its sum has ended.
        """
        (rows, units, chunk, parts), size = self.tile[:4], matrix.shape[2] // inputs
        count = size // (chunk * parts)
        apart = [(i, part) for i in range(inputs) for part in range(parts)]

        def add(k: Any, sums: tuple[Blocks, ...]) -> tuple[Blocks, ...]:
            found = []
            for (i, part), total in zip(apart, sums, strict=True):
                at = pl.ds(i * size + (part * count + k) * chunk, chunk)
                a = triton.load(ref.at[t, self.rows, at]).astype(matrix.dtype)
                columns = (triton.load(matrix.at[self.column, pl.ds(j * units, units), at]) for j in range(outputs))
                found.append(tuple(s + _times_transposed(a, w) for s, w in zip(total, columns, strict=True)))
            return tuple(found)

        zeros = (jnp.zeros((rows, units), jnp.float32),) * outputs
        sums = lax.fori_loop(0, count, add, (zeros,) * len(apart))
        return tuple(functools.reduce(jnp.add, of_one).astype(matrix.dtype) for of_one in zip(*sums, strict=True))

    def arrive(self) -> None:
        """Tells the others that what this program wrote can be read."""
        if self.interpret:
            return
        triton.debug_barrier()
        if self.others > 1:
            triton.atomic_add(self.arrivals, (self.row,), 1)

    def wait(self, times: Any) -> None:
        """Until all programs with these rows have arrived so often."""
        if self.interpret or self.others == 1:
            return
        wanted = times * self.others

        def poll(_: Any) -> Any:  # an atomic operation, which makes what was written before it visible
            return triton.atomic_add(self.arrivals, (self.row,), 0)

        lax.while_loop(lambda seen: seen < wanted, poll, poll(0))
        triton.debug_barrier()


def _times_transposed(a: Array, b: Array) -> Array:
    return lax.dot_general(a, b, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32)


def _where(valid: Array | None, yes: Blocks, no: Blocks) -> Blocks:
    if valid is None:
        return yes
    return tuple(jnp.where(valid, a, b) for a, b in zip(yes, no, strict=True))


def _zeros(blocks: Blocks) -> Blocks:
    return tuple(jnp.zeros_like(block) for block in blocks)


def _sum(a: Blocks, b: Blocks) -> Blocks:
    """In the types of the first."""
    return tuple(one + other.astype(one.dtype) for one, other in zip(a, b, strict=True))


class Forward(NamedTuple):
    """What the forward kernel reads. ``valid_TB`` is int32, or None; carries are lists of their arrays."""

    u_TBG: Any
    valid_TB: Any
    matrices: dict[str, Any]  # [columns of tiles, gates units, in]
    local: dict[str, Any]  # [gates units]
    initial: list[Any]


class Made(NamedTuple):
    """What it writes: carries before every step, and what every product gave, which is empty where nothing reads it."""

    y_TBD: Any
    last: list[Any]
    before: list[Any]
    products: dict[str, Any]


def forward(equations: Traced, program: Program, given: Forward, made: Made) -> None:
    """The steps of one program."""
    local = program.vectors(given.local)

    def show(carry: list[Blocks], i: Any) -> None:
        for ref, leaf in zip(made.before, carry, strict=True):
            program.store(ref, program.own(leaf), program.time(i))
        program.arrive()

    def read(i: Any) -> Any:
        t = program.time(i)
        return program.load(given.u_TBG, t, gates=equations.inputs), program.valid(given.valid_TB, t)

    def step(i: Any, state: Any) -> Any:
        carry, (u, valid) = state
        t = program.time(i)
        program.wait(i + 1)
        products = {
            name: program.product(made.before[operand], t, given.matrices[name], outputs=equations.gates[name])
            for name, operand in sorted(equations.operands.items())
        }
        new, y, record = equations.step(local, carry, u, products)
        new = [_where(valid, leaf, old) for leaf, old in zip(new, carry, strict=True)]
        pl.when(i + 1 < program.shape.steps)(lambda: show(new, i + 1))
        program.store(made.y_TBD, _where(valid, y, _zeros(y)), t)
        for name, ref in made.products.items():
            program.store(ref, record[name], t)
        return new, read(i + 1)

    first = [program.load(ref) for ref in given.initial]
    show(first, lax.full((), 0, jnp.int32))
    carry, _ = lax.fori_loop(0, program.shape.steps, step, (first, read(0)))
    for ref, leaf in zip(made.last, carry, strict=True):
        program.store(ref, leaf)


class Backward(NamedTuple):
    """What the backward kernel reads; matrices are those of the products with the transposed ones."""

    ct_y_TBD: Any
    u_TBG: Any  # None where the reverse does not read it
    before: list[Any]
    products: dict[str, Any]
    valid_TB: Any
    matrices: dict[str, Any]  # [columns of tiles, units, gates out]
    local: dict[str, Any]
    ct_last: list[Any]


class Cotangents(NamedTuple):
    """What it writes: of the first carry, of the carries after every step, of the products, and of u if it is read."""

    first: list[Any]
    after: list[Any]
    products: dict[str, Any]
    u_TBG: Any


def backward(equations: Traced, program: Program, given: Backward, found: Cotangents) -> None:
    """The steps of one program, whose time runs the other way than forwards."""
    local, gates = program.vectors(given.local), equations.gates
    nothing = (jnp.zeros((program.tile.rows, program.tile.units), given.ct_y_TBD.dtype),) * equations.inputs

    def read(i: Any) -> Any:
        t = program.time(i)
        return (
            program.load(given.ct_y_TBD, t),
            nothing if given.u_TBG is None else program.load(given.u_TBG, t, gates=equations.inputs),
            [program.load(ref, t) for ref in given.before],
            {name: program.load(ref, t, gates=gates[name]) for name, ref in given.products.items()},
            program.valid(given.valid_TB, t),
        )

    def through_cell(ct: list[Blocks], now: Any, t: Any) -> list[Blocks]:
        ct_y, u, carry, record, valid = now
        ct_new, ct_y = [_where(valid, leaf, _zeros(leaf)) for leaf in ct], _where(valid, ct_y, _zeros(ct_y))
        before, ct_u, ct_products = equations.back(local, carry, u, record, ct_new, ct_y)
        for name, ref in found.products.items():
            program.store(ref, program.own(ct_products[name]), t)
        program.arrive()
        if found.u_TBG is not None:
            program.store(found.u_TBG, ct_u, t)
        return before

    def step(i: Any, state: Any) -> Any:
        ct, now = state
        t, valid = program.time(i), now[-1]
        for ref, leaf in zip(found.after, ct, strict=True):
            program.store(ref, leaf, t)
        before, upcoming = through_cell(ct, now, t), read(i + 1)
        if valid is not None:  # a step that is none holds the carry
            before = [_sum(leaf, _where(valid, _zeros(held), held)) for leaf, held in zip(before, ct, strict=True)]
        program.wait(i + 1)
        for name, operand in equations.operands.items():
            product = program.product(found.products[name], t, given.matrices[name], inputs=gates[name])
            before[operand] = _sum(before[operand], product)
        return before, upcoming

    last = [program.load(ref) for ref in given.ct_last]
    ct, _ = lax.fori_loop(0, program.shape.steps, step, (last, read(0)))
    for ref, leaf in zip(found.first, ct, strict=True):
        program.store(ref, leaf)
