"""Human enhancers: which pieces of DNA are some, and how strong."""

import numpy as np

from sequence_lab.data import dna, store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.splits import Dataset, Examples


def dna_enhancers(
    layer: int = 1, leaked: bool = False, folds: int = 0, fold: int = 0, validation: float = 0.1
) -> Dataset:
    """Enhancers and their strength (Liu et al. 2016 and 2018): one-hot bases ``[200, 4]``, A C G T, two classes.

    Args:
      layer: 1, enhancer or not (2,968 pieces to train on, 400 independent ones to test); 2, strong or weak (1,484 and
        200).
      leaked: as published, all 100 strong enhancers of the independent test are among the pieces to train on, too;
        False takes them out of training.
      folds, fold: test on a fold of the pieces to train on, instead of the independent ones.
      validation: share of the training pieces.

    Raises:
      ValueError: another layer, or it was not prepared.
    """
    if layer not in (1, 2):
        raise ValueError(f"dataset.layer is {layer}; allowed: 1, 2")
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
    splits = {name: Examples({"inputs": inputs[r], "labels": labels[r]}) for name, r in rows.items()}
    if not folds:
        independent = read("independent", set())
        splits["test"] = Examples(dict(zip(("inputs", "labels"), independent, strict=True)))
    return Dataset(splits, {"num_outputs": 2}, classes=("weak", "strong") if layer == 2 else ("none", "enhancer"))
