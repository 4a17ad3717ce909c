"""Cases to rows: contestants are built, checked against the reference, and then timed in turns."""

import contextlib
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tasks
from benchmarks.cases import Case, Contestant
from benchmarks.results import Row
from benchmarks.worker import Absent, Failed, Worker

# Of outputs, relative to their largest value, where products are rounded to fewer bits.
TOLERANCES = {"tf32": 2e-2, "bfloat16": 1e-1}


class Wrong(Exception):
    """Outputs that differ from the reference."""


class Workers:
    """The processes of one setting, each started when it is first needed."""

    def __init__(self, setting: str, on_gpu: bool) -> None:
        self.setting, self.on_gpu = setting, on_gpu
        self.running: dict[str, Worker] = {}
        self.absent: dict[str, str] = {}

    def start(self, peers: Sequence[str]) -> None:
        """Starts several at once."""
        for peer in peers:
            if peer not in self.running:
                self.running[peer] = Worker(peer, self.setting, self.on_gpu)

    def __getitem__(self, peer: str) -> Worker:
        if peer in self.absent:
            raise Absent(self.absent[peer])
        self.start([peer])
        worker = self.running[peer]
        try:
            worker.call("about")
        except (Absent, Failed) as why:
            self.absent[peer] = str(why)
            self.running.pop(peer).close()
            raise
        return worker

    @contextlib.contextmanager
    def fresh(self, peer: str) -> Iterator[Worker]:
        """Another process, which has done nothing yet."""
        worker = Worker(peer, self.setting, self.on_gpu)
        try:
            yield worker
        finally:
            worker.close()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: Any) -> None:
        for worker in self.running.values():
            worker.close()


