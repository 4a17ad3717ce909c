"""What a network for images has learnt and does, as PNG files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sequence_lab.analysis import figures

BACKGROUND = 0.9  # of white 1: on it a white tile has edges
TILE = 0.9  # inches, the shorter side
SIGNED, BRIGHT = "RdBu_r", "gray"


def filter_grid(kernel_HWCD: np.ndarray, path: Path, title: str, *, colours: bool = False, most: int = 64) -> None:
    """Draws the filters of a first layer, ``most`` at most, each on a scale of its own.

    Red is positive, blue negative, white 0; a filter over several channels is a row of tiles, one for each.

    Args:
      colours: the channels are red, green and blue: each filter is one tile in these, grey being 0.
    """
    kernel = np.asarray(kernel_HWCD, np.float32)[..., :most]
    kernel = kernel / np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), 1e-9)
    height, width, channels, count = kernel.shape
    if colours:
        tiles, columns, channels = list(np.moveaxis(0.5 + kernel / 2, -1, 0)), _columns(count), 1
    else:
        tiles = list(kernel.transpose(3, 2, 0, 1).reshape(count * channels, height, width))
        columns = channels if channels > 1 else _columns(count)
    names = ["" if tile % channels else str(tile // channels) for tile in range(len(tiles))]
    _grid(tiles, names, columns, path, title, cmap=SIGNED, vmin=-1, vmax=1)


def are_colours(images: np.ndarray) -> bool:
    """Whether the last axis can be red, green and blue: three channels from 0 to 1."""
    return images.shape[-1] == 3 and bool(images.min() >= 0) and bool(images.max() <= 1)


def feature_maps(maps_HWD: np.ndarray, path: Path, title: str, image_HWC: np.ndarray | None = None) -> None:
    """Draws what each unit of a layer makes of one image, on one scale, after that image."""
    maps = np.asarray(maps_HWD, np.float32)
    shown = [] if image_HWC is None else [_shown(image_HWC)]
    names = ["image"] * len(shown) + [str(number) for number in range(maps.shape[-1])]
    low, high = min(float(maps.min()), 0.0), float(maps.max())
    if shown and shown[0].ndim == 2:  # its own range, brought to that of the maps
        shown = [low + shown[0] * (high - low)]
    tiles = [*shown, *np.moveaxis(maps, -1, 0)]
    _grid(tiles, names, _columns(len(tiles)), path, title, cmap=BRIGHT, vmin=low, vmax=high)


def responses(
    kernel_HWCD: np.ndarray, maps_HWD: np.ndarray, names: Sequence[str], path: Path, title: str, image_HWC: np.ndarray
) -> None:
    """Draws what filters answer to an image, that image first, and each filter under its map, as a sum over channels.

    Red is positive, blue negative, white 0; every tile is on a scale of its own.
    """
    image, maps = _shown(image_HWC), np.asarray(maps_HWD, np.float32)
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)  # in grey among tiles of red and blue
    kernel = np.asarray(kernel_HWCD, np.float32).sum(axis=2)
    maps, kernel = (tile / np.maximum(np.abs(tile).max(axis=(0, 1)), 1e-9) for tile in (maps, kernel))
    tiles = [image, *np.moveaxis(maps, -1, 0), np.full((*kernel.shape[:2], 3), BACKGROUND), *np.moveaxis(kernel, -1, 0)]
    _grid(tiles, ["image", *names, *[""] * (1 + len(names))], 1 + len(names), path, title, cmap=SIGNED, vmin=-1, vmax=1)


def patch_grid(patches: Sequence[np.ndarray], scores: Sequence[float], path: Path, title: str) -> None:
    """Draws patches ``[rows, columns, C]`` in their order, as ``patches.peaks`` and ``patches.patch`` find them."""
    tiles = [_shown(patch) for patch in patches]
    _grid(tiles, [f"{score:.3g}" for score in scores], _columns(len(tiles)), path, title, cmap=BRIGHT, vmin=0, vmax=1)


def max_pool_winners(
    image_HWC: np.ndarray, values_HW: np.ndarray, indices_HW: np.ndarray, sizes: Sequence[int], path: Path, title: str
) -> None:
    """Draws, over the image, the place that won each window of a max-pooling: the larger, the larger its value.

    Args:
      values_HW, indices_HW: of one image and one unit, as ``ops.pooling.max_pool_with_indices`` gives them; an index of
        -1: no winner.
      sizes: height and width of what was pooled, whose places are spread evenly over the image.
    """
    image = _shown(image_HWC)
    figure, axes = _figure(1, 1, 4.5, 4.5 * image.shape[0] / image.shape[1])
    axes[0].imshow(image, cmap=BRIGHT, vmin=0, vmax=1)
    won, values = np.asarray(indices_HW), np.asarray(values_HW, np.float32)
    rows, columns = np.unravel_index(won[won >= 0], tuple(sizes))
    steps = [side / size for side, size in zip(image.shape, sizes, strict=False)]
    x, y = ((at + 0.5) * step - 0.5 for at, step in zip((columns, rows), reversed(steps), strict=True))
    shares = (values - values.min()) / max(float(np.ptp(values)), 1e-9)
    axes[0].scatter(x, y, 60 * shares[won >= 0], color="tab:orange")
    for draw, count, side in zip((axes[0].axhline, axes[0].axvline), won.shape, image.shape, strict=False):
        for line in range(1, count):
            draw(line * side / count - 0.5, color="tab:blue", linewidth=0.5, alpha=0.6)
    figures.save(figure, path, title)


def _grid(
    tiles: Sequence[np.ndarray], names: Sequence[str], columns: int, path: Path, title: str, **scale: Any
) -> None:
    rows = math.ceil(len(tiles) / columns)
    aspect = max(tile.shape[0] / tile.shape[1] for tile in tiles)
    figure, axes = _figure(rows, columns, TILE * max(1.0, 1 / aspect), TILE * max(1.0, aspect))
    for place, tile, name in zip(axes, tiles, names, strict=False):
        place.imshow(tile, **scale)
        place.set_title(name, fontsize=6, pad=2)
    figures.save(figure, path, title)


def _shown(image_HWC: np.ndarray) -> np.ndarray:
    """As colours where it may have them; else in grey, channels side by side, each from 0 to 1."""
    image = np.asarray(image_HWC, np.float32)
    if are_colours(image):
        return image
    low, high = image.min(axis=(0, 1)), image.max(axis=(0, 1))
    return np.concatenate(list(np.moveaxis((image - low) / np.maximum(high - low, 1e-9), -1, 0)), axis=1)


def _columns(count: int) -> int:
    return min(8, count) if count > 16 else math.ceil(math.sqrt(count))


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Any, list[Any]]:
    """Of tiles of that size in inches."""
    figure, axes = figures.tiles(rows, columns, max(columns * width, 3), rows * (height + 0.15) + 0.4)
    figure.set_facecolor(str(BACKGROUND))
    for one in axes:
        one.set_axis_off()
    return figure, axes
