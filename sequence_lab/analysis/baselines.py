"""What a language model is measured against, in bits per symbol: n-gram models, also mixed with it, a compressor."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sequence_lab.analysis import mixtures
from sequence_lab.analysis.mixtures import Probabilities
from sequence_lab.analysis.ngram import NGram, best_ngram

Ids = npt.NDArray[np.integer]

# Each order costs as much as the first; on the Python documentation 7 to 10 together would gain another 3 %.
_MAX_ORDER = 6


class Vocabulary(Protocol):
    """What the baselines need to know of a vocabulary: its size V and the text of ids."""

    def __len__(self) -> int: ...

    def decode(self, ids: Ids, /) -> str: ...


Runs = Mapping[str, Probabilities]  # what is to be mixed with, by the name it has in the table
Baseline = Callable[[Ids, Ids, Ids, Vocabulary, Runs], dict[str, float]]


def ngram_bits(
    train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary, runs: Runs
) -> dict[str, float]:
    """The n-gram model fitted to the training ids whose order and smoothing the validation ids chose.

    Args:
      train_ids, validation_ids, test_ids: each [T], T at least 1.
      vocabulary: the vocabulary of the ids.
      runs: models to mix it with; see ``mixtures.bits``.

    Returns:
      `{"interpolated 5-gram (kneser_ney)": bits per test symbol}`, say, and the mixtures.
    """
    model = best_ngram(train_ids, validation_ids, len(vocabulary), min(_MAX_ORDER, len(train_ids)))
    found = _probabilities(model, validation_ids, test_ids)
    mixed = {f"{name} + {model.order}-gram": mixtures.bits([run, found]) for name, run in runs.items()}
    return {f"interpolated {model.order}-gram ({model.smoothing})": mixtures.bits([found]), **mixed}


def kneser_ney_5_bits(
    train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary, runs: Runs
) -> dict[str, float]:
    """The interpolated 5-gram model of modified Kneser-Ney smoothing, and a cache of what was read last.

    KN5, KN5 + cache and mixtures with these of Mikolov (2012), table 4.1. Arguments as of ``ngram_bits``.
    """
    model = NGram.fit(train_ids, len(vocabulary), min(5, len(train_ids)))
    found = _probabilities(model, validation_ids, test_ids)
    cache = Probabilities(cache_probs(validation_ids), cache_probs(test_ids))
    mixed: dict[str, float] = {}
    for name, run in runs.items():
        mixed[f"{name} + KN5"] = mixtures.bits([run, found])
        mixed[f"{name} + KN5 + cache"] = mixtures.bits([run, found, cache])
    return {"KN5": mixtures.bits([found]), "KN5 + cache": mixtures.bits([found, cache]), **mixed}


def _probabilities(model: NGram, *texts: Ids) -> Probabilities:
    return Probabilities(*(np.exp(model.log_probs(ids)) for ids in texts))


def cache_probs(ids: Ids, size: int = 500) -> np.ndarray:
    """Of each id its share among the ``size`` ids before it, ``[T]``: the unigram cache of Kuhn and De Mori (1990)."""
    counts = np.zeros(int(np.max(ids)) + 1)
    found = np.zeros(len(ids))
    for place, symbol in enumerate(ids):
        found[place] = counts[symbol] / max(min(place, size), 1)
        counts[symbol] += 1
        if place >= size:
            counts[ids[place - size]] -= 1
    return found


def xz_bits(train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary, runs: Runs) -> dict[str, float]:
    """The compressor xz at its strongest, on UTF-8.

    Args:
      train_ids, validation_ids, test_ids: each [T]; the test text at least 1 long. Validation is not used.
      vocabulary: the vocabulary of the ids.
      runs: not used: a compressor has no probabilities.

    Returns:
      Bits per test symbol: "xz" of the test text alone; "xz (primed with the training text)" of what the test
      text adds to the compressed size of the training text when it stands behind it.
    """
    train, test = (vocabulary.decode(ids).encode("utf-8", "surrogatepass") for ids in (train_ids, test_ids))
    sizes = {
        "xz": _xz_size(test),
        "xz (primed with the training text)": _xz_size(train + test) - _xz_size(train),
    }
    return {name: 8 * size / len(test_ids) for name, size in sizes.items()}


def _xz_size(data: bytes) -> int:
    """Bytes of the .xz file. The dictionary spans all the data: whatever came before can be copied."""
    dictionary = max(len(data), 4096)  # 4 KiB is the smallest that LZMA2 allows
    text = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": dictionary, "pb": 0}
    return len(lzma.compress(data, check=lzma.CHECK_NONE, filters=[text]))


BASELINES: dict[str, Baseline] = {"kneser_ney_5": kneser_ney_5_bits, "ngram": ngram_bits, "xz": xz_bits}
