"""A cell's step, and its reverse, for the units of one tile, as equations that the kernels carry out on blocks."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.cells import Carry
from sequence_lab.ops.recurrence.engine import local_parameters
from sequence_lab.ops.recurrence.fused.blocks import evaluate
from sequence_lab.ops.recurrence.fused.tiles import Tile
from sequence_lab.ops.recurrence.scan import cast_like

Array = jax.Array


class Blockwise(NamedTuple):
    """A function, traced on arrays for so many units, that is carried out on blocks.

    What was an array is a tuple of blocks, in the arguments (lists and dictionaries of them) as in what is returned.
    """

    jaxpr: Any
    returned: Any  # the tree
    units: int

    def rehearse(self) -> None:
        """Raises what a call of it would, on blocks without content."""
        shapes = [variable.aval for variable in self.jaxpr.jaxpr.invars]
        blocks = [
            (jax.ShapeDtypeStruct((*s.shape[:-1], self.units), s.dtype),) * (s.shape[-1] // self.units) for s in shapes
        ]
        jax.eval_shape(lambda *flat: evaluate(self.jaxpr.jaxpr, self.jaxpr.consts, flat, self.units), *blocks)

    def __call__(self, *arguments: Any) -> Any:
        flat = jax.tree.leaves(list(arguments), is_leaf=lambda argument: isinstance(argument, tuple))
        found = evaluate(self.jaxpr.jaxpr, self.jaxpr.consts, flat, self.units)
        return jax.tree.unflatten(self.returned, found)


class Traced(NamedTuple):
    """A cell's step and its reverse for the units of a tile.

    ``step`` takes local parameters, carry, u and the products, and returns carry, y and the record. ``back`` takes
    local parameters, carry, u, record and the cotangents of the new carry and of y, and returns those of the carry, of
    u (None where the reverse of the whole call does not read it) and of the products. A carry is a list.

    ``operands`` has, by the name of a product, the position in the carry of what it multiplies, and ``gates`` how many
    blocks wide it is; ``inputs`` is how many u is.
    """

    step: Blockwise
    back: Blockwise
    operands: dict[str, int]
    gates: dict[str, int]
    inputs: int
    reads_input: bool


@jax.custom_vjp
def _recorded(add: Array | None, record: Array, probe: Array) -> Array:
    """The record of a product with what was added; its cotangent goes to ``add`` and the probe."""
    return record + probe


_recorded.defvjp(
    lambda add, record, probe: (record + probe, add is None),
    lambda nothing, ct: (None if nothing else ct, None, ct),
)


class _Shapes(NamedTuple):
    """Of a step's arguments, for the units of a tile."""

    local: Any
    carry: Carry
    u: Any
    products: dict[str, Any]
    y: Any


@functools.lru_cache(maxsize=64)
def traced(cell: Any, tile: Tile, carry_dtypes: tuple[Any, ...], dtype: Any, reads_input: bool) -> Traced:
    """``cell``, which has as many units as the tile.

    Raises:
      NotImplementedError: its step does what no kernel can; others, too, from within it.
    """
    matrices = {k: p.shape for k, p in cell.parameters(tile.units).matrices.items()}
    inputs = matrices.pop("input")[1] // tile.units
    gates = {name: shape[1] // tile.units for name, shape in matrices.items()}
    local, carry, u, products, y = _shapes(cell, tile, carry_dtypes, dtype, inputs, gates)
    operands: dict[str, int] = {}

    def step(local: Any, carry: Carry, u: Array, products: dict[str, Array]) -> Any:
        record: dict[str, Array] = {}

        def dot(name: str, a: Array, add: Array | None = None) -> Array:
            places = [place for place, leaf in enumerate(jax.tree.leaves(carry)) if leaf is a]
            if not places:
                raise NotImplementedError(f"{name} multiplies what is no array of the carry as it came in")
            operands[name] = places[0]
            record[name] = products[name] if add is None else products[name] + add
            return record[name]

        new, y = cell.step(local, carry, u, dot, None, None)
        return jax.tree.leaves(cast_like(new, carry)), y.astype(dtype), record

    back = functools.partial(_back, cell, dtype, reads_input)
    forwards = _blockwise(step, tile.units, local, carry, u, products)
    backwards = _blockwise(back, tile.units, local, carry, u, products, carry, y)
    return Traced(forwards, backwards, operands, gates, inputs, reads_input)


def _shapes(
    cell: Any, tile: Tile, carry_dtypes: tuple[Any, ...], dtype: Any, inputs: int, gates: dict[str, int]
) -> _Shapes:
    def wide(count: int) -> Any:
        return jax.ShapeDtypeStruct((tile.rows, count * tile.units), dtype)

    local = {k: jax.ShapeDtypeStruct(p.shape, dtype) for k, p in cell.parameters(tile.units).local.items()}
    local = jax.eval_shape(lambda local: local_parameters(cell, local, dtype), local)
    if wrong := [k for k, shape in local.items() if shape.ndim != 1 or shape.size % tile.units]:
        raise NotImplementedError(f"{wrong[0]} has not a number a unit")
    leaves, tree = jax.tree.flatten(jax.eval_shape(lambda: cell.initial_carry((tile.rows,), jnp.float32)))
    typed = [jax.ShapeDtypeStruct(a.shape, d) for a, d in zip(leaves, carry_dtypes, strict=True)]
    products = {name: wide(count) for name, count in gates.items()}
    return _Shapes(local, jax.tree.unflatten(tree, typed), wide(inputs), products, wide(1))


def _back(
    cell: Any,
    dtype: Any,
    reads_input: bool,
    local: Any,
    carry: Carry,
    u: Array,
    record: dict[str, Array],
    ct_carry: Carry,
    ct_y: Array,
) -> Any:
    """The reverse of a step, in which a product is its record; see ``Traced.back``."""

    def chain(carry: Carry, u: Array, probes: dict[str, Array]) -> Any:
        def dot(name: str, a: Array, add: Array | None = None) -> Array:
            wide = None if add is None else jnp.broadcast_to(add, record[name].shape)
            return _recorded(wide, record[name], probes[name])

        new, y = cell.step(local, carry, u, dot, None, None)
        return cast_like(new, carry), y.astype(dtype)

    _, pull = jax.vjp(chain, carry, u, jax.tree.map(jnp.zeros_like, record))
    ct_carry, ct_u, ct_products = pull((ct_carry, ct_y))
    return jax.tree.leaves(ct_carry), ct_u if reads_input else None, ct_products


def _blockwise(function: Any, units: int, *arguments: Any) -> Blockwise:
    jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return Blockwise(jaxpr, jax.tree.structure(shapes), units)
