"""The kernels of the engine ``fused``: all steps of time in one launch, forwards and backwards.

A program of the grid has a tile of rows and units, for all of time. Units meet in the products of the carry alone. So
every step writes what others multiply (forwards the carry, backwards the cotangents of the products) to the memory of
the device, waits until all programs with the same rows have, and multiplies all of it with its own columns of the
matrices, which stay in the caches. The rest of a step is the cell's own equations, on blocks.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from sequence_lab.ops.recurrence.fused.blocks import Blocks, evaluate
from sequence_lab.ops.recurrence.fused.equations import Traced
from sequence_lab.ops.recurrence.fused.tiles import Shape, Tile

Array = jax.Array


class Program:
    """What one program of the grid needs to find its tile."""

    def __init__(self, shape: Shape, tile: Tile, reverse: bool, arrivals: Any, interpret: bool) -> None:
        self.shape, self.tile, self.reverse, self.arrivals, self.interpret = shape, tile, reverse, arrivals, interpret
        self.column, self.row = pl.program_id(0), pl.program_id(1)
        self.rows = pl.ds(self.row * tile.rows, tile.rows)
        self.others = shape.grid(tile)[0]

    def units(self, gate: int) -> Any:
        return pl.ds(gate * self.shape.units + self.column * self.tile.units, self.tile.units)

    def time(self, i: Any) -> Any:
        return self.shape.steps - 1 - i if self.reverse else i

    def load(self, ref: Any, t: Any, gates: int = 1) -> Blocks:
        """A tile of ``[T, rows, gates units]`` at a time, a block per gate."""
        return tuple(triton.load(ref.at[t, self.rows, self.units(gate)]) for gate in range(gates))

    def store(self, ref: Any, t: Any, blocks: Blocks) -> None:
        for gate, block in enumerate(blocks):
            triton.store(ref.at[t, self.rows, self.units(gate)], block.astype(ref.dtype))

    def vectors(self, refs: Any) -> dict[str, Blocks]:
        """This tile's part of the small parameters ``[gates units]``."""
        blocks = {name: range(ref.shape[0] // self.shape.units) for name, ref in refs.items()}
        return {name: tuple(triton.load(refs[name].at[self.units(gate)]) for gate in blocks[name]) for name in refs}

    def product(self, ref: Any, t: Any, matrix: Any, inputs: int, outputs: int, dtype: Any) -> Blocks:
        """``ref[t]``, of so many gates, times this tile's columns of the gates of a matrix.

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
                a = triton.load(ref.at[t, self.rows, at]).astype(dtype)
                columns = (triton.load(matrix.at[self.column, pl.ds(j * units, units), at]) for j in range(outputs))
                found.append(tuple(s + _times_transposed(a, w) for s, w in zip(total, columns, strict=True)))
            return tuple(found)

        zeros = (jnp.zeros((rows, units), jnp.float32),) * outputs
        sums = lax.fori_loop(0, count, add, (zeros,) * len(apart))
        return tuple(functools.reduce(jnp.add, of_one) for of_one in zip(*sums, strict=True))

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


def _masked(valid: Array | None, yes: Blocks, no: Any) -> Blocks:
    if valid is None:
        return yes
    return tuple(jnp.where(valid, a, b) for a, b in zip(yes, no, strict=True))


def _zeros(blocks: Blocks) -> Blocks:
    return tuple(jnp.zeros_like(block) for block in blocks)


class Forward(NamedTuple):
    """What the forward kernel reads. ``valid_TB`` is int32, or None; carries are tuples of their arrays."""

    u_TBG: Any
    valid_TB: Any
    matrices: dict[str, Any]  # [columns of tiles, gates units, in]
    local: dict[str, Any]  # [gates units]
    initial: tuple[Any, ...]


class Backward(NamedTuple):
    """What the backward kernel reads; matrices are those of the products with the transposed ones."""

    ct_y_TBD: Any
    u_TBG: Any  # None where the reverse does not read it
    before: tuple[Any, ...]
    products: dict[str, Any]
    valid_TB: Any
    matrices: dict[str, Any]  # [columns of tiles, units, gates out]
    local: dict[str, Any]
    ct_last: tuple[Any, ...]


def forward(
    equations: Traced, shape: Shape, tile: Tile, reverse: bool, given: Forward, recorded: bool, interpret: bool
) -> tuple[Array, tuple[Array, ...], tuple[Array, ...], dict[str, Array]]:
    """Outputs, last carry, carries before every step and, if ``recorded``, what every product gave."""
    dtype, leaves = given.u_TBG.dtype, range(len(given.initial))
    sizes = (shape.steps, shape.rows)
    carries = tuple(jax.ShapeDtypeStruct((*sizes, shape.units), leaf.dtype) for leaf in given.initial)
    products = {n: jax.ShapeDtypeStruct((*sizes, g * shape.units), dtype) for n, g in equations.gates.items()}
    y = jax.ShapeDtypeStruct((*sizes, shape.units), dtype)
    last = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in given.initial)

    def kernel(refs: Forward, _: Any, y: Any, last: Any, before: Any, products: Any, arrivals: Any) -> None:
        program = Program(shape, tile, reverse, arrivals, interpret)
        local = program.vectors(refs.local)
        start = tuple(triton.load(ref.at[program.rows, program.units(0)]) for ref in refs.initial)
        for ref, leaf in zip(before, start, strict=True):
            program.store(ref, program.time(lax.full((), 0, jnp.int32)), (leaf,))
        program.arrive()

        def read(i: Any) -> Any:
            t = program.time(jnp.minimum(i, shape.steps - 1))
            valid = None if refs.valid_TB is None else triton.load(refs.valid_TB.at[t, program.rows])[:, None] != 0
            return program.load(refs.u_TBG, t, equations.inputs), valid

        def step(i: Any, state: Any) -> Any:
            carry, (u, valid) = state
            t = program.time(i)
            program.wait(i + 1)
            made = {
                name: tuple(
                    total.astype(dtype)
                    for total in program.product(before[leaf], t, refs.matrices[name], 1, count, dtype)
                )
                for name, (leaf, count) in _each(equations)
            }
            flat = [local[k] for k in sorted(local)] + [(leaf,) for leaf in carry] + [u]
            flat += [made[k] for k in sorted(made)]
            found = evaluate(equations.step.jaxpr, equations.step.consts, flat, tile.units)
            new, out, record = found[: len(carry)], found[len(carry)], found[len(carry) + 1 :]
            new_carry = tuple(_masked(valid, one, (old,))[0] for one, old in zip(new, carry, strict=True))

            @pl.when(i + 1 < shape.steps)
            def _() -> None:
                for ref, leaf in zip(before, new_carry, strict=True):
                    program.store(ref, program.time(i + 1), (leaf,))
                program.arrive()

            program.store(y, t, _masked(valid, out, _zeros(out)))
            if recorded:
                for name, blocks in zip(sorted(made), record, strict=True):
                    program.store(products[name], t, blocks)
            return new_carry, read(i + 1)

        carry, _ = lax.fori_loop(0, shape.steps, step, (start, read(0)))
        for k in leaves:
            triton.store(last[k].at[program.rows, program.units(0)], carry[k])

    arrivals = jnp.zeros(shape.grid(tile)[1], jnp.int32)
    outputs = (y, last, carries, products if recorded else {}, jax.ShapeDtypeStruct(arrivals.shape, jnp.int32))
    return _launched(kernel, outputs, shape, tile, interpret)(given, arrivals)[:4]


def backward(
    equations: Traced, shape: Shape, tile: Tile, reverse: bool, given: Backward, interpret: bool
) -> tuple[tuple[Array, ...], tuple[Array, ...], dict[str, Array], Array | None]:
    """Cotangents of the first carry, of the carries after every step, of the products, and of u if it is read."""
    dtype, names = given.ct_y_TBD.dtype, sorted(given.products)
    like = functools.partial(jax.tree.map, lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype))

    def kernel(refs: Backward, _: Any, first: Any, after: Any, ct_products: Any, ct_u: Any, arrivals: Any) -> None:
        program = Program(shape, tile, not reverse, arrivals, interpret)
        local = program.vectors(refs.local)

        def read(i: Any) -> Any:
            t = program.time(jnp.minimum(i, shape.steps - 1))
            valid = None if refs.valid_TB is None else triton.load(refs.valid_TB.at[t, program.rows])[:, None] != 0
            nothing = (jnp.zeros((tile.rows, tile.units), dtype),) * equations.inputs
            return (
                program.load(refs.ct_y_TBD, t),
                nothing if refs.u_TBG is None else program.load(refs.u_TBG, t, equations.inputs),
                tuple(program.load(ref, t)[0] for ref in refs.before),
                {name: program.load(refs.products[name], t, equations.gates[name]) for name in names},
                valid,
            )

        def step(i: Any, state: Any) -> Any:
            ct, (ct_y, u, carry, record, valid) = state
            t = program.time(i)
            for ref, leaf in zip(after, ct, strict=True):
                program.store(ref, t, (leaf,))
            ct_new, ct_y = _masked(valid, ct, _zeros(ct)), _masked(valid, ct_y, _zeros(ct_y))
            flat = [local[k] for k in sorted(local)] + [(leaf,) for leaf in carry] + [u]
            flat += [record[k] for k in names] + [(leaf,) for leaf in ct_new] + [ct_y]
            found = evaluate(equations.back.jaxpr, equations.back.consts, flat, tile.units)
            before = [blocks[0] for blocks in found[: len(ct)]]
            of_products = dict(zip(names, found[len(found) - len(names) :], strict=True))
            for name in names:
                program.store(ct_products[name], t, of_products[name])
            program.arrive()
            if ct_u is not None:
                program.store(ct_u, t, found[len(ct)])
            now = read(i + 1)
            if valid is not None:
                before = [a + jnp.where(valid, jnp.zeros_like(b), b) for a, b in zip(before, ct, strict=True)]
            program.wait(i + 1)
            for name in names:
                gates = equations.gates[name]
                (total,) = program.product(ct_products[name], t, refs.matrices[name], gates, 1, dtype)
                leaf = equations.operands[name]
                before[leaf] = before[leaf] + total.astype(dtype).astype(before[leaf].dtype)
            return tuple(before), now

        last = tuple(triton.load(ref.at[program.rows, program.units(0)]) for ref in refs.ct_last)
        ct, _ = lax.fori_loop(0, shape.steps, step, (last, read(0)))
        for ref, leaf in zip(first, ct, strict=True):
            triton.store(ref.at[program.rows, program.units(0)], leaf)

    arrivals = jnp.zeros(shape.grid(tile)[1], jnp.int32)
    ct_u = like(given.u_TBG) if equations.reads_input else None
    outputs = (like(given.ct_last), like(given.before), like(given.products), ct_u, like(arrivals))
    return _launched(kernel, outputs, shape, tile, interpret)(given, arrivals)[:4]


def _each(equations: Traced) -> list[tuple[str, tuple[int, int]]]:
    return [(name, (equations.operands[name], equations.gates[name])) for name in sorted(equations.gates)]


def _launched(kernel: Any, outputs: Any, shape: Shape, tile: Tile, interpret: bool) -> Any:
    """``kernel`` over the grid; the counter of arrivals is its last argument and output, one and the same array."""

    def run(given: Any, arrivals: Array) -> Any:
        position = len(jax.tree.leaves(given))
        return pl.pallas_call(
            kernel,
            out_shape=outputs,
            grid=shape.grid(tile),
            input_output_aliases={position: len(jax.tree.leaves(outputs)) - 1},
            compiler_params=triton.CompilerParams(num_warps=tile.warps, num_stages=tile.stages),
            interpret=interpret,
        )(given, arrivals)

    return run
