"""Trials in processes of this machine: one parent that keeps the study, and workers that run one trial at a time.

Workers block SIGINT and SIGTERM, so that Ctrl-C or a scheduler that signals the whole process group reaches the parent
alone. The parent then says "stop" over each worker's lifeline, and the worker signals itself, once: its run writes a
checkpoint and ends. A lifeline that breaks means that the parent is dead, and ends the worker at once.
"""

import contextlib
import dataclasses
import multiprocessing
import signal
from collections.abc import Callable, Mapping
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from sequence_lab.sweeps.space import Overrides
from sequence_lab.sweeps.study import Study, Waiting
from sequence_lab.sweeps.worker import Job, Outcome, work
from sequence_lab.training.interrupts import Interrupted, interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_LEAVE = 30  # for a worker that has nothing more to do
MOST_DEATHS = 2  # workers that a trial may cost before it is called failed


@dataclasses.dataclass
class _Worker:
    process: Any
    orders: Connection  # trials out, outcomes in; the first message in is None: ready
    lifeline: Connection
    trial: Waiting | None = None


@dataclasses.dataclass
class Crew:
    """Runs the waiting trials of a study.

    Attributes:
      config_of: a trial's overrides to its config.
      folder: trials go to its subfolders.
      say: called with a line for each finished trial.
    """

    study: Study
    job: Job
    config_of: Callable[[Overrides], Mapping[str, Any]]
    folder: Path
    say: Callable[[str], None]

    def run(self) -> dict[str, str]:
        """To the end of the queue.

        Returns:
          By trial, why it was refused; they wait for the next time.

        Raises:
          Interrupted: SIGINT or SIGTERM came in; running trials have a checkpoint and wait again.
          OSError: the disk is full, or takes nothing more; running trials wait again.
          RuntimeError: a worker could not even start.
        """
        self._workers: list[_Worker] = []
        self._refused: dict[str, str] = {}
        self._error: OSError | None = None
        with interrupts() as interrupted:
            try:
                for _ in range(min(self.job.workers, self.study.count(TrialState.WAITING))):
                    self._start()
                while self._workers and not interrupted.is_set() and self._error is None:
                    self._attend()
                self._stop()
            finally:
                for worker in self._workers:
                    worker.process.kill()
                    worker.process.join()
        if self._error is not None:
            raise self._error
        if interrupted.is_set() and self.study.count(TrialState.WAITING):
            raise Interrupted(f"the sweep stopped after {self._progress()} trials; the same command goes on from there")
        return self._refused

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        (orders, theirs), (lifeline_end, lifeline) = context.Pipe(), context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, lifeline_end, self.job))
        resource_tracker.ensure_running()  # it would unblock the signals
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the worker inherits this, in all its threads
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # so that a dead worker is an end of file
        lifeline_end.close()
        self._workers.append(_Worker(process, orders, lifeline))

    def _attend(self) -> None:
        """Waits a moment for workers to report, and gives those that did their next trial."""
        by_orders = {worker.orders: worker for worker in self._workers}
        for orders in connection.wait(list(by_orders), timeout=0.2):
            worker = by_orders[orders]  # type: ignore[index]
            try:
                outcome = worker.orders.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            self._settle(worker, outcome)
            worker.trial = None if self._error else self.study.take()
            if worker.trial is None:
                self._dismiss(worker)
                continue
            _, name, overrides = worker.trial
            try:
                worker.orders.send((self.config_of(overrides), self.folder / name))
            except OSError:
                self._bury(worker)

    def _settle(self, worker: _Worker, outcome: Outcome | None) -> None:
        """Writes down what came of a worker's trial."""
        trial, worker.trial = worker.trial, None
        if trial is None or outcome is None:
            return
        if outcome.state == "stopped":
            self.study.put_back(trial.number)
            self._error = outcome.error or self._error
            return
        if outcome.state == "refused":  # what still counts as running in the study waits when it is opened again
            self._refused[trial.name] = outcome.reason
            self.say(f"{trial.name}  refused: {outcome.reason}")
            return
        if outcome.attributes is not None:
            self.study.complete(trial.number, outcome.score, outcome.attributes)
            seconds = outcome.attributes["seconds"]
            line = f"validation {self.job.measure} {outcome.score:.4g}  {seconds:.1f} s of training"
        else:
            self.study.fail(trial.number, outcome.reason)
            line = f"failed: {outcome.reason}"
        self.say(f"[{self._progress()}] {trial.name}  {line}")

    def _bury(self, worker: _Worker) -> None:
        """A worker has died: its trial waits again, or has failed if that is not the first time."""
        self._dismiss(worker)
        if worker.trial is None:
            raise RuntimeError(
                f"a worker ended with code {worker.process.exitcode} before its first trial; a script that sweeps "
                'must start under if __name__ == "__main__":'
            )
        reason = f"its process died with code {worker.process.exitcode}"
        if self.study.died(worker.trial.number) < MOST_DEATHS:
            self.study.put_back(worker.trial.number)
            self.say(f"{worker.trial.name}  {reason}; it goes on from its last checkpoint")
        else:
            self._settle(worker, Outcome("failed", reason=f"{reason}, {MOST_DEATHS} times"))
        self._start()

    def _stop(self) -> None:
        """Ends the workers that are left, each after a checkpoint."""
        for worker in self._workers:
            with contextlib.suppress(OSError):  # of a dead one, as its orders will say
                worker.lifeline.send("stop")
        for worker in list(self._workers):
            try:
                outcome = worker.orders.recv()
            except (EOFError, OSError):
                outcome = Outcome("stopped")
            self._settle(worker, outcome)
            self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        worker.orders.close()
        worker.process.join(SECONDS_TO_LEAVE)
        worker.process.kill()
        worker.process.join()
        worker.lifeline.close()  # last, as it ends the worker wherever it is
        self._workers.remove(worker)

    def _progress(self) -> str:
        return f"{self.study.count(TrialState.COMPLETE, TrialState.FAIL)}/{self.study.count()}"
