"""The part of a run's state that lives on the host: scores, patience, sums that are not yet logged."""

import dataclasses
from typing import Any, Literal

from sequence_lab.ops.metrics import Mean


@dataclasses.dataclass
class HostState:
    """Kept in every checkpoint as JSON, whose floats come back exactly.

    Attributes:
      step: updates tried.
      seconds: of training so far, over all processes.
      best_score, best_step: of the validation split, by the chief measure; None before the first evaluation.
      since_best: evaluations since then, for early stopping.
      since_change: evaluations since the best one or the last decay of the rate, for the plateau schedule.
      unlogged: measures of the steps since the last record.
    """

    step: int = 0
    seconds: float = 0.0
    best_score: float | None = None
    best_step: int | None = None
    since_best: int = 0
    since_change: int = 0
    unlogged: dict[str, Mean] = dataclasses.field(default_factory=dict)

    def judge(self, score: float, mode: Literal["max", "min"]) -> bool:
        """Takes in a validation score; True if it is the best so far (NaN never is)."""
        better = score == score and (
            self.best_score is None or (score > self.best_score if mode == "max" else score < self.best_score)
        )
        if better:
            self.best_score, self.best_step = score, self.step
            self.since_best = self.since_change = 0
        else:
            self.since_best += 1
            self.since_change += 1
        return better

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "HostState":
        unlogged = {name: Mean(*mean) for name, mean in values["unlogged"].items()}
        return cls(**{**values, "unlogged": unlogged})
