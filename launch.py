"""Trains, evaluates, samples from, scans with or sweeps an experiment of sequence_lab; prepares and inspects its data.

  python launch.py                                          the quickstart: a character language model
  python launch.py --config=experiments/digits_gru.py       another experiment
  python launch.py --config.training.num_steps=50           any field of the config, by its dotted name
  python launch.py --mode=generate                          text from the finished quickstart
  python launch.py --config=experiments/enhancers_cnn.py --mode=scan --config.scan.files=genome.fa.gz
  python launch.py --config=experiments/digits_gru.py --mode=sweep --workers=2 \\
      --sweep=optimizer.learning_rate=0.001,0.003,0.01 --seeds=3
  python launch.py --mode=report                            one table of all runs and sweeps beside what is published
  python launch.py --mode=prepare --datasets=mnist,ptb --manual_dir=FOLDER    data sets from their original files

The same command again resumes a run that was stopped, and says so if it is finished.
"""

import ast
import errno
import functools
import importlib.metadata
import io
import operator
import os
import re
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STARTED = time.monotonic()


def keep_compiled_programs() -> None:
    """Between launches, however quick they were to compile."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sequence_lab" / "xla"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def process_environment() -> dict[str, str]:
    """Environment variables with which JAX is quicker on a CPU; benchmarks/README.md says by how much.

    glibc gives the memory of large arrays back at once, and every step would fault it in anew: here one arena keeps
    all it ever had, in pages of 2 MiB. XLA uses vectors of 256 bits where the processor has 512; and it hands even the
    steps of small loops to its threads, which takes longer than they do, unless all that a loop touches is small: 1 KiB
    by default, here 2 MiB. Convolutions are oneDNN's. What a variable says of these already, stays. XLA's flags are set
    under a release of JAX that has been tried: another may end the process at one that it does not know.
    """
    tunables, flags = os.environ.get("GLIBC_TUNABLES", ""), os.environ.get("XLA_FLAGS", "")
    malloc = {"mmap_max": 0, "top_pad": 64 << 20, "trim_threshold": 2**31 - 1, "arena_max": 1, "hugetlb": 1}
    own = [f"glibc.malloc.{name}={value}" for name, value in malloc.items() if f"malloc.{name}=" not in tunables]
    xla = {
        "xla_cpu_prefer_vector_width": "512",
        "xla_backend_extra_options": f"xla_cpu_small_while_loop_byte_threshold={2 << 20}",
    }
    if importlib.metadata.version("jax").startswith("0.10."):
        flags = " ".join([flags, *(f"--{name}={value}" for name, value in xla.items() if name not in flags)])
    return {
        "GLIBC_TUNABLES": ":".join([tunables, *own]).strip(":"),
        "XLA_FLAGS": flags.strip(),
        "SEQUENCE_LAB_ONEDNN": os.environ.get("SEQUENCE_LAB_ONEDNN", "1"),
    }


def set_up_process() -> None:
    """Starts this program again with ``process_environment``, for glibc reads it but once."""
    environment = process_environment()
    if sys.platform == "linux" and environment.items() - os.environ.items():
        os.environ.update(environment)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def leaves_process(argv: list[str]) -> bool:
    """Whether --process_setup is off, as absl will read it when it is there."""
    return any(re.fullmatch(r"--?(noprocess_setup|process_setup=(f|false|0))", word, re.I) for word in argv)


if __name__ == "__main__":  # a launch, whose workers inherit its environment; not an import
    keep_compiled_programs()
    if not leaves_process(sys.argv):
        set_up_process()

from absl import flags  # noqa: E402 (the clock and the settings above come first)
from ml_collections import config_flags  # noqa: E402

EXPERIMENTS = Path(__file__).resolve().parent / "experiments"
HELP = {"--help", "-help", "-h", "--helpfull"}
OF_RUNS = ("train", "evaluate", "generate", "scan")
MODES = (*OF_RUNS, "sweep", "report", "prepare", "inspect")


def define_flags(config: Any, argv: list[str]) -> flags.FlagValues:
    values = flags.FlagValues()
    own = {"flag_values": values}
    about = "experiment file, or a run's config.json; --config.GROUP.FIELD=VALUE sets a field"
    config_flags.DEFINE_config_dict("config", config, about, sys_argv=argv, **own)
    about = "folder of the run; default: that of its config.json, or runs/NAME, or for a sweep sweeps/NAME"
    flags.DEFINE_string("workdir", None, about, **own)
    flags.DEFINE_string("mode", "train", f"what to do: {', '.join(MODES)}", **own)
    flags.DEFINE_multi_string("sweep", [], "an axis, FIELD=VALUE,..., repeatable, in place of the file's own", **own)
    flags.DEFINE_integer("seeds", 0, "seeds per point of a sweep; 0: as the experiment says", lower_bound=0, **own)
    flags.DEFINE_integer("points", 0, "points of a sweep drawn at random; 0: the whole grid", lower_bound=0, **own)
    flags.DEFINE_integer("workers", 1, "processes of a sweep", lower_bound=1, **own)
    flags.DEFINE_list("runs", ["runs", "sweeps"], "folders of runs and sweeps that a report is about", **own)
    flags.DEFINE_list("datasets", [], "sets to prepare, NAME,...; or all; default: the experiment's own", **own)
    flags.DEFINE_string("manual_dir", None, "folder with the original files of sets to prepare", **own)
    flags.DEFINE_string("data_dir", None, "folder of prepared sets; default: $SEQUENCE_LAB_DATA, or a cache", **own)
    about = "one of several processes of a training: auto, or HOST:PORT,COUNT,INDEX"
    flags.DEFINE_string("distributed", None, about, **own)
    about = "the process as JAX is quickest in on a CPU; --noprocess_setup leaves it as it is"
    flags.DEFINE_boolean("process_setup", True, about, **own)
    return values


def usage(values: flags.FlagValues) -> str:
    """The text of --help."""
    names = (
        "config", "workdir", "mode", "sweep", "seeds", "points", "workers", "runs", "datasets", "manual_dir",
        "data_dir", "distributed", "process_setup",
    )  # fmt: skip
    lines = [str(__doc__).strip(), "", "Flags:"]
    lines += [f"  --{name:<13} {values[name].help.splitlines()[0]}" for name in names]
    lines += ["", "Experiments (--config=FILE):"]
    for path in sorted(EXPERIMENTS.glob("*.py")):
        summary = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        lines += textwrap.wrap(
            summary, 118, initial_indent=f"  {os.path.relpath(path):<40} ", subsequent_indent=" " * 43
        )
    return "\n".join(lines)


def parse(argv: list[str]) -> tuple[flags.FlagValues, Mapping[str, Any]]:
    """The flags, among them the config with its overrides, and the experiment file's own sweep.

    Raises:
      ValueError: what is wrong with it, in one line.
    """
    from sequence_lab import experiment_files, run_folder, schema

    # The file is taken off the command line first: ml_collections alone would mix up the errors of a missing
    # file, a faulty file and a misspelt field.
    path, rest = take_config(argv)
    known = [os.path.relpath(found) for found in sorted(EXPERIMENTS.glob("*.py"))]
    config, get_sweep = experiment_files.load(path, known)
    experiment_files.add_overridden(config, experiment_files.override_names(rest))
    values = define_flags(config, rest)
    if HELP.intersection(rest):
        print(usage(values))
        sys.exit(0)
    try:
        unnamed = values(rest)[1:]
    except flags.IllegalFlagValueError as error:
        known = re.match(r"flag --config\.([\w.]+)=(.*?): ", str(error))
        fields = run_folder.flatten(config.to_dict())
        if known and known[1] in fields:
            *groups, field = known[1].split(".")
            wanted = functools.reduce(operator.getitem, groups, config).get_type(field)
            raise ValueError(f"--config.{known[1]} is {known[2]!r}; allowed: {wanted.__name__}") from None
        raise ValueError(error) from None
    except flags.Error as error:
        raise ValueError(error) from None
    if unnamed:
        raise ValueError(f"got {unnamed[0]!r}; allowed: flags, which start with --")
    schema.choose("--mode", values.mode, MODES)
    own = {
        "sweep": ("sweep", "seeds", "points", "workers"),
        "report": ("runs",),
        "prepare": ("datasets", "manual_dir"),
        "train": ("distributed",),
    }
    for mode, names in own.items():
        for name in names:
            if values[name].present and values.mode != mode:
                raise ValueError(f"--{name} is given with --mode={values.mode}; allowed: with --mode={mode}")
    if values.workdir == "":
        raise ValueError("--workdir is ''; allowed: a folder")
    if values.workdir is None and values.mode in OF_RUNS and (own := experiment_files.own_folder(path)):
        values.workdir = str(own)
    return values, get_sweep


def take_config(argv: list[str]) -> tuple[str, list[str]]:
    """The value of --config, and the command line without it."""
    path, rest, words = str(EXPERIMENTS / "quickstart.py"), [], iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ("--config", "-config"):
            rest.append(word)
            continue
        path = value if equals else next(words, "")
    return path, rest


def work(values: flags.FlagValues, get_sweep: Mapping[str, Any], argv: list[str]) -> None:
    from sequence_lab import experiment, experiment_files, schema

    config, mode = values.config, values.mode
    if values.distributed:
        from sequence_lab.training import processes

        with schema.refusals():
            processes.join(values.distributed)
    if values.data_dir:
        os.environ["SEQUENCE_LAB_DATA"] = values.data_dir  # for the workers of a sweep, too
    folder = {"sweep": "sweeps", "inspect": "inspections"}.get(mode, "runs")
    name = config.dataset_name if mode == "inspect" else config.name
    workdir = Path(values.workdir or Path(folder) / name.replace("/", "_"))
    with schema.refusals():
        command = experiment_files.command(take_config(argv)[0], argv)
    if mode == "train":
        experiment.run(config, workdir, started=STARTED, command=command)
    elif mode == "evaluate":
        experiment.evaluate(config, workdir)
    elif mode == "generate":
        experiment.generate(config, workdir, write=lambda part: print(part, end="", flush=True))
    elif mode == "scan":
        experiment.scan(config, workdir)
    elif mode == "prepare":
        from sequence_lab import preparation

        preparation.prepare(values.datasets or [config.dataset_name], values.manual_dir)
    elif mode == "report":
        from sequence_lab import reports

        reports.write([Path(name) for name in values.runs], Path(values.workdir or "reports"))
    elif mode == "inspect":
        from sequence_lab import preparation

        preparation.inspect(config, workdir)
    else:
        from sequence_lab import sweeps

        axes, seeds, points = values.sweep, values.seeds, values.points
        sweeps.sweep(config, workdir, axes, seeds, points, values.workers, get_sweep, command=command)


def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 the training or the machine failed, 2 it was asked for wrongly, 130 it was interrupted."""
    try:
        return launched(argv)
    except BrokenPipeError:  # whoever read has enough; Python would say so again as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        from sequence_lab.training.checkpoints import NO_ROOM

        if error.errno not in (*NO_ROOM, errno.EACCES, errno.EPERM):  # no fault of the program
            raise
        where = f" ({error.filename})" if error.filename else ""
        return fail(f"{error.strerror}{where}; what is complete stays", 1)


def launched(argv: list[str]) -> int:
    from sequence_lab.schema import Refused

    try:
        values, get_sweep = parse(argv)
    except ValueError as error:
        return fail(error, 2)
    from sequence_lab.training.interrupts import Interrupted
    from sequence_lab.training.loop import Diverged

    try:
        work(values, get_sweep, argv)
    except Refused as error:
        return fail(error, 2)
    except Diverged as error:
        return fail(error, 1)
    except Interrupted as error:
        return fail(error, 130)
    return 0


def fail(error: BaseException | str, code: int) -> int:
    """One line on stderr."""
    print(f"launch.py: {' '.join(str(error).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in a file, too, lines stand in their order
    try:
        code = main(sys.argv)
    except KeyboardInterrupt:
        code = fail("interrupted; the same command goes on from what is complete", 130)
    sys.exit(code)
