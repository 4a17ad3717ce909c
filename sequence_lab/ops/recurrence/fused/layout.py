"""How the arrays of ``scan`` lie in the kernels of ``fused``: whole tiles, one batch axis, matrices tile by tile."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops.recurrence.fused.tiles import Shape, Tile, filled_up

Array = jax.Array


class Layout:
    """Between the arrays of ``scan`` and those of the kernels; what is added to fill whole tiles is zeros."""

    def __init__(self, tile: Tile, batch_shape: tuple[int, ...], num_steps: int, num_units: int) -> None:
        self.batch_shape, self.num_rows, self.num_units = batch_shape, math.prod(batch_shape), num_units
        units = filled_up(self.num_units, max(tile.units, tile.chunk * tile.parts))
        self.tile, self.shape = tile, Shape(num_steps, filled_up(self.num_rows, tile.rows), units)

    def rows(self, array: Array) -> Array:
        """``[..., *batch, gates units]`` with one batch axis; units filled up gate by gate."""
        lead = array.shape[: array.ndim - 1 - len(self.batch_shape)]
        array = array.reshape(*lead, self.num_rows, array.shape[-1])
        return self._filled(jnp.pad(array, [(0, 0)] * len(lead) + [self._more_rows, (0, 0)]))

    def back(self, array: Array) -> Array:
        """The way back of ``rows``."""
        lead, gates = array.shape[:-2], array.shape[-1] // self.shape.units
        array = array.reshape(*array.shape[:-1], gates, self.shape.units)
        array = array[..., : self.num_rows, :, : self.num_units]
        return array.reshape(*lead, *self.batch_shape, gates * self.num_units)

    def mask(self, valid: Array | None) -> Array | None:
        """``[T, *batch]`` as ``[T, rows]``, in the integers that a kernel can read."""
        if valid is None:
            return None
        return jnp.pad(valid.reshape(valid.shape[0], self.num_rows).astype(jnp.int32), [(0, 0), self._more_rows])

    def local(self, local: Any) -> dict[str, Array]:
        """``[gates units]`` each."""
        return {name: self._filled(parameter) for name, parameter in local.items()}

    def matrix(self, matrix: Array) -> Array:
        """``[in, gates out]`` as ``[columns of tiles, gates units, in]``, each tile's part in one piece."""
        units, width = self.shape.units, self.tile.units
        parts = self._filled_square(matrix).reshape(units, -1, units // width, width)
        return parts.transpose(2, 1, 3, 0).reshape(units // width, -1, units)

    def transposed(self, matrix: Array) -> Array:
        """``[gates out, in]`` as ``[columns of tiles, units, gates out]``."""
        units, width = self.shape.units, self.tile.units
        return self._filled_square(matrix.T).reshape(units // width, width, -1)

    @property
    def _more_rows(self) -> tuple[int, int]:
        return 0, self.shape.rows - self.num_rows

    @property
    def _more_units(self) -> tuple[int, int]:
        return 0, self.shape.units - self.num_units

    def _filled(self, array: Array) -> Array:
        """The last axis, ``gates units``, filled up gate by gate."""
        parts = array.reshape(*array.shape[:-1], -1, self.num_units)
        parts = jnp.pad(parts, [(0, 0)] * (parts.ndim - 1) + [self._more_units])
        return parts.reshape(*array.shape[:-1], -1)

    def _filled_square(self, matrix: Array) -> Array:
        return self._filled(jnp.pad(matrix, [self._more_units, (0, 0)]))
