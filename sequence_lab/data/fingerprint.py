"""What a data set is in a few numbers, so that no run goes on, or is judged, on other data under the same name."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data.ragged import Ragged
from sequence_lab.data.splits import Dataset, Stream

PARTS = 64  # of an array of floats; their means are kept
TOLERANCE = 1e-4  # of its spread: what is computed from recordings differs by less from one machine to another


def fingerprint(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Of the vocabulary, the classes and each array of each split, by name: plain values, which JSON can hold.

    Each has its size and a checksum (CRC-32), an array of floats, which are not the same bit for bit on every machine,
    the means of 64 parts instead: a few numbers that changed a little among many are not noticed.
    """
    vocabulary = [] if dataset.vocabulary is None else dataset.vocabulary.to_json()
    found = {
        "vocabulary": _of_names(vocabulary, 0 if dataset.vocabulary is None else len(dataset.vocabulary)),
        "classes": _of_names(dataset.classes, len(dataset.classes)),
    }
    for split_name, split in dataset.splits.items():
        arrays = {"symbols": split.tokens} if isinstance(split, Stream) else split.arrays
        for name, array in arrays.items():
            values = array.values if isinstance(array, Ragged) else array
            found[f"{name} of {split_name}"] = _of_array(values)
            if isinstance(array, Ragged):
                found[f"lengths of {name} of {split_name}"] = _of_array(array.lengths)
    return found


def difference(known: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The first thing in which two fingerprints differ, in words; None if it may be the same data."""
    for name in [*known, *(name for name in now if name not in known)]:
        before, after = known.get(name, {"size": None}), now.get(name, {"size": None})
        if before["size"] != after["size"]:
            return f"{name}: {_words(before['size'])} before, {_words(after['size'])} now"
        if not _alike(before, after):
            return f"{name}: {_words(after['size'])} as before, of other values"
    return None


def _of_names(names: Any, size: int) -> dict[str, Any]:
    return {"size": [size], "crc32": zlib.crc32(json.dumps(names).encode())}


def _of_array(array: np.ndarray) -> dict[str, Any]:
    size = list(array.shape)
    if not np.issubdtype(array.dtype, np.floating):
        return {"size": size, "crc32": zlib.crc32(array.tobytes())}
    parts = np.array_split(array.reshape(-1), min(PARTS, array.size)) if array.size else []
    return {
        "size": size,
        "means": [float(part.mean(dtype=np.float64)) for part in parts],
        "spread": float(np.nan_to_num(array).std(dtype=np.float64)) if array.size else 0.0,
    }


def _alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if "crc32" in before or "crc32" in after:
        return before.get("crc32") == after.get("crc32")
    near = TOLERANCE * before["spread"]
    return np.allclose(before["means"], after["means"], rtol=1e-6, atol=near, equal_nan=True)


def _words(size: list[int] | None) -> str:
    return "not there" if size is None else " x ".join(f"{length:,}" for length in size)
