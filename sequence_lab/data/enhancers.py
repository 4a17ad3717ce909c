"""Human enhancers: which pieces of DNA are some, and how strong."""

import numpy as np

from sequence_lab.data import dna, store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.splits import Dataset, Examples


def dna_enhancers(
    layer: int = 1,
    leaked: bool = False,
    folds: int = 0,
    fold: int = 0,
    validation: float = 0.1,
    positives: float = 1.0,
) -> Dataset:
    """Enhancers and their strength (Liu et al. 2016 and 2018): one-hot bases ``[200, 4]``, A C G T, two classes.

    Args:
      layer: 1, enhancer or not (2,968 pieces to train on, 400 independent ones to test); 2, strong or weak (1,484 and
        200).
      leaked: as published, all 100 strong enhancers of the independent test are among the pieces to train on, too;
        False takes them out of training, and leaves one test piece that shares half of its bases with a piece there.
      folds, fold: test on a fold of the pieces to train on, instead of the independent ones.
      validation: share of the training pieces.
      positives: share of the second class that is kept, in every split the same pieces each time.

    Raises:
      ValueError: another layer, a share that keeps nothing of a split, or it was not prepared.
    """
    if layer not in (1, 2):
        raise ValueError(f"dataset.layer is {layer}; allowed: 1, 2")
    if not 0 < positives <= 1:
        raise ValueError(f"dataset.positives is {positives}; allowed: above 0, up to 1")
    prepared = store.load("dna_enhancers")
    names = prepared.classes["label"]

    def read(split: str, without: set[str]) -> tuple[np.ndarray, np.ndarray]:
        column = prepared.splits[split]
        sequences, found = store.texts(column["sequence"]), np.asarray(column["label"])
        kept = [
            row
            for row, s in enumerate(sequences)
            if s not in without and (layer == 1 or found[row] != names.index("none"))
        ]
        inputs = np.stack([dna.one_hot(sequences[row]) for row in kept])
        positive = found[kept] == names.index("strong") if layer == 2 else found[kept] != names.index("none")
        return inputs, positive.astype(np.int32)

    tested = set() if leaked or folds else set(store.texts(prepared.splits["independent"]["sequence"]))
    inputs, labels = read("benchmark", tested)
    rows = partition(Partition(validation, test=0, folds=folds, fold=fold), labels)
    found = {name: (inputs[r], labels[r]) for name, r in rows.items()}
    if not folds:
        found["test"] = read("independent", set())
    splits = {name: _thinned(*arrays, positives, name) for name, arrays in found.items()}
    return Dataset(splits, {"num_outputs": 2}, classes=("weak", "strong") if layer == 2 else ("none", "enhancer"))


def _thinned(inputs: np.ndarray, labels: np.ndarray, positives: float, split: str) -> Examples:
    """All that is of class 0, and that share of class 1, drawn under a fixed seed, in the order that it had."""
    rows = np.flatnonzero(labels == 1)
    count = round(positives * len(rows))
    if not count and len(rows):
        raise ValueError(
            f"dataset.positives is {positives}, none of {len(rows)} in {split}; allowed: what keeps one or more"
        )
    drawn = np.random.default_rng(0).permutation(rows)[:count]
    kept = np.sort(np.concatenate([np.flatnonzero(labels == 0), drawn]))
    return Examples({"inputs": inputs[kept], "labels": labels[kept]})
