"""What was measured, and what follows from it: medians, ratios with their spread, shares of the machine's ceiling."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Row:
    """One program of one case in one setting.

    Attributes:
      suite, setting, case, program: what was measured.
      unit: "ms", "MiB" or "s".
      contestants: the first one is what the others are divided by.
      values: for each contestant, what it took in each round.
      flops: of the products with matrices, for times; None where nobody counts them.
      steps: steps of time that one call works off, where the suite asks for throughput.
      at: name and value of what a suite varies, for curves.
      errors: for each contestant, the largest relative difference of its outputs from the reference.
      notes: why a contestant has no values.
      failures: those among them that must not be, wrong outputs and errors, in full.
    """

    suite: str
    setting: str
    case: str
    program: str
    unit: str
    contestants: Sequence[str]
    values: Mapping[str, Sequence[float]]
    flops: float | None = None
    steps: int | None = None
    at: tuple[str, float] | None = None
    errors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    failures: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def floor(self, ceiling: float | None) -> float | None:
        """Milliseconds of the products alone, at so many operations per second."""
        return None if self.flops is None or ceiling is None else 1e3 * self.flops / ceiling

    def median(self, contestant: str) -> float:
        return statistics.median(self.values[contestant])

    def quartiles(self, contestant: str) -> tuple[float, float]:
        low, high = np.quantile(self.values[contestant], [0.25, 0.75])
        return float(low), float(high)

    def ratio(self, contestant: str) -> tuple[float, float, float] | None:
        """Of a contestant to the first one, see ``ratio``; None where the first one was not measured."""
        first = self.contestants[0]
        if first not in self.values or not min(self.values[first]) > 0:
            return None
        return ratio(self.values[contestant], self.values[first])


def ratio(of: Sequence[float], to: Sequence[float]) -> tuple[float, float, float]:
    """The ratio of two medians and its 95 % interval by bootstrap.

    Rounds are drawn together: what slowed the machine in one round slowed both. One round gives no interval, and the
    ratio stands in for both its ends.
    """
    value = statistics.median(of) / statistics.median(to)
    drawn = np.random.default_rng(0).integers(0, len(of), (RESAMPLES, len(of)))
    above, below = (np.median(np.asarray(rounds)[drawn], axis=1) for rounds in (of, to))
    low, high = np.quantile(above / below, [0.025, 0.975])
    return value, float(low), float(high)


def summary(row: Row, ceiling: float | None) -> dict[str, Any]:
    """A row as it stands in the JSON file: everything measured, and what the table shows of it."""
    floor = row.floor(ceiling)
    contestants: dict[str, Any] = {}
    for name, values in row.values.items():
        entry: dict[str, Any] = {
            "rounds": list(values),
            "median": row.median(name),
            "quartiles": row.quartiles(name),
            "error": row.errors.get(name),
        }
        if (found := row.ratio(name)) is not None:
            entry["ratio"], *entry["ratio_interval"] = found
        if floor is not None:
            entry["share_of_ceiling"] = floor / row.median(name)
        if row.steps is not None:
            entry["steps_per_second"] = 1e3 * row.steps / row.median(name)
        contestants[name] = entry
    own = {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "values"}
    return {**own, "floor": floor, "contestants": contestants}
