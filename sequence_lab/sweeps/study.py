"""The record of a sweep: an Optuna study in a journal file, one trial for each point and seed, never two.

Only the process that holds the sweep's lock writes the journal; workers report to that process.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import TrialState

from sequence_lab import schema
from sequence_lab.run_folder import BESIDE, Complete, RunFolder, check_same, exclusive
from sequence_lab.sweeps.axis import Axis, Range, show
from sequence_lab.sweeps.space import Overrides, Space, key, short_names

SWEEP, JOURNAL, LOCK = "sweep.json", "study.journal", ".sweep.lock"
STATES = {TrialState.COMPLETE: "complete", TrialState.FAIL: "failed"}


class Waiting(NamedTuple):
    """A trial to run; ``name`` is its folder's."""

    number: int
    name: str
    overrides: Overrides


@contextmanager
def opened(
    workdir: Path,
    config: Mapping[str, Any],
    space: Space,
    trials: Sequence[Overrides],
    mode: str,
    complete: Complete = dict,
) -> Iterator["Study"]:
    """The study in ``workdir``, made if there is none, with all of ``trials``; keeps other processes out.

    Args:
      config: resolved; the one that the trials change.
      mode: "min" or "max": which scores are better.
      complete: as of ``RunFolder.check``.

    Raises:
      schema.Refused: the folder holds something else, or a sweep of another config, or one with trials that are not
        among these, or another process is at work there.
    """
    folder = RunFolder(workdir)
    with schema.refusals():
        folder.check_free("sweep", LOCK)
    with exclusive(folder.path, LOCK):
        with schema.refusals():
            known = folder.read(SWEEP)
            if known is not None:
                check_same(f"the sweep in {folder.path}", complete(known["config"]), config, _may_differ)
            study = Study(folder.path / JOURNAL, mode)
            study.add(space, trials)
        folder.write(SWEEP, {"config": config, **space.to_json()})
        yield study


class Study:
    """The trials in a journal file; those that a dead process was running wait again."""

    def __init__(self, journal: Path, mode: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        _mend(journal)
        self._storage = JournalStorage(JournalFileBackend(str(journal)))
        self._study = optuna.create_study(
            storage=self._storage,
            study_name="sweep",
            direction="minimize" if mode == "min" else "maximize",
            sampler=optuna.samplers.RandomSampler(),  # is never asked: the space has chosen every point
            load_if_exists=True,
        )
        self._id = self._storage.get_study_id_from_name("sweep")
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self.put_back(trial.number)

    def add(self, space: Space, trials: Sequence[Overrides]) -> None:
        """Queues those of ``trials`` that are not there yet.

        Raises:
          ValueError: a trial that is there is not among ``trials``; nothing was added.
        """
        there = {key(trial.user_attrs["overrides"]): trial.user_attrs["name"] for trial in self._study.trials}
        left_out = sorted(name for text, name in there.items() if text not in set(map(key, trials)))
        if left_out:
            raise ValueError(
                f"the sweep in this --workdir has the trial {left_out[0]}, which these axes, points and seeds leave "
                "out; allowed: those that it has, and more, or another --workdir"
            )
        new = [overrides for overrides in trials if key(overrides) not in there]
        for number, overrides in enumerate(new, len(there)):
            values = {field: _storable(overrides[field]) for field in space.axes}
            # As Study.enqueue_trial does, which cannot widen a categorical field later on.
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=TrialState.WAITING,
                    params=values,
                    distributions={field: _distribution(axis) for field, axis in space.axes.items()},
                    user_attrs={"name": folder_name(number, overrides), "overrides": overrides},
                    system_attrs={"fixed_params": values},
                )
            )

    def count(self, *states: TrialState) -> int:
        """How many trials are in one of these states; all of them if none is given."""
        return len(self._study.get_trials(deepcopy=False, states=states or None))

    def take(self) -> Waiting | None:
        """The next waiting trial, which then is running; None if there is none."""
        if not self.count(TrialState.WAITING):
            return None
        trial = self._study.ask()
        attributes = trial.user_attrs
        return Waiting(trial.number, attributes["name"], schema.plain(attributes["overrides"]))

    def put_back(self, number: int) -> None:
        """A running trial waits again."""
        self._storage.set_trial_state_values(self._trial_id(number), TrialState.WAITING)

    def died(self, number: int) -> int:
        """Counts a process lost while it was running this trial; how many that makes."""
        trial_id = self._trial_id(number)
        deaths = self._storage.get_trial_user_attrs(trial_id).get("deaths", 0) + 1
        self._storage.set_trial_user_attr(trial_id, "deaths", deaths)
        return deaths

    def complete(self, number: int, score: float, attributes: Mapping[str, Any]) -> None:
        for name, value in attributes.items():
            self._storage.set_trial_user_attr(self._trial_id(number), name, value)
        self._study.tell(number, score)

    def fail(self, number: int, reason: str) -> None:
        self._storage.set_trial_user_attr(self._trial_id(number), "reason", reason)
        self._study.tell(number, state=TrialState.FAIL)

    def records(self, refused: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every trial as ``{"name", "overrides", "state": "complete" | "failed" | "waiting", ...}``, in order.

        Args:
          refused: by name, the reasons of those that are to count as failed although they wait.
        """
        found = [
            {**schema.plain(trial.user_attrs), "state": STATES.get(trial.state, "waiting")}
            for trial in self._study.trials
        ]
        return [r | {"state": "failed", "reason": refused[r["name"]]} if r["name"] in refused else r for r in found]

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def folder_name(number: int, overrides: Mapping[str, Any]) -> str:
    """Such as ``0007_learning_rate=0.003_seed=1``: unique by its number, otherwise for people."""
    names = short_names(list(overrides))
    words = "_".join(f"{names[field]}={show(value)}" for field, value in overrides.items())
    return f"{number:04d}_" + re.sub(r"[^\w.=+-]+", "-", words)[:120]


def _may_differ(name: str, before: Any, now: Any) -> bool:
    """What may change between two launches of a sweep."""
    return name.startswith(BESIDE)


def _mend(journal: Path) -> None:
    """Removes what a killed process may leave: Optuna's own lock, and half a line. Nobody else writes here."""
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    if journal.exists():
        text = journal.read_bytes()
        os.truncate(journal, text.rfind(b"\n") + 1)


def _distribution(axis: Axis) -> BaseDistribution:
    """Numbers as ranges, so that more values can join later; anything else as categories."""
    if isinstance(axis, Range):
        low, high, log = axis.low, axis.high, axis.log
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis):
        low, high, log = min(axis), max(axis), False
    else:
        return CategoricalDistribution(tuple(map(_storable, axis)))
    if isinstance(low, int):
        return IntDistribution(low, int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _storable(value: Any) -> Any:
    """What Optuna keeps as a category: plain values as they are, others as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
