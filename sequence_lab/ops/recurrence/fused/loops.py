"""The loops of ``scan``, forwards and backwards, as launches of the kernels."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.cells import Carry, Cell, without_initialisers
from sequence_lab.ops.recurrence.engine import Given, Inputs, local_parameters
from sequence_lab.ops.recurrence.fused import kernels
from sequence_lab.ops.recurrence.fused.equations import Traced, traced
from sequence_lab.ops.recurrence.fused.layout import Layout
from sequence_lab.ops.recurrence.fused.tiles import Tile
from sequence_lab.ops.recurrence.scan import Record, Replay, input_products, reads_input

Array = jax.Array


class Loop(NamedTuple):
    """What both ways share: a cell, and how a launch for it is cut."""

    cell: Cell
    tile: Tile
    reverse: bool
    interpret: bool

    def refusal(self, dtype: Any) -> str | None:
        """Why the cell's equations are none for a kernel, found by trying them on blocks without content."""
        try:
            carry = jax.eval_shape(lambda: self.cell.initial_carry((), jnp.promote_types(dtype, jnp.float32)))
            traced = self.equations(carry, dtype, True)
            traced.step.rehearse()
            traced.back.rehearse()
        except Exception as error:  # whatever a cell does that no kernel can, another engine runs it
            return f"a kernel cannot do what the cell does: {type(error).__name__}: {error}"
        return None

    def layout(self, batch_shape: tuple[int, ...], num_steps: int) -> Layout:
        return Layout(self.tile, batch_shape, num_steps, self.cell.out_features)

    def equations(self, carry: Carry, dtype: Any, kept: bool) -> Traced:
        """Of the cell with as many units as a tile; ``kept`` is whether the reverse reads u."""
        cell: Any = dataclasses.replace(without_initialisers(self.cell), features=self.tile.units)
        dtypes = tuple(jnp.dtype(leaf.dtype) for leaf in jax.tree.leaves(carry))
        return traced(cell, self.tile, dtypes, jnp.dtype(dtype), kept)

    def forward(self, inputs: Inputs, given: Given, *, recorded: bool) -> tuple[tuple[Array, Carry], Record | None]:
        """As ``Scan.forward``."""
        params, x_TBC, initial = inputs.params, inputs.x_TBC, inputs.initial_carry
        dtype, kept = x_TBC.dtype, reads_input(self.cell, inputs, given)
        layout, equations = self.layout(x_TBC.shape[1:-1], len(x_TBC)), self.equations(initial, dtype, kept)
        leaves, tree = jax.tree.flatten(initial)
        u = input_products(self.cell, params, x_TBC)
        reads = kernels.Forward(
            u_TBG=layout.rows(u),
            valid_TB=layout.mask(given.valid_TB),
            matrices={name: layout.matrix(params.matrices[name].astype(dtype)) for name in equations.gates},
            local=layout.local(local_parameters(self.cell, params.local, dtype)),
            initial=[layout.rows(leaf) for leaf in leaves],
        )
        steps, rows, units = layout.shape
        writes = kernels.Made(
            y_TBD=jax.ShapeDtypeStruct((steps, rows, units), dtype),
            last=reads.initial,
            before=[jax.ShapeDtypeStruct((steps, rows, units), leaf.dtype) for leaf in leaves],
            products={
                name: jax.ShapeDtypeStruct((steps, rows, gates * units), dtype)
                for name, gates in equations.gates.items()
                if recorded
            },
        )
        made = jax.tree.map(layout.back, self._launched(kernels.forward, equations, layout, reads, writes))
        out = made.y_TBD, jax.tree.unflatten(tree, made.last)
        record = Record(jax.tree.unflatten(tree, made.before), made.products, u if kept else None)
        return out, record if recorded else None

    def backward(self, steps: Replay, first: Any, xs: Any) -> tuple[Any, Any]:
        """As ``Scan.backward``."""
        (ct_last, ct_start), (ct_y, record, u, valid, _, _) = first, xs
        kept = record.u is not None
        layout, equations = self.layout(steps.batch_shape, len(ct_y)), self.equations(ct_last, steps.dtype, kept)
        leaves, tree = jax.tree.flatten(ct_last)
        reads = kernels.Backward(
            ct_y_TBD=layout.rows(ct_y),
            u_TBG=layout.rows(u) if kept else None,
            before=[layout.rows(leaf) for leaf in jax.tree.leaves(record.carry)],
            products={name: layout.rows(record.products[name]) for name in equations.gates},
            valid_TB=layout.mask(valid),
            matrices={name: layout.transposed(steps.transposed[name]) for name in equations.gates},
            local=layout.local(local_parameters(self.cell, steps.local, steps.dtype)),
            ct_last=[layout.rows(leaf) for leaf in leaves],
        )
        writes = kernels.Cotangents(reads.ct_last, reads.before, reads.products, reads.u_TBG)
        found = jax.tree.map(layout.back, self._launched(kernels.backward, equations, layout, reads, writes))
        written = jax.tree.unflatten(tree, found.after), found.products, found.u_TBG
        return (jax.tree.unflatten(tree, found.first), ct_start), written

    def _launched(self, kernel: Any, equations: Traced, layout: Layout, reads: Any, writes: Any) -> Any:
        reverse = self.reverse != (kernel is kernels.backward)
        launch = kernels.Launch(layout.shape, self.tile, layout.num_units, reverse, self.interpret)
        return launch(functools.partial(kernel, equations), reads, writes)
