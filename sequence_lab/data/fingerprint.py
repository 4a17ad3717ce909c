"""What a data set is in a few numbers, so that no run goes on, or is judged, on other data under the same name."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data.ragged import Ragged
from sequence_lab.data.splits import Dataset, Stream

NAMES = ("vocabulary", "classes")  # the parts that an output of the network is read by
PARTS = 64  # of an array of floats
TOLERANCE = 1e-4  # of its spread: what is computed from recordings differs by less from one machine to another
SIGNS = np.random.default_rng(0).choice([-1.0, 1.0], 10_007)  # a prime: no row or image is as long, or a divisor of it


def fingerprint(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Of vocabulary, classes, facts and each array of each split, by name: plain values, which JSON can hold.

    Each has its size and a checksum (CRC-32). Floats are not the same bit for bit on every machine: an array of them
    has instead, of each of 64 parts, the mean, the mean square, the sum under a fixed sequence of signs over the root
    of their number, and how many are not finite. That notices another order, and one number among a million of a part
    that changed by a tenth of the array's spread.
    """
    vocabulary = () if dataset.vocabulary is None else dataset.vocabulary.symbols
    found = {
        "vocabulary": _of_values(vocabulary, len(vocabulary)),
        "classes": _of_values(dataset.classes, len(dataset.classes)),
        "facts": _of_values(sorted(dataset.facts.items()), len(dataset.facts)),
        "targets of test": _of_values(tuple(dataset.targets), len(dataset.targets)),
    }
    for split_name, split in dataset.splits.items():
        if split_name in dataset.digests:
            found[f"what was read of {split_name}"] = _of_array(dataset.digests[split_name])
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
        before, after = known.get(name, {}), now.get(name, {})
        sizes = [one.get("size") for one in (before, after)]
        if sizes[0] != sizes[1]:
            return f"{name}: {_words(sizes[0])} before, {_words(sizes[1])} now"
        if not _alike(before, after):
            return f"{name}: {_words(sizes[1])} as before, of other values"
    return None


def _of_values(values: Any, size: int) -> dict[str, Any]:
    return {"size": [size], "crc32": zlib.crc32(json.dumps(values, default=str).encode())}


def _of_array(array: np.ndarray) -> dict[str, Any]:
    parts = np.array_split(array.reshape(-1), min(PARTS, array.size)) if array.size else []
    found: dict[str, Any] = {"size": list(array.shape)}
    if np.issubdtype(array.dtype, np.floating):
        statistics = np.array([_statistics(part) for part in parts]).reshape(len(parts), 4)
        mean, square = (float(one) for one in statistics[:, :2].mean(axis=0)) if parts else (0.0, 0.0)
        return {**found, "statistics": statistics.tolist(), "spread": max(square - mean**2, 0.0) ** 0.5}
    checksum = 0
    for part in parts:
        exact = part.astype("<i8") if np.issubdtype(part.dtype, np.integer) else part  # of whatever width they are kept
        checksum = zlib.crc32(exact.tobytes(), checksum)
    return {**found, "crc32": checksum}


def _statistics(part: np.ndarray) -> tuple[float, float, float, float]:
    values = part.astype(np.float64)
    finite = np.isfinite(values)
    values[~finite] = 0
    whole = len(values) // len(SIGNS) * len(SIGNS)
    signed = (values[:whole].reshape(-1, len(SIGNS)) @ SIGNS).sum() + values[whole:] @ SIGNS[: len(values) - whole]
    return values.mean(), np.square(values).mean(), signed / len(values) ** 0.5, float(len(values) - finite.sum())


def _alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if not {"statistics", "spread"} <= before.keys() & after.keys():
        return before.get("crc32") == after.get("crc32") is not None
    old, new = (np.array(one["statistics"], float).reshape(-1, 4) for one in (before, after))
    if old.shape != new.shape:
        return False
    spread = before["spread"]
    near = TOLERANCE * np.array([spread, spread**2, spread, 0]) + 1e-6 * np.abs(old) * [1, 1, 1, 0]
    return bool(np.all(np.abs(old - new) <= near))


def _words(size: list[int] | None) -> str:
    return "not there" if size is None else " x ".join(f"{length:,}" for length in size)