class Session:
    """Everything that is measured in one setting.

    Args:
      workers: of that setting.
      reference: the worker that the outputs of all are held against.
      folder: for the reference's outputs.
      rounds: turns that every contestant gets.
      seconds: least length of a turn.
      repetitions: of what takes a new process or a new compilation each.
    """

    def __init__(
        self, workers: Any, reference: Any, folder: Path, rounds: int, seconds: float, repetitions: int = 2
    ) -> None:
        self.workers, self.reference, self.folder = workers, reference, folder
        self.rounds, self.seconds, self.repetitions = rounds, seconds, repetitions
        self.setting: str = workers.setting

    def ceiling(self, peers: Sequence[str], size: int) -> float | None:
        """Operations per second of the better of the peers' products of two square matrices."""
        found = []
        dtype = "bfloat16" if self.setting == "bfloat16" else "float32"
        task = tasks.Products(size, dtype)
        contestants = [Contestant(peer, peer) for peer in peers]
        for row in self.times("", Case("products", task, contestants), check=False):
            found = [task.flops("forward") / row.median(label) * 1e3 for label in row.values]
        return max(found, default=None)

    def rows(self, suite: str, case: Case) -> Iterator[Row]:
        for measure in case.measures:
            yield from getattr(self, {"time": "times", "memory": "peaks", "compile": "compile_times"}[measure])(
                suite, case
            )

    def times(self, suite: str, case: Case, check: bool = True) -> Iterator[Row]:
        """One row per program."""
        about = _About()
        built, modes = self._built(case, about, check)
        for mode in [mode for mode in modes if case.programs is None or mode in case.programs]:
            calls: dict[str, int] = {}
            for label, worker in built.items():
                with about.noted(label):
                    estimate = worker.call("seconds", label, mode, 1)
                    calls[label] = min(1000, max(1, math.ceil(self.seconds / estimate)))
            values: dict[str, list[float]] = {label: [] for label in calls}
            labels = list(calls)
            for turn in range(self.rounds):
                at = turn % max(len(labels), 1)
                for label in labels[at:] + labels[:at]:
                    with about.noted(label):
                        values[label].append(1e3 * built[label].call("seconds", label, mode, calls[label]))
            yield self._row(suite, case, mode, "ms", values, about, flops=case.task.flops(mode), steps=case.steps)
        if not modes:
            yield self._row(suite, case, "", "ms", {}, about)
        self._drop(built, about)

    def peaks(self, suite: str, case: Case) -> Iterator[Row]:
        """Memory, each contestant in processes of its own."""
        about = _About()
        warm_up = tasks.smaller(case.task)
        (mode,) = case.programs or ("forward + backward",)
        grown: dict[str, list[float]] = {}
        temporaries: dict[str, list[float]] = {}
        for _ in range(self.repetitions):
            for contestant in (one for one in case.contestants if one.label not in about.notes):
                with about.noted(contestant.label), self.workers.fresh(contestant.peer) as worker:
                    asked = (contestant.label, case.task, warm_up, contestant.options, mode)
                    growth, of_xla = worker.call("peak", *asked)
                    about.errors[contestant.label] = self.checked(worker, contestant, case)
                    grown.setdefault(contestant.label, []).append(growth)
                    if of_xla is not None:
                        temporaries.setdefault(contestant.label, []).append(of_xla)
        yield self._row(suite, case, f"peak memory, {mode}", "MiB", grown, about)
        if temporaries:
            yield self._row(suite, case, "of which XLA plans for temporaries", "MiB", temporaries, about)

    def compile_times(self, suite: str, case: Case) -> Iterator[Row]:
        """Seconds of tracing and compiling, and what the second call compiles."""
        about = _About()
        (mode,) = case.programs or ("forward + backward",)
        built, _ = self._built(case, about, check=True)
        seconds: dict[str, list[float]] = {}
        again: dict[str, list[float]] = {}
        for _ in range(self.repetitions):
            for label, worker in built.items():
                with about.noted(label):
                    took, compilations = worker.call("compile_seconds", label, mode)
                    seconds.setdefault(label, []).append(took)
                    again.setdefault(label, []).append(compilations)
        yield self._row(suite, case, f"compile {mode}", "s", seconds, about)
        yield self._row(suite, case, "compilations in the second call", "", again, about)
        self._drop(built, about)

    def _drop(self, built: Mapping[str, Worker], about: "_About") -> None:
        for label, worker in built.items():
            with about.noted(label):
                worker.call("drop")

    def _built(self, case: Case, about: "_About", check: bool) -> tuple[dict[str, Worker], Sequence[str]]:
        """Those contestants whose outputs are right, each compiled and run, and the modes of the first."""
        built: dict[str, Worker] = {}
        modes: Sequence[str] = ()
        for contestant in case.contestants:
            with about.noted(contestant.label):
                worker = self.workers[contestant.peer]
                found = worker.call("build", contestant.label, case.task, contestant.options)
                if check:
                    about.errors[contestant.label] = self.checked(worker, contestant, case)
                built[contestant.label] = worker
                modes = modes or found
        return built, modes

    def checked(self, worker: Any, contestant: Contestant, case: Case) -> float:
        """The largest relative error of a contestant's outputs; raises Wrong where one is larger than allowed."""
        path = self._expected(contestant.reference or case.task)
        errors = worker.call("errors", contestant.label, path)
        allowed = TOLERANCES.get(self.setting, contestant.tolerance or case.tolerance)
        wrong = sorted((name for name, error in errors.items() if not error <= allowed), key=errors.get, reverse=True)
        if wrong:
            worst = ", ".join(f"{name} by {errors[name]:.1e}" for name in wrong[:3])
            raise Wrong(f"{len(wrong)} of {len(errors)} outputs differ from the reference: {worst}; allowed: {allowed}")
        return max(errors.values())

    def _expected(self, task: Any) -> Path:
        """The outputs of the reference, which depend on no setting."""
        task = task._replace(dtype="float32")
        path = self.folder / f"{hashlib.sha256(repr(task).encode()).hexdigest()[:16]}.npz"
        if not path.exists():
            self.reference.call("build", "reference", task, {})
            self.reference.call("write", "reference", path)
            self.reference.call("drop")
        return path

    def _row(
        self, suite: str, case: Case, mode: str, unit: str, values: Mapping[str, list[float]], about: "_About", **more
    ) -> Row:
        # A contestant that failed in one round has no row.
        complete = {label: found for label, found in values.items() if found and label not in about.notes}
        return Row(
            suite,
            self.setting,
            case.name,
            mode,
            unit,
            tuple(contestant.label for contestant in case.contestants),
            complete,
            at=case.at,
            errors=dict(about.errors),
            notes=dict(about.notes),
            failures=dict(about.failures),
            **more,
        )


class _About:
    """What became of the contestants of a case."""

    def __init__(self) -> None:
        self.errors: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.failures: dict[str, str] = {}

    @contextlib.contextmanager
    def noted(self, label: str) -> Iterator[None]:
        """Turns what a contestant raises into a note."""
        try:
            yield
        except (Absent, Failed, Wrong) as error:
            self.notes[label] = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            if not isinstance(error, Absent):
                self.failures[label] = str(error)
