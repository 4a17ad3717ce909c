"""RTTM: who speaks when, a turn a line."""

from collections.abc import Iterable


def turns(content: Iterable[str], where: str) -> dict[str, list[tuple[float, float, str]]]:
    """Start, end and speaker of the turns of every recording, by its name.

    Raises:
      ValueError: a line is none of RTTM's; names it.
    """
    found: dict[str, list[tuple[float, float, str]]] = {}
    for number, line in enumerate(content, 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            name, start, duration, speaker = fields[1], float(fields[3]), float(fields[4]), fields[7]
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"{where}, line {number} is {line!r}; allowed: SPEAKER file 1 start duration ..."
            ) from error
        if not (start >= 0 and duration > 0):
            raise ValueError(f"{where}, line {number}: start {start}, duration {duration}; allowed: 0, more than 0")
        found.setdefault(name, []).append((start, start + duration, speaker))
    return found
