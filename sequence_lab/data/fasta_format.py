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


def _record(header: str, parts: list[str], where: str, number: int) -> tuple[str, str]:
    if not parts:
        raise ValueError(f"{where}, line {number}: the record {header!r} is empty; allowed: one letter or more")
    return header, "".join(parts)
