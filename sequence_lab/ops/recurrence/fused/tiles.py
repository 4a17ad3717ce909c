"""How a launch of the engine ``fused`` is cut into programs."""

from typing import NamedTuple

import jax

PROCESSORS = 132  # of an H100, where no device says how many it has
SHARED_MEMORY = 200_000  # bytes, of the 227 KiB that a program may have there


class Tile(NamedTuple):
    """How a launch is cut.

    Rows and units of a program; what a product reads at once, in how many sums of their own; two of Triton's options.
    All but ``stages`` are powers of two. ``stages`` is 1 where one chunk is all and no program waits for another: else
    the loop over time would be pipelined, and read what is not there yet.
    """

    rows: int
    units: int
    chunk: int
    parts: int = 1
    warps: int = 4
    stages: int = 3


def filled_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


class Shape(NamedTuple):
    """Of a whole call, filled up to whole tiles."""

    steps: int
    rows: int
    units: int

    def grid(self, tile: Tile) -> tuple[int, int]:
        return self.units // tile.units, self.rows // tile.rows


def processors() -> int:
    """Of the device: how many programs run at once."""
    device = jax.devices()[0]
    return getattr(device, "core_count", PROCESSORS) if device.platform == "gpu" else PROCESSORS


def problem(tile: Tile, rows: int, units: int, at_once: int, interpret: bool) -> str | None:
    """Why a launch cannot be cut like this for so many rows and units, on a device that runs ``at_once`` programs."""
    if any(size < 1 or size & (size - 1) for size in tile[:5]):
        return f"its tile is {tuple(tile)}; allowed: powers of two, but for the stages"
    size = filled_up(units, max(tile.units, tile.chunk * tile.parts))
    columns, batches = Shape(1, filled_up(rows, tile.rows), size).grid(tile)
    if interpret and columns > 1:
        return f"its tile makes {columns} columns, and the interpreter runs one program to its end before the next"
    if columns > 1 and columns * batches > at_once:
        return f"its tile makes {columns * batches} programs that wait for one another; at once run {at_once}"
    if columns == 1 and size == tile.chunk * tile.parts and tile.stages > 1:
        return f"one chunk of its tile is all, with {tile.stages} stages; allowed: 1"
    return None


def tile_for(rows: int, units: int, gates: int, at_once: int) -> Tile | None:
    """The tile for so many rows and units: the smallest for which all programs run at once, by what was measured.

    None where there is none: too many units.
    """
    if units <= 64:  # a program has all of them, and waits for no other
        width = max(16, 1 << (units - 1).bit_length())
        return Tile(16, width, width, stages=1)
    for height, width in ((16, 8), (32, 8), (16, 16), (64, 8), (32, 16), (64, 16), (64, 32), (128, 32), (128, 64)):
        for parts, chunk in ((2, 64), (1, 64), (1, 32)):
            columns = filled_up(units, max(width, parts * chunk)) // width
            # Of the chunks of a product, Triton keeps two ahead; the reverse pass reads rows and units of every gate.
            memory = 2 * 4 * chunk * parts * gates * (height + width)
            if columns * -(-rows // height) <= at_once and memory <= SHARED_MEMORY:
                return Tile(height, width, chunk, parts, min(8, max(2, height * width // 256)))
    return None
