"""Results as text: Markdown tables, means with intervals."""

import math
import statistics
from collections.abc import Sequence


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up as plain text; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join([first, *others]) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])


def interval(values: Sequence[float]) -> str:
    """Mean ± half the width of its 95 % interval (Student's t, seeds taken as independent); without one, the mean.

    Where the interval would be as wide as the mean, as of seeds that succeed or fail, the values themselves beside it.
    """
    mean, half = statistics.fmean(values), half_width(values)
    if half is None:
        return f"{mean:.4g}"
    if 2 * half > abs(mean):
        return f"{mean:.3g} ({', '.join(f'{value:.3g}' for value in values)})"
    digits = max(0, 1 - math.floor(math.log10(half))) if half > 0 else 4
    return f"{mean:.{min(digits, 6)}f} ± {half:.{min(digits, 6)}f}"


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the interval of ``interval``; None for one value, or an infinite one, which have none."""
    if len(values) < 2 or math.inf in values:
        return None
    from scipy import stats  # half a second to import, for those who ask for an interval

    return float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
