"""How the arrays of ``scan`` lie in the kernels of ``fused``: whole tiles, one batch axis, matrices tile by tile."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.fused.tiles import Shape, Tile, filled_up

Array = jax.Array


def _padded(array: Array, shape: Shape, gates: int | None, axis: int | None) -> Array:
    """Rows on ``axis`` and units, in blocks of ``gates``, of the last axis filled up with zeros."""
    widths = [(0, 0)] * array.ndim
    if axis is not None:
        widths[axis] = (0, shape.rows - array.shape[axis])
    if gates is None:
        return jnp.pad(array, widths)
    parts = array.reshape(*array.shape[:-1], gates, array.shape[-1] // gates)
    parts = jnp.pad(parts, [*widths[:-1], (0, 0), (0, shape.units - parts.shape[-1])])
    return parts.reshape(*parts.shape[:-2], gates * shape.units)


class Layout:
    """Between the arrays of ``scan`` and those of the kernels."""

    def __init__(self, tile: Tile, batch_shape: tuple[int, ...], num_steps: int, num_units: int) -> None:
        self.batch_shape, self.num_rows, self.num_units = batch_shape, math.prod(batch_shape), num_units
        units = filled_up(self.num_units, max(tile.units, tile.chunk * tile.parts))
        self.tile, self.shape = tile, Shape(num_steps, filled_up(self.num_rows, tile.rows), units)

    def rows(self, array: Array, time: bool) -> Array:
        """Batch axes made one, features filled up, gates apart."""
        lead = array.shape[:1] if time else ()
        array = array.reshape(*lead, self.num_rows, array.shape[-1])
        return _padded(array, self.shape, array.shape[-1] // self.num_units, len(lead))

    def mask(self, valid: Array | None) -> Array | None:
        if valid is None:
            return None
        flat = valid.reshape(valid.shape[0], self.num_rows).astype(jnp.int32)
        return _padded(flat, self.shape, None, 1)

    def back(self, array: Array, time: bool) -> Array:
        """The way back of ``rows``."""
        lead = array.shape[:1] if time else ()
        gates = array.shape[-1] // self.shape.units
        array = array.reshape(*array.shape[:-1], gates, self.shape.units)
        array = array[..., : self.num_rows, :, : self.num_units]
        return array.reshape(*lead, *self.batch_shape, gates * self.num_units)

    def local(self, local: Any) -> dict[str, Array]:
        """``[gates units]`` each."""
        return {k: _padded(v, self.shape, v.shape[-1] // self.num_units, None) for k, v in local.items()}

    def matrix(self, matrix: Array) -> Array:
        """``[in, gates out]`` as ``[columns of tiles, gates units, in]``, each tile's part in one piece."""
        units, width = self.shape.units, self.tile.units
        gates = matrix.shape[1] // self.num_units
        parts = matrix.reshape(self.num_units, gates, self.num_units)
        more = units - self.num_units
        parts = jnp.pad(parts, ((0, more), (0, 0), (0, more))).reshape(units, gates, units // width, width)
        return parts.transpose(2, 1, 3, 0).reshape(units // width, gates * width, units)

    def transposed(self, matrix: Array) -> Array:
        """``[gates out, in]`` as ``[columns of tiles, units, gates out]``."""
        units, width = self.shape.units, self.tile.units
        gates = matrix.shape[0] // self.num_units
        parts = matrix.reshape(gates, self.num_units, self.num_units)
        more = units - self.num_units
        parts = jnp.pad(parts, ((0, 0), (0, more), (0, more))).reshape(gates * units, units // width, width)
        return parts.transpose(1, 2, 0)
