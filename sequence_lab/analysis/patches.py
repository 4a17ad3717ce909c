"""What in which image a unit of a convolutional network responds to most."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.ops.windows import ReceptiveField


class Peak(NamedTuple):
    """Where a unit is strongest in an image: how strong, which image, and the row and column of its map."""

    score: float
    image: int
    place: tuple[int, int]


def peaks(
    features: Callable[[np.ndarray], Any],
    images_NHWC: np.ndarray,
    units: Sequence[int],
    count: int = 9,
    batch_size: int = 128,
) -> list[list[Peak]]:
    """Of each unit its peak in each of the ``count`` images where that is highest, the highest first.

    Of an image there is one, since its neighbours in the map have seen nearly the same (Zeiler and Fergus 2014,
    section 4.1).

    Args:
      features: from images ``[batch_size, H, W, C]`` to maps ``[batch_size, h, w, D]``: a network up to a layer.
      units: which of the D.

    Raises:
      ValueError: a unit that is not there, or more images than there are.
    """
    number = len(images_NHWC)
    if not 1 <= count <= number:
        raise ValueError(f"count is {count}; allowed: 1 to {number}, the images")
    found: list[list[Peak]] = [[] for _ in units]
    for first in range(0, number, batch_size):
        rows = np.arange(first, first + batch_size)
        maps = np.asarray(features(images_NHWC[rows % number]))  # of one size, which is compiled once
        maps, rows = maps[: number - first], rows[: number - first]
        for place, unit in enumerate(units):
            if not 0 <= unit < maps.shape[-1]:
                raise ValueError(f"unit is {unit}; allowed: 0 to {maps.shape[-1] - 1}")
            flat = maps[..., unit].reshape(len(maps), -1)
            places = np.unravel_index(flat.argmax(axis=1), maps.shape[1:3])
            scored = zip(flat.max(axis=1).tolist(), rows.tolist(), *(axis.tolist() for axis in places), strict=True)
            own = [Peak(score, image, (row, column)) for score, image, row, column in scored]
            found[place] = sorted([*found[place], *own], reverse=True)[:count]
    return found


def patch(image_HWC: np.ndarray, place: Sequence[int], fields: Sequence[ReceptiveField]) -> np.ndarray:
    """All that a unit sees at a place of its map: ``[rows, columns, C]``, zeros where that is not of the image.

    Args:
      fields: the unit's, along height and width: ``ops.windows.receptive_field`` of the windows of each layer.
    """
    starts = [field.start + at * field.stride for at, field in zip(place, fields, strict=True)]
    seen = np.zeros((*(field.size for field in fields), image_HWC.shape[-1]), image_HWC.dtype)
    inside = [
        slice(max(start, 0), max(min(start + field.size, side), 0))
        for start, field, side in zip(starts, fields, image_HWC.shape, strict=False)
    ]
    to = [slice(part.start - start, part.stop - start) for part, start in zip(inside, starts, strict=True)]
    seen[tuple(to)] = image_HWC[tuple(inside)]
    return seen
