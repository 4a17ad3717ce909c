"""Generated pairs of texts: reversed, sorted, and dates as people write them with the same date in ISO 8601.

No source of a split is in another one. The same fields and seed give the same pairs, and the same validation and test
whatever ``num_train`` is.
"""

import datetime
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, paired_texts

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST_DAY, LAST_DAY = datetime.date(1900, 1, 1).toordinal(), datetime.date(2099, 12, 31).toordinal()
FORMATS: tuple[Callable[[datetime.date], str], ...] = (
    lambda d: f"{d.day} {MONTHS[d.month - 1][:3]} {d.year}",
    lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"{WEEKDAYS[d.weekday()]}, {d.day} {MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{d.day:02}/{d.month:02}/{d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{MONTHS[d.month - 1][:3]} {d.day} {d.year}",
)


def reverse(
    min_length: int = 5,
    max_length: int = 20,
    symbols: int = 26,
    num_train: int = 20_000,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """Strings of letters, and the same from their end to their start.

    Args:
      min_length, max_length: letters, every number from one to the other equally often.
      symbols: how many different letters there are.
      num_train, num_test: pairs; validation has as many as test.
    """
    strings = _strings(np.random.default_rng(seed), min_length, max_length, symbols)
    return _dataset(((text, text[::-1]) for text in strings), num_train, num_test)


def sort(
    min_length: int = 5,
    max_length: int = 20,
    symbols: int = 26,
    num_train: int = 20_000,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """Strings of letters, and the same letters in the order of the alphabet; arguments as in ``reverse``."""
    strings = _strings(np.random.default_rng(seed), min_length, max_length, symbols)
    return _dataset(((text, "".join(sorted(text))) for text in strings), num_train, num_test)


def date_formats(num_train: int = 10_000, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Days from 1900 to 2099, each in one of seven English ways, and as YYYY-MM-DD; no day is in two splits.

    "23 Mar 2011", "Wednesday, 23 March 2011", "23/03/2011" and others become "2011-03-23".
    """
    random = np.random.default_rng(seed)
    days = map(datetime.date.fromordinal, random.permutation(np.arange(FIRST_DAY, LAST_DAY + 1)).tolist())
    pairs = ((FORMATS[random.integers(len(FORMATS))](day), day.isoformat()) for day in days)
    return _dataset(pairs, num_train, num_test)


def _strings(random: np.random.Generator, min_length: int, max_length: int, symbols: int) -> Iterator[str]:
    """Different strings, without end or until there can be few new ones."""
    if not 1 <= min_length <= max_length or not 2 <= symbols <= len(LETTERS):
        raise ValueError(
            f"dataset.min_length is {min_length}, max_length {max_length}, symbols {symbols}; allowed: "
            f"1 <= min_length <= max_length, 2 to {len(LETTERS)} symbols"
        )
    seen = set[str]()
    in_vain = 0
    while in_vain < 1000:
        text = "".join(LETTERS[i] for i in random.integers(symbols, size=random.integers(min_length, max_length + 1)))
        in_vain = in_vain + 1 if text in seen else 0
        if text not in seen:
            seen.add(text)
            yield text


def _dataset(pairs: Iterator[tuple[str, str]], num_train: int, num_test: int) -> Dataset:
    if num_train < 1 or num_test < 1:
        raise ValueError(f"dataset.num_train is {num_train}, num_test is {num_test}; allowed: at least 1 each")
    splits = {}
    for split, size in {"test": num_test, "validation": num_test, "train": num_train}.items():
        found = list(itertools.islice(pairs, size))
        if len(found) < size:
            raise ValueError(
                f"dataset.num_train is {num_train}, num_test is {num_test}; allowed: fewer, as there are no more pairs"
            )
        splits[split] = [source for source, _ in found], [target for _, target in found]
    order = ("train", "validation", "test")
    return paired_texts({split: splits[split] for split in order}, TextOptions("characters", 0, 1, False, 0))
