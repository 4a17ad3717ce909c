"""Any set of TFDS's catalogue that was prepared: a feature to read, and one to tell from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.builders import CATALOGUE
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset, Examples
from sequence_lab.data.texts import TextOptions, labelled_texts

FULL = {np.dtype(np.uint8): 255, np.dtype(np.int16): 2**15}  # what becomes 1: of an image, of sound


def catalogue(
    name: str,
    inputs: str = "",
    labels: str = "label",
    validation: float = 0.1,
    test: float = 0.1,
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
      tokens, vocabulary_size, min_count, lower_case, max_length: see ``TextOptions``.

    Raises:
      ValueError: it is not prepared, or has no such feature.
    """
    prepared = store.load(CATALOGUE + name)
    if "train" not in prepared.splits:
        raise ValueError(f"{name} has the splits {', '.join(prepared.splits)}; allowed: train, and others")
    features = list(prepared.splits["train"])
    others = [feature for feature in features if feature != labels]
    inputs = inputs or (others[0] if len(others) == 1 else "")
    for field, feature in (("inputs", inputs), ("labels", labels)):
        if feature not in features:
            raise ValueError(f"dataset.{field} is {feature!r}; allowed of {name}: {', '.join(sorted(features))}")
    parts = _parts(prepared, labels, validation, test)
    classes = prepared.classes.get(labels, ())
    if inputs in prepared.text_features:
        texts = {s: store.texts(c[inputs]) for s, c in prepared.splits.items()}
        chosen = {
            split: ([texts[own][row] for row in rows], np.asarray(prepared.splits[own][labels])[rows])
            for split, (own, rows) in parts.items()
        }
        return labelled_texts(chosen, classes, TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length))
    splits = {
        split: _split(prepared.splits[own], rows, inputs, labels, classes) for split, (own, rows) in parts.items()
    }
    return Dataset(splits, {"num_outputs": len(classes) or 1}, classes=classes)


def _parts(
    prepared: store.Prepared, labels: str, validation: float, test: float
) -> Mapping[str, tuple[str, np.ndarray]]:
    """Of every split, the prepared split and its rows."""
    here = {split: len(prepared.splits[split][labels]) for split in ("validation", "test") if split in prepared.splits}
    shares = Partition(0 if "validation" in here else validation, 0 if "test" in here else test)
    found = partition(shares, np.asarray(prepared.splits["train"][labels]))
    drawn = {split: ("train", rows) for split, rows in found.items()}
    return {**drawn, **{split: (split, np.arange(count)) for split, count in here.items()}}


def _split(
    column: store.Columns, rows: np.ndarray, inputs: str, labels: str, classes: tuple[str, ...]
) -> Examples | Sequences:
    values, told = column[inputs], np.asarray(column[labels])[rows]
    targets = told.astype(np.int32) if classes else told.astype(np.float32).reshape(len(rows), -1)
    if isinstance(values, Ragged):
        chosen = values.select(rows)
        return Sequences({"inputs": Ragged(_scaled(chosen.values), chosen.lengths), "labels": targets})
    return Examples({"inputs": _scaled(values[rows]), "labels": targets})


def _scaled(values: Any) -> np.ndarray:
    full = FULL.get(values.dtype)
    return np.asarray(values, np.float32) / full if full else np.asarray(values, np.float32)
