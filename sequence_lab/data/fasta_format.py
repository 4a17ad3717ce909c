"""FASTA: sequences with headers."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple


def records(lines: Iterable[str], where: str) -> Iterator[tuple[str, str]]:
    """Header (without ``>``) and sequence, in capitals, of each record; blank lines count for nothing.

    Args:
      lines: without their ends.
      where: what they are of, for messages.

    Raises:
      ValueError: a sequence without a header, or a header without a sequence; names the line.
    """
    ended = (f"{line}\n" for line in lines)
    for _, record in itertools.groupby(pieces(ended, where), key=lambda piece: piece.line):
        first, *rest = record
        if not rest:
            raise ValueError(
                f"{where}, line {first.line}: the record {first.header!r} is empty; allowed: one letter or more"
            )
        yield first.header, "".join(piece.letters for piece in rest)


class Piece(NamedTuple):
    """Letters, in capitals, of a record: its header, and the line of that, which tells records apart."""

    line: int
    header: str
    letters: str


def pieces(lines: Iterable[str], where: str) -> Iterator[Piece]:
    """Of each record first one without letters, and then the others.

    Args:
      lines: each with its end; or pieces of them, of which the last has it, as of ``own.reading.streamed``.

    Raises:
      ValueError: a sequence without a header; names the line.
    """
    begun, header, begins, in_header, line = 0, "", True, False, 1
    for text in lines:
        letters = text.strip()
        if begins:
            in_header = letters.startswith(">")
        if begins and in_header:
            begun, header = line, letters[1:].strip()
            yield Piece(begun, header, "")
        elif letters and not begun:
            raise ValueError(
                f"{where}, line {line} is {letters[:20]!r}; allowed: a header, which begins with '>', first"
            )
        elif letters and not in_header:
            yield Piece(begun, header, letters.upper())
        begins = text.endswith("\n")
        line += begins
