"""Images of a user's, with a class each."""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sequence_lab.data.images import viewed
from sequence_lab.data.own import folders, given
from sequence_lab.data.own.rows import classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.splits import Dataset, Examples

# Some that Pillow may not read are named, so that they are refused and not left out.
ENDINGS = (
    ".avif", ".bmp", ".gif", ".heic", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff",
    ".webp",
)  # fmt: skip
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def image_folder(
    folder: str,
    height: int,
    width: int,
    channels: int = 3,
    view: str = "image",
    group: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """Images with a class each, 0..1: a folder with a folder per class, or those in folders train, validation, test.

    Args:
      folder: its name; see ``folders.by_class``.
      height, width: images of another size are resized to, bilinearly.
      channels: 1, grey; 3, red, green and blue; 4, and how opaque.
      view: images ``[H, W, C]``, or the "rows" or "pixels" of ``images.viewed``.
      group: what stays in one split: files with one "prefix", their names up to the first _ or -.
      validation, test, folds, fold: see ``Partition``; for the splits that have no folder.

    Raises:
      ValueError: a file cannot be read, or an option is out of range; one line that names it.
    """
    if min(height, width) < 1:
        raise ValueError(f"dataset.height is {height} and dataset.width is {width}; allowed: 1 or more")
    if channels not in MODES:
        raise ValueError(f"dataset.channels is {channels}; allowed: {', '.join(map(str, MODES))}")
    files, rows = folders.by_class(folder, ENDINGS, "images", group)
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    classes, labels = classes_of(rows, parts)
    inputs = np.empty((len(files), height, width, channels), np.float32)
    for row, path in enumerate(files):
        inputs[row] = _image(path, height, width, channels)
    inputs = viewed(inputs, view)
    splits = {split: Examples({"inputs": inputs[own], "labels": labels[own]}) for split, own in parts.items()}
    return Dataset(splits, {"num_outputs": len(classes)}, classes=classes)


def _image(path: Path, height: int, width: int, channels: int) -> np.ndarray:
    """``[H, W, C]``, as a camera held it, of several frames the first."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            image = _of_bytes(image).convert(MODES[channels])
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as an image: {re.sub(r'<.*>', 'the file', str(error))}") from error
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).reshape(height, width, channels) / 255


def _of_bytes(image: Image.Image) -> Image.Image:
    """16 bits in 8, which Pillow would cut off at 255; and colours of a palette with what it says is transparent."""
    if image.mode.startswith("I"):
        return Image.fromarray(np.round(np.asarray(image, np.float32) / 257).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("it has floats, of an unknown range")
    return image.convert("RGBA") if "transparency" in image.info else image
