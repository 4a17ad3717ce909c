"""Texts for language models: one stream of tokens a split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sequence_lab.data import store, tokens
from sequence_lab.data.splits import Dataset, Stream

TRAIN_ON = ("train", "validation")  # texts of a set


def ptb(tokens: str = "blanks", vocabulary_size: int = 0, min_count: int = 1) -> Dataset:
    """Penn Treebank as Mikolov prepared it; see ``streams``. Words: 929,589 / 73,760 / 82,430 tokens, V = 10,000."""
    return streams("ptb", tokens, vocabulary_size, min_count)


def wikitext2(tokens: str = "blanks", vocabulary_size: int = 0, min_count: int = 1, train_on: str = "train") -> Dataset:
    """WikiText-2 (Merity et al. 2016); see ``streams``. Words: 2,088,628 / 217,646 / 245,569 tokens, V = 33,278.

    Where the training text is not at hand, it trains on "validation", and is tested on all of the test text, of whose
    words one in nine is unknown then: no perplexity of it may stand beside those of the whole set.
    """
    return streams("wikitext2", tokens, vocabulary_size, min_count, train_on)


def streams(name: str, kind: str, vocabulary_size: int, min_count: int, train_on: str = "train") -> Dataset:
    """A set of lines of text as streams, "<eos>" after every line; the vocabulary is the training text's.

    Args:
      kind: "blanks" for words as they stand there; "characters", of which a blank is one and "<eos>" another, while
        "<unk>" stays as it is written, and is one only of a vocabulary that is cut off; or another of ``tokens.learn``.
      vocabulary_size, min_count: of the tokens that are kept, as in ``tokens.learn``.
      train_on: "validation", its text is the training text but for the last tenth of its lines, which is validation.

    Raises:
      ValueError: the set has no training text and would need it, or an option is out of range.
    """
    if train_on not in TRAIN_ON:
        raise ValueError(f"dataset.train_on is {train_on!r}; allowed: {', '.join(TRAIN_ON)}")
    prepared = store.load(name)
    lines = {split: store.texts(column["text"]) for split, column in prepared.splits.items()}
    if train_on == "validation":
        text = lines["validation"]
        first = len(text) - round(len(text) / 10)
        lines |= {"train": text[:first], "validation": text[first:]}
    if "train" not in lines:
        raise ValueError(
            f"data set {name} was prepared without its training text; allowed: after `python launch.py --mode=prepare "
            f"--datasets={name} --manual_dir=FOLDER`, with all three texts in FOLDER; or dataset.train_on=validation, "
            "which trains on the validation text"
        )
    cut_off = kind == "characters" and (vocabulary_size > 0 or min_count > 1)
    special = (tokens.UNKNOWN, tokens.END) if cut_off or kind in ("blanks", "words") else (tokens.END,)
    learnt = tokens.learn(lines["train"], kind, size=vocabulary_size, min_count=min_count, special=special)
    return in_streams(lines, learnt)


def in_streams(lines: Mapping[str, Sequence[str]], learnt: tokens.Tokens) -> Dataset:
    """The lines of each split as one stream, with "<eos>" after each where the vocabulary has it."""
    ids = {split: learnt.encode_all(texts) for split, texts in lines.items()}
    end = learnt.tokenizer.token_to_id(tokens.END)
    found = {split: Stream(rows.values if end is None else rows.joined(end)) for split, rows in ids.items()}
    counts = np.bincount(found["train"].tokens, minlength=len(learnt))
    facts: dict[str, Any] = {"vocabulary_size": len(learnt), "symbol_counts": tuple(map(int, counts))}
    return Dataset(found, facts, learnt)
