"""FASTA: sequences with headers."""

from collections.abc import Iterable, Iterator


def records(lines: Iterable[str], where: str) -> Iterator[tuple[str, str]]:
    """Header (without ``>``) and sequence, in capitals, of each record; blank lines count for nothing.

    Args:
      where: what the lines are of, for messages.

    Raises:
      ValueError: a sequence without a header, or a header without a sequence; names the line.
    """
    header, parts, begun = "", list[str](), 0
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if line.startswith(">"):
            if begun:
                yield _record(header, parts, where, begun)
            header, parts, begun = line[1:].strip(), [], number
        elif line and not begun:
            raise ValueError(
                f"{where}, line {number} is {line[:20]!r}; allowed: a header, which begins with '>', first"
            )
        elif line:
            parts.append(line.upper())
    if begun:
        yield _record(header, parts, where, begun)


def pieces(lines: Iterable[str], where: str) -> Iterator[tuple[int, str, str]]:
    """Number (from 1), header and letters, in capitals, of records a piece at a time; of each, first one without any.

    Args:
      lines: or pieces of them, as of ``own.reading.streamed``.

    Raises:
      ValueError: a sequence without a header; names the line.
    """
    record, header, begins, in_header, line = 0, "", True, False, 1
    for text in lines:
        letters = text.strip()
        if begins:
            in_header = letters.startswith(">")
        if begins and in_header:
            record, header = record + 1, letters[1:].strip()
            yield record, header, ""
        elif letters and not record:
            raise ValueError(
                f"{where}, line {line} is {letters[:20]!r}; allowed: a header, which begins with '>', first"
            )
        elif letters and not in_header:
            yield record, header, letters.upper()
        begins = text.endswith("\n")
        line += begins


def _record(header: str, parts: list[str], where: str, number: int) -> tuple[str, str]:
    if not parts:
        raise ValueError(f"{where}, line {number}: the record {header!r} is empty; allowed: one letter or more")
    return header, "".join(parts)
