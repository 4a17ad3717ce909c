"""Any set of TFDS's catalogue that was prepared: a feature to read, and one to tell from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.builders import CATALOGUE
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.recordings import FULL
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset, Examples
from sequence_lab.data.texts import TextOptions, labelled_texts

SPLITS = ("train", "validation", "test")
ONE = {np.dtype(np.uint8): 255, np.dtype(np.int16): FULL}  # what becomes 1: of an image, of sound


def catalogue(
    name: str,
    inputs: str = "",
    labels: str = "label",
    validation: float = 0.1,
    test: float = 0.1,
    without: str = "",
    tokens: str = "words",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
) -> Dataset:
    """A set of the catalogue of TensorFlow Datasets, as ``tfds:NAME``, once it is prepared.

    Inputs are a text, as ids; or an array, of one shape or of different lengths: bytes from 0 to 1, integers of 16 bits
    from -1 to 1. Labels are classes, or numbers for a regression.

    Args:
      name: in the catalogue.
      inputs: a feature; "", the only one beside the labels.
      labels: a feature.
      validation, test: shares of the training split, where there is no such split.
      without: "test" or "validation", as if there were no such split; for one whose labels are hidden.
      tokens, vocabulary_size, min_count, lower_case, max_length: see ``TextOptions``.

    Raises:
      ValueError: it is not prepared, has no such feature, or labels that are none.
    """
    prepared = store.load(CATALOGUE + name)
    if without not in ("", "validation", "test"):
        raise ValueError(f"dataset.without is {without!r}; allowed: validation, test, or none")
    if "train" not in prepared.splits:
        raise ValueError(f"{name} has the splits {', '.join(prepared.splits)}; allowed: train, and others")
    features = list(prepared.splits["train"])
    others = [feature for feature in features if feature != labels]
    inputs = inputs or (others[0] if len(others) == 1 else "")
    for field, feature in (("inputs", inputs), ("labels", labels)):
        if feature not in features:
            raise ValueError(
                f"dataset.{field} is {feature!r}; allowed of {name}: {', '.join(sorted(features))} (a feature that is "
                f"{store.COLUMN})"
            )
    classes = prepared.classes.get(labels, ())
    splits = {split: column for split, column in prepared.splits.items() if split in SPLITS and split != without}
    targets = {s: _targets(c[labels], classes, f"{name}, {s}, {labels}", s) for s, c in splits.items()}
    parts = _parts(targets, classes, validation, test)
    if inputs in prepared.text_features:
        texts = {s: store.texts(c[inputs]) for s, c in splits.items()}
        chosen = {
            split: ([texts[own][row] for row in rows], targets[own][rows]) for split, (own, rows) in parts.items()
        }
        return labelled_texts(chosen, classes, TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length))
    found = {split: _split(splits[own][inputs], targets[own], rows) for split, (own, rows) in parts.items()}
    return Dataset(found, {"num_outputs": len(classes) or targets["train"].shape[1]}, classes=classes)


def _targets(told: store.Column, classes: tuple[str, ...], where: str, split: str) -> np.ndarray:
    """Classes ``[N]``, int32, or numbers ``[N, K]``, float32; ValueError for what is neither."""
    if isinstance(told, Ragged) or (classes and told.ndim > 1):
        raise ValueError(f"{where} is a text or a sequence; allowed: a class, or as many numbers for every row")
    if not classes:
        return np.asarray(told, np.float32).reshape(len(told), -1)
    for row in np.flatnonzero((np.asarray(told) < 0) | (np.asarray(told) >= len(classes)))[:1]:
        way_out = "" if split == "train" else f", or dataset.without={split}, if they are hidden"
        raise ValueError(f"{where} is {told[row]} in row {row:,}; allowed: a class, 0 to {len(classes) - 1}{way_out}")
    return np.asarray(told, np.int32)


def _parts(
    targets: Mapping[str, np.ndarray], classes: tuple[str, ...], validation: float, test: float
) -> Mapping[str, tuple[str, np.ndarray]]:
    """Of every split, the prepared split and its rows."""
    here = {split: len(told) for split, told in targets.items() if split != "train"}
    train = targets["train"]
    shares = Partition(0 if "validation" in here else validation, 0 if "test" in here else test)
    found = partition(shares, train if classes else np.zeros(len(train), int))
    drawn = {split: ("train", rows) for split, rows in found.items()}
    return {**drawn, **{split: (split, np.arange(count)) for split, count in here.items()}}


def _split(values: store.Column, targets: np.ndarray, rows: np.ndarray) -> Examples | Sequences:
    if isinstance(values, Ragged):
        chosen = values.select(rows)
        return Sequences({"inputs": Ragged(_scaled(chosen.values), chosen.lengths), "labels": targets[rows]})
    return Examples({"inputs": _scaled(values[rows]), "labels": targets[rows]})


def _scaled(values: Any) -> np.ndarray:
    full = ONE.get(values.dtype)
    return np.asarray(values, np.float32) / full if full else np.asarray(values, np.float32)
