"""What a suite is made of."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

TOLERANCE = 1e-4


class Contestant(NamedTuple):
    """Who runs a task: a module of ``benchmarks.peers`` and the options of its builder.

    ``reference`` is the task whose outputs it must reproduce, where it is not the one that it is given, and
    ``tolerance`` takes the place of the case's.
    """

    label: str
    peer: str
    options: Mapping[str, Any] = {}
    reference: Any = None
    tolerance: float | None = None


class Case(NamedTuple):
    """One line of a suite.

    Attributes:
      name: in the table.
      task: one of ``tasks``.
      contestants: the first one is what the others are divided by.
      measures: "time", "memory", "compile".
      programs: which of the job's programs count; None: all.
      at: name and value of what the suite varies, for curves.
      steps: steps of time per call, for throughput.
      tolerance: of the check in float32, relative to the largest value of each output.
    """

    name: str
    task: Any
    contestants: Sequence[Contestant]
    measures: Sequence[str] = ("time",)
    programs: Sequence[str] | None = None
    at: tuple[str, float] | None = None
    steps: int | None = None
    tolerance: float = TOLERANCE


class Asked(NamedTuple):
    """What the caller wants of every suite.

    Attributes:
      peers: whom to run beside ourselves.
      engines: of ours, each a contestant.
      dtype: of tasks.
      quick: tiny shapes.
    """

    peers: Sequence[str]
    engines: Sequence[str] = ("auto",)
    dtype: str = "float32"
    quick: bool = False

    def contestants(self, *allowed: str) -> list[Contestant]:
        """Ourselves and those of the peers that the suite knows, without options."""
        return [Contestant("ours", "ours"), *(Contestant(peer, peer) for peer in allowed if peer in self.peers)]
