"""Runs sequence_lab beside Flax, Haiku, Keras and PyTorch, in turns, and reports medians and ratios.

python benchmarks/run.py                                  the suites of this device
python benchmarks/run.py recurrent --only=lstm            one suite, its LSTM rows
python benchmarks/run.py recurrent --engines=auto,scan    our engines beside each other
python benchmarks/run.py --quick                          tiny shapes: whether everything runs
"""

import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The folder of this file has modules by the names of frameworks, and must not be searched.
sys.path[0] = str(ROOT)

from absl import flags  # noqa: E402 (the path comes first)

from benchmarks import plots, report  # noqa: E402
from benchmarks.cases import Asked  # noqa: E402
from benchmarks.measure import Session, Workers  # noqa: E402
from benchmarks.results import Row  # noqa: E402
from benchmarks.suites import SUITES  # noqa: E402
from benchmarks.worker import Absent, Failed, Worker  # noqa: E402

PEERS = ("flax", "haiku", "keras", "torch")
CPU_SETTINGS = ("stock", "setup")
GPU_SETTINGS = ("float32", "tf32", "bfloat16")
HELP = {"--help", "-help", "-h", "--helpfull"}


def define_flags() -> flags.FlagValues:
    values = flags.FlagValues()
    own = {"flag_values": values}
    flags.DEFINE_integer("rounds", 7, "turns of every contestant", lower_bound=1, **own)
    flags.DEFINE_float("seconds", 0.05, "least length of a turn", lower_bound=0, **own)
    flags.DEFINE_list("settings", [], f"of {', '.join(CPU_SETTINGS + GPU_SETTINGS)}; default: by device", **own)
    flags.DEFINE_list("peers", list(PEERS), f"of {', '.join(PEERS)}", **own)
    flags.DEFINE_list("engines", ["auto"], "of ours, each beside the others where a suite has recurrent layers", **own)
    flags.DEFINE_string("only", "", "cases whose name contains this", **own)
    flags.DEFINE_string("out", None, "folder of the results; default: benchmarks/results/DEVICE-DATE", **own)
    flags.DEFINE_boolean("quick", False, "tiny shapes, few rounds: whether everything runs", **own)
    return values


def parse(argv: Sequence[str]) -> tuple[flags.FlagValues, list[str]]:
    """Flags and suites; ValueError, in one line, for what is not allowed."""
    values = define_flags()
    if HELP.intersection(argv):
        print(f"{str(__doc__).strip()}\n\nSuites: {', '.join(SUITES)}\n\nFlags:")
        print("\n".join(f"  --{name:<9} {values[name].help}" for name in values))
        sys.exit(0)
    try:
        suites = values(argv)[1:]
    except flags.Error as error:
        raise ValueError(error) from None
    allowed = {"suite": (suites, SUITES), "--peers": (values.peers, PEERS)}
    allowed["--settings"] = (values.settings, CPU_SETTINGS + GPU_SETTINGS)
    for what, (names, known) in allowed.items():
        for name in names:
            if name not in known:
                raise ValueError(f"{what} is {name!r}; allowed: {', '.join(known)}")
    if values.out and Path(values.out).exists() and not Path(values.out).is_dir():
        raise ValueError(f"--out is {values.out!r}, which is a file; allowed: a folder")
    cases = [case.name for suite in suites or SUITES for case in SUITES[suite](Asked((), quick=values.quick))]
    if not any(values.only in case for case in cases):
        raise ValueError(f"--only is {values.only!r}; allowed: a part of the name of a case, such as {cases[0]!r}")
    return values, suites


def has_gpu() -> bool:
    """Whether JAX finds a GPU here, in a process that then ends."""
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    worker = Worker("ours", "float32", True)
    try:
        return worker.call("about")["backend"] == "gpu"
    finally:
        worker.close()


