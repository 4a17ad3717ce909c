"""Texts with a class each, and pairs of texts, as sequences of tokens."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.data import tokens
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset

Texts = Mapping[str, tuple[list[str], np.ndarray]]
Pairs = Mapping[str, tuple[list[str], list[str]]]
SEED = 0  # of the order of the tokens of shuffled texts
PAIRED = (tokens.PAD, tokens.UNKNOWN, tokens.END)  # the first ids of the vocabulary of pairs


class TextOptions(NamedTuple):
    """How texts become ids.

    Attributes:
      tokens, vocabulary_size, min_count, lower_case: kind, size and the others of ``tokens.learn``.
      max_length: tokens after which a text is cut off; 0: never.
      shuffled: the tokens that are left of a text stand in an order drawn for its row, in every split alike.
    """

    tokens: str
    vocabulary_size: int
    min_count: int
    lower_case: bool
    max_length: int
    shuffled: bool = False


def learn(
    texts: list[str], options: TextOptions, special: tuple[str, ...] = (tokens.PAD, tokens.UNKNOWN)
) -> tokens.Tokens:
    """The vocabulary of training texts.

    Raises:
      ValueError: an option out of range.
    """
    if options.max_length < 0:
        raise ValueError(f"max_length is {options.max_length}; allowed: 0 or more")
    return tokens.learn(
        texts, options.tokens, size=options.vocabulary_size, min_count=options.min_count,
        lower_case=options.lower_case, special=special,
    )  # fmt: skip


def digests(texts: Iterable[str], options: TextOptions) -> np.ndarray:
    """``[N]``, uint64: equal for texts that are, but for blanks and, where these count for nothing, capitals."""
    plain = (" ".join((text.lower() if options.lower_case else text).split()) for text in texts)
    found = b"".join(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in plain)
    return np.frombuffer(found, np.uint64)


def labelled_texts(texts: Texts, classes: tuple[str, ...], options: TextOptions) -> Dataset:
    """Texts and labels by split as sequences of ids; the vocabulary is that of the training texts.

    Labels are classes; or numbers ``[N, K]``, where ``classes`` is ().
    """
    learnt = learn(texts["train"][0], options)

    def split(found: list[str], labels: np.ndarray) -> Sequences:
        ids = learnt.encode_all(found)
        ids = ids.cut(options.max_length) if options.max_length else ids
        ids = ids.shuffled(SEED) if options.shuffled else ids
        return Sequences({"inputs": ids, "labels": labels.astype(np.int32 if classes else np.float32)})

    facts: dict[str, Any] = {"vocabulary_size": len(learnt), "num_outputs": len(classes) or texts["train"][1].shape[1]}
    told_apart = {name: digests(found, options) for name, (found, _) in texts.items()}
    return Dataset({n: split(*found) for n, found in texts.items()}, facts, learnt, classes, digests=told_apart)


def paired_texts(pairs: Pairs, options: TextOptions) -> Dataset:
    """Sources and targets by split, as the streams "source" and "target", each with lengths of its own.

    ``labels`` are the target and "<eos>", which ends it; the stream "target" is what a decoder is given at each step,
    the token before: "<eos>", then the target. One vocabulary, that of the training pairs, serves both sides. What is
    written for the test split is held against ``Dataset.targets``, of which no word is unknown and nothing cut off.
    """
    learnt = learn([text for side in pairs["train"] for text in side], options, PAIRED)
    end = learnt.id_of(tokens.END)

    def split(sources: list[str], targets: list[str]) -> Sequences:
        source, target = learnt.encode_all(sources), learnt.encode_all(targets)
        if options.max_length:
            source, target = source.cut(options.max_length), target.cut(options.max_length)
        labels = Ragged(target.joined(end), target.lengths + 1)
        before = Ragged(np.roll(labels.values, 1), labels.lengths)  # as "<eos>" ends every row
        arrays = {"inputs/source": source, "inputs/target": before, "labels": labels}
        return Sequences(arrays, apart=("inputs/target", "labels"))

    facts: dict[str, Any] = {"vocabulary_size": len(learnt), "num_outputs": len(learnt)}
    # A sign that texts do not have stands between source and target.
    told_apart = {name: digests(map("\0".join, zip(*both, strict=True)), options) for name, both in pairs.items()}
    splits = {name: split(*found) for name, found in pairs.items()}
    _, targets = pairs.get("test", ([], []))
    return Dataset(splits, facts, learnt, digests=told_apart, targets=targets)
