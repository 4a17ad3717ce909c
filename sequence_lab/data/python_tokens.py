"""Python source with the kind of token that each character is of: tagging with gold labels, without a download."""

import io
import keyword
import tokenize
from collections.abc import Iterator

import numpy as np

from sequence_lab.data.python_text import stable_hash, stdlib_files
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.data.vocabulary import Vocabulary

KINDS = ("keyword", "name", "number", "string", "comment", "operator")
TAGS = ("O", *(f"{tag}-{kind}" for kind in KINDS for tag in "BI"))
HELD_OUT = 0.1  # characters of validation and of test, as a share of those of training
# From Python 3.12 on a formatted string is several tokens; here it is one, as before.
OPENS, CLOSES = (getattr(tokenize, f"FSTRING_{part}", None) for part in ("START", "END"))
Place = tuple[int, int]  # line, from 1 on, and column


def stdlib_tokens(characters: int = 500_000, length: int = 128) -> Dataset:
    """Pieces of the standard library's source, each character tagged: B-KIND and I-KIND of a token, O between them.

    525,417 / 63,006 / 82,135 characters in 4,442 / 536 / 700 pieces, of Python 3.11. No token is cut but one that is
    longer than a piece, a docstring as a rule: what is left of it begins the next piece, with I-KIND, and counts as a
    span, as 76 of the test split's 9,195 do. Kinds are those of Python's own ``tokenize``: keyword, name, number,
    string, comment and operator. Whole files are in one split, the one that ``stdlib_text`` has them in, in the order
    of a hash of their paths.

    Args:
      characters: of the training split, at least; of the others a tenth each.
      length: characters of a piece, at most.

    Raises:
      ValueError: a number below 1, or this Python comes without the sources of its library.
    """
    if characters < 1 or length < 1:
        raise ValueError(f"characters is {characters}, length is {length}; allowed: 1 or more")
    found: dict[str, tuple[str, np.ndarray, np.ndarray]] = {}
    for split, files in stdlib_files().items():
        texts, labels, lengths, left = [], [], [], characters * (1 if split == "train" else HELD_OUT)
        for path in sorted(files, key=stable_hash):
            if left <= 0:
                break
            if (tags := tagged(files[path])) is not None:
                texts.append(files[path])
                labels.append(tags)
                lengths += pieces(tags, length)
                left -= len(tags)
        found[split] = "".join(texts), np.concatenate(labels), np.array(lengths, np.int32)
    vocabulary = Vocabulary.of(found["train"][0])
    splits = {
        split: Sequences({"inputs": Ragged(vocabulary.encode(text), lengths), "labels": Ragged(labels, lengths)})
        for split, (text, labels, lengths) in found.items()
    }
    facts = {"vocabulary_size": len(vocabulary), "num_outputs": len(TAGS)}
    return Dataset(splits, facts, vocabulary, TAGS)


def pieces(tags: np.ndarray, length: int) -> list[int]:
    """The lengths of the pieces of a file, each as long as it can be without cutting a token that fits into one.

    Args:
      tags: of each character, as of ``tagged``.
    """
    begins = np.flatnonzero([not tag.startswith("I-") for tag in TAGS])
    free = np.append(np.flatnonzero(np.isin(tags, begins)), len(tags))  # where a piece may begin, and the end
    cuts = [0]
    while cuts[-1] < len(tags):
        furthest = cuts[-1] + length
        cut = int(free[np.searchsorted(free, furthest, side="right") - 1])
        cuts.append(cut if cut > cuts[-1] else furthest)
    return np.diff(cuts).tolist()


def tagged(source: str) -> np.ndarray | None:
    """Of each character the number of its tag among ``TAGS``, int32; None where Python cannot read the source."""
    starts = np.cumsum([0, *map(len, io.StringIO(source))])
    tags = np.zeros(len(source), np.int32)
    try:
        for kind, (row, column), (end_row, end_column) in _tokens(source):
            first, end = starts[row - 1] + column, starts[end_row - 1] + end_column
            begin = 1 + 2 * KINDS.index(kind)
            tags[first:end] = begin + 1
            tags[first] = begin
    except (SyntaxError, tokenize.TokenError):
        return None
    return tags


def _tokens(source: str) -> Iterator[tuple[str, Place, Place]]:
    """Kind and both ends of each token that has characters of its own."""
    depth, begun = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == OPENS:
            begun = begun if depth else token.start
            depth += 1
        elif token.type == CLOSES:
            depth -= 1
            if not depth:
                yield "string", begun, token.end
        elif not depth and token.start != token.end and (kind := _kind(token)):
            yield kind, token.start, token.end


def _kind(token: tokenize.TokenInfo) -> str | None:
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else "name"
    kinds = {tokenize.NUMBER: "number", tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.OP: "operator"}
    return kinds.get(token.type)
