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
      input_seconds: processor time spent on making batches and moving them to the devices.
      best_score, best_step: of the validation split, by the chief measure; None before the first evaluation.
      since_best: evaluations since one that was better than all before, for early stopping.
      since_change: evaluations since then or the last decay of the rate, for the plateau schedule.
      unlogged: measures of the steps since the last record.
    """

    step: int = 0
    seconds: float = 0.0
    input_seconds: float = 0.0
    best_score: float | None = None
    best_step: int | None = None
    since_best: int = 0
    since_change: int = 0
    unlogged: dict[str, Mean] = dataclasses.field(default_factory=dict)

    def judge(self, score: float, mode: Literal["max", "min"]) -> bool:
        """Takes in a validation score; True if this state is the best so far (under NaN it never is).

        Of equal scores, as accuracies over few examples often are, the later state is the best, but only a better
        score starts the patience of early stopping and of the plateau schedule anew.
        """
        best = self.best_score
        gain = 0.0 if best is None else (score - best) * (1 if mode == "max" else -1)
        if score == score and (best is None or gain > 0):
            self.since_best = self.since_change = 0
        else:
            self.since_best += 1
            self.since_change += 1
        if score == score and gain >= 0:
            self.best_score, self.best_step = score, self.step
            return True
        return False

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "HostState":
        unlogged = {name: Mean(*mean) for name, mean in values["unlogged"].items()}
        return cls(**{**values, "unlogged": unlogged})
