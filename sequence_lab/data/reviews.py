"""Sentences and reviews with their sentiment, as tokens; or as the same tokens in random order: ``shuffled``."""

from collections.abc import Mapping

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, Texts, labelled_texts


def rt_polarity(
    folds: int = 10,
    fold: int = 0,
    validation: float = 0.1,
    tokens: str = "words",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    shuffled: bool = False,
) -> Dataset:
    """Movie-review sentence polarity v1.0 (Pang and Lee 2005), 10,662 sentences, two classes; see ``labelled_texts``.

    Args:
      folds, fold: of cross-validation, the test split being one of them.
      validation: share of the other folds.
    """
    prepared = store.load("rt_polarity")
    column = prepared.splits["unsplit"]
    rows = partition(Partition(validation, folds=folds, fold=fold), np.asarray(column["label"]))
    return labelled_texts(
        _chosen(column, rows),
        prepared.classes["label"],
        TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length, shuffled),
    )


def sst2(
    phrases: bool = False,
    tokens: str = "blanks",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    shuffled: bool = False,
) -> Dataset:
    """Stanford Sentiment Treebank (Socher et al. 2013), 6,920 / 872 / 1,821 sentences, two classes.

    Args:
      phrases: train on the 67,349 phrases of the training sentences.
    """
    prepared = store.load("sst2_phrases" if phrases else "sst2")
    return labelled_texts(
        _all(prepared),
        prepared.classes["label"],
        TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length, shuffled),
    )


def sst5(
    tokens: str = "blanks",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    shuffled: bool = False,
) -> Dataset:
    """Stanford Sentiment Treebank (Socher et al. 2013), 8,544 / 1,101 / 2,210 sentences, five grades."""
    prepared = store.load("sst5")
    return labelled_texts(
        _all(prepared),
        prepared.classes["label"],
        TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length, shuffled),
    )


def imdb(
    validation: float = 0.1,
    tokens: str = "words",
    vocabulary_size: int = 20_000,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    shuffled: bool = False,
) -> Dataset:
    """Large Movie Review Dataset (Maas et al. 2011), 25,000 / 25,000 reviews, two classes.

    Args:
      validation: share of the training reviews.
    """
    prepared = store.load("imdb")
    train, test = (prepared.splits[split] for split in ("train", "test"))
    rows = partition(Partition(validation, test=0), np.asarray(train["label"]))
    texts = {**_chosen(train, rows), "test": _read(test)}
    return labelled_texts(
        texts,
        prepared.classes["label"],
        TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length, shuffled),
    )


def _read(column: store.Columns) -> tuple[list[str], np.ndarray]:
    return store.texts(column["text"]), np.asarray(column["label"])


def _all(prepared: store.Prepared) -> Texts:
    return {split: _read(column) for split, column in prepared.splits.items()}


def _chosen(column: store.Columns, rows: Mapping[str, np.ndarray]) -> Texts:
    texts, labels = _read(column)
    return {split: ([texts[row] for row in found], labels[found]) for split, found in rows.items()}
