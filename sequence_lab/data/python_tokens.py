"""The token class of every character of Python source: tagging without a download."""

import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sequence_lab.data.python_text import stdlib_files
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.data.vocabulary import Vocabulary

WHITESPACE = "whitespace"
CLASSES = (WHITESPACE, "comment", "keyword", "name", "number", "operator", "string")
KINDS = {
    tokenize.COMMENT: "comment",
    tokenize.NAME: "name",
    tokenize.NUMBER: "number",
    tokenize.OP: "operator",
    tokenize.STRING: "string",
}
NUMBERS = {name: number for number, name in enumerate(CLASSES)}


class Source(NamedTuple):
    """A file.

    Attributes:
      text: of T characters.
      labels: ``[T]``, int32: the place of each one's class in ``CLASSES``.
      ends: ascending ints, the last is T: where lines end, those that are continued not being ended.
    """

    text: str
    labels: np.ndarray
    ends: Sequence[int]


def stdlib_tokens(length: int = 512, share: float = 1.0) -> Dataset:
    """The token class of each character of the standard library's source, as the module ``tokenize`` has it.

    Examples are pieces of files: as many whole lines as ``length`` characters hold, statements and strings of several
    lines being one line, so that a piece alone says what each of its characters is. A line longer than that is cut
    off. Files are split as those of ``stdlib_text``, and results, too, compare within one Python release; characters
    are those of the training pieces. What stands between tokens is whitespace: blanks, ends of lines, the backslash
    that continues one. An f-string is a string from end to end.

    Args:
      length: characters of a piece, at most.
      share: of the training files, evenly over their paths; reading all takes half a minute in Python 3.11.

    Raises:
      ValueError: an argument out of range, or the running Python comes without the sources of its library.
    """
    if length < 1 or not 0 < share <= 1:
        raise ValueError(f"dataset.length is {length}, dataset.share is {share}; allowed: 1 or more, above 0 up to 1")
    files = stdlib_files()
    # Of every share, however small, the first file is one.
    files["train"] = [text for i, text in enumerate(files["train"]) if -(-(i + 1) * share // 1) > -(-i * share // 1)]
    texts, labels = dict[str, list[str]](), dict[str, list[np.ndarray]]()
    for split, own in files.items():
        places = [(one, *place) for one in map(tagged, own) if one is not None for place in pieces(one.ends, length)]
        texts[split] = [one.text[first:end] for one, first, end in places]
        labels[split] = [one.labels[first:end] for one, first, end in places]
    vocabulary = Vocabulary.of("".join(texts["train"]))
    splits = {
        split: Sequences({"inputs": Ragged.of(map(vocabulary.encode, own)), "labels": Ragged.of(labels[split])})
        for split, own in texts.items()
    }
    return Dataset(
        splits, {"vocabulary_size": len(vocabulary), "num_outputs": len(CLASSES)}, vocabulary, CLASSES, WHITESPACE
    )


def tagged(text: str) -> Source | None:
    """The classes of a file's characters, the same in every Python from 3.11 on; None of what is no Python."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    labels, ends = np.full(len(text), NUMBERS[WHITESPACE], np.int32), []
    brackets, f_strings = 0, list[int]()
    try:
        for kind, string, start, end, _ in tokenize.generate_tokens(io.StringIO(text).readline):
            first, last = starts[start[0] - 1] + start[1], starts[end[0] - 1] + end[1]
            name = KINDS.get(kind, tokenize.tok_name[kind])
            if name in NUMBERS:
                # Not so where a Python counts columns another way; its labels would stand beside their characters.
                if text[first:last] != string:
                    return None
                labels[first:last] = NUMBERS["keyword" if kind == tokenize.NAME and keyword.iskeyword(string) else name]
                if name == "operator":
                    brackets += (string in "([{") - (string in ")]}")
            elif name == "ERRORTOKEN":
                return None
            elif name in ("FSTRING_START", "TSTRING_START"):  # from Python 3.12 and 3.14 on; before it is one STRING
                f_strings.append(first)
            elif name in ("FSTRING_END", "TSTRING_END"):
                labels[f_strings.pop() : last] = NUMBERS["string"]
            elif name == "NEWLINE" or (name == "NL" and not brackets):
                ends.append(min(last, len(text)))
    except (SyntaxError, tokenize.TokenError):
        return None
    return Source(text, labels, sorted({*ends, len(text)} - {0}))


def pieces(ends: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """First and one after the last of as many lines as a length holds; of a longer line its beginning."""
    start = line = 0
    for end in ends:
        if end - start > length and line > start:
            yield start, min(line, start + length)
            start = line
        line = end
    if line > start:
        yield start, min(line, start + length)