class Results:
    """What was measured so far, as files after every row: a run that is stopped leaves what it has."""

    def __init__(self, about: dict[str, Any], folder: Path) -> None:
        self.about, self.folder = about, folder
        self.rows: list[Row] = []
        self.ceilings: dict[str, float | None] = {}

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(report.line(row, self.ceilings), flush=True)
        report.write(self.folder, self.rows, self.about, self.ceilings)

    def draw(self) -> None:
        """The tables again, with all that is known by now, and the pictures."""
        about = self.about
        report.write(self.folder, self.rows, about, self.ceilings)
        machine = f"{about['device']}, {about['cores']} cores, {about['date']}"
        plots.draw(self.folder, self.rows, machine + (", tiny shapes: no result" if about["quick"] else ""))

    def finish(self) -> int:
        """The number of failures."""
        self.draw()
        about = self.about
        print(f"\n{report.document(self.rows, about, self.ceilings)}\nall of it is in {self.folder}")
        failed = {
            f"{row.suite}, {row.setting}, {row.case}: {name}: {row.notes[name]}": None
            for row in self.rows
            for name in row.failures
        }
        for line in failed:
            print(f"FAILED: {line}", file=sys.stderr)
        return len(failed)


def run(values: flags.FlagValues, suites: Sequence[str], argv: Sequence[str]) -> int:
    """Measures, prints and writes; the number of failures."""
    on_gpu = has_gpu()
    results: Results | None = None
    with tempfile.TemporaryDirectory() as folder, Workers("stock", on_gpu) as own:
        for setting in values.settings or (GPU_SETTINGS if on_gpu else CPU_SETTINGS):
            with Workers(setting, on_gpu) as workers:
                workers.start(["ours", *values.peers])
                if results is None:
                    about = facts(workers, values.peers) | {"command": shlex.join(["python", *argv])}
                    about |= {"rounds": values.rounds, "seconds": {}, "quick": values.quick}
                    results = Results(about, Path(values.out) if values.out else report.default_folder(about))
                turns = (2, 0.0, 1) if values.quick else (values.rounds, values.seconds)
                session = Session(workers, own["reference"], Path(folder), *turns)
                known = [name for name in SUITES if on_gpu or values.quick or name != "gpu"]
                try:
                    measure(session, suites or known, values, results)
                except KeyboardInterrupt:
                    results.draw()
                    raise KeyboardInterrupt(results.folder) from None
    assert results is not None
    return results.finish()


def measure(session: Session, suites: Sequence[str], values: flags.FlagValues, results: Results) -> None:
    """The suites in one setting."""
    size = 64 if values.quick else 8192 if session.workers.on_gpu else 2048
    squares = [peer for peer in ("ours", "torch") if peer in ("ours", *values.peers)]
    results.ceilings[session.setting] = session.ceiling(squares, size)
    dtype = "bfloat16" if session.setting == "bfloat16" else "float32"
    asked = Asked(values.peers, values.engines, dtype, values.quick)
    for suite in suites:
        started = time.monotonic()
        for case in SUITES[suite](asked):
            if values.only in case.name:
                for row in session.rows(suite, case):
                    results.add(row)
        results.about["seconds"][f"{suite}, {session.setting}"] = round(time.monotonic() - started)


def facts(workers: Workers, peers: Sequence[str]) -> dict[str, Any]:
    """Device and versions, as the processes know them."""
    versions: dict[str, Any] = {}
    device = "cpu"
    for peer in ("ours", *peers):
        try:
            found = workers[peer].call("about")
        except (Absent, Failed):
            continue
        device = found.pop("device", device)
        versions |= {name: found[name] for name in found if name not in ("backend", "threads")}
        if "threads" in found:
            versions["threads of torch"] = found["threads"]
    return {**report.surroundings(device), "versions": versions}


def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 a contestant failed, 2 it was asked for wrongly, 130 interrupted."""
    try:
        values, suites = parse(argv)
    except ValueError as error:
        print(f"run.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 1 if run(values, suites, argv) else 0


if __name__ == "__main__":
    try:
        code = main(sys.argv)
    except KeyboardInterrupt as error:
        where = f"what was measured is in {error}" if error.args else "nothing was measured"
        print(f"run.py: interrupted; {where}", file=sys.stderr)
        code = 130
    sys.exit(code)
