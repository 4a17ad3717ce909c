"""What a language model is measured against, in bits per symbol: an n-gram model and a compressor."""

from __future__ import annotations

import lzma
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sequence_lab.analysis.ngram import NGram, best_ngram

Ids = npt.NDArray[np.integer]

# Each order costs as much as the first; on the Python documentation 7 to 10 together would gain another 3 %.
_MAX_ORDER = 6
CACHE_SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)


class Vocabulary(Protocol):
    """What the baselines need to know of a vocabulary: its size V and the text of ids."""

    def __len__(self) -> int: ...

    def decode(self, ids: Ids, /) -> str: ...


Baseline = Callable[[Ids, Ids, Ids, Vocabulary], dict[str, float]]


def ngram_bits(train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary) -> dict[str, float]:
    """The n-gram model fitted to the training ids whose order and smoothing the validation ids chose.

    Args:
      train_ids, validation_ids, test_ids: each [T], T at least 1.
      vocabulary: the vocabulary of the ids.

    Returns:
      `{"interpolated 5-gram (kneser_ney)": bits per test symbol}`, say.
    """
    model = best_ngram(train_ids, validation_ids, len(vocabulary), min(_MAX_ORDER, len(train_ids)))
    bits = -float(model.log_probs(test_ids).mean()) / math.log(2)
    return {f"interpolated {model.order}-gram ({model.smoothing})": bits}


def kneser_ney_5_bits(train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary) -> dict[str, float]:
    """The interpolated 5-gram model of modified Kneser-Ney smoothing, alone and with a cache of what was read last.

    KN5 and KN5 + cache of Mikolov (2012), table 4.1; the share of the cache is the one that validation ids like best.
    """
    model = NGram.fit(train_ids, len(vocabulary), min(5, len(train_ids)))
    logs = {name: model.log_probs(ids) for name, ids in (("validation", validation_ids), ("test", test_ids))}
    caches = {name: cache_probs(ids) for name, ids in (("validation", validation_ids), ("test", test_ids))}

    def bits(split: str, share: float) -> float:
        return -float(np.log2((1 - share) * np.exp(logs[split]) + share * caches[split]).mean())

    share = min(CACHE_SHARES, key=lambda share: bits("validation", share))
    return {"KN5": bits("test", 0.0), f"KN5 + cache ({share:.0%})": bits("test", share)}


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


def xz_bits(train_ids: Ids, validation_ids: Ids, test_ids: Ids, vocabulary: Vocabulary) -> dict[str, float]:
    """The compressor xz at its strongest, on UTF-8.

    Args:
      train_ids, validation_ids, test_ids: each [T]; the test text at least 1 long. Validation is not used.
      vocabulary: the vocabulary of the ids.

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
