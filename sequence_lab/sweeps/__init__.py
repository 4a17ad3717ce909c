"""Sweeps: one experiment over a grid or random points of its config's fields, each under several seeds.

A sweep is a folder: ``sweep.json`` (the config and the space), ``study.journal`` (an Optuna study: what is waiting,
what came of the rest), ``trials/`` (an ordinary run folder each), ``sweep.md``, ``summary.json`` and, for one numeric
axis, ``plots/sweep.png``. The same call again runs what is missing and nothing twice; more values, points or seeds
extend it. A trial that failed stays failed; one that was refused, as where its data are not there or not what they
were, counts among the failed and is tried anew by the next call.
"""

import functools
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from sequence_lab import schema
from sequence_lab.composition import tables
from sequence_lab.config import Tables, completed, resolved
from sequence_lab.run_folder import short
from sequence_lab.sweeps import local, report, study
from sequence_lab.sweeps.axis import Range, parse_axis, show
from sequence_lab.sweeps.space import Overrides, Space, of_trial, point_of, search_space
from sequence_lab.sweeps.worker import Job
from sequence_lab.training.objectives import chief, tasks_of

__all__ = ["Range", "Space", "parse_axis", "sweep"]


def sweep(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    axes: Sequence[str] = (),
    seeds: int = 0,
    points: int = 0,
    workers: int = 1,
    get_sweep: Mapping[str, Any] | None = None,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    command: str = "",
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Runs every trial of a sweep that has not been run, and reports; the same call again goes on.

    Args:
      config: as ``experiment.default_config``.
      axes, seeds, points, get_sweep: as ``space.search_space``.
      workers: processes.
      models, datasets, objectives: further rows for the tables, by name; importable, as they go to the workers.
      command: what started the sweep, for the summaries.
      say: called with each line for a person to read.

    Returns:
      What ``summary.json`` holds.

    Raises:
      schema.Refused: a config, the space or the folder does not fit, or each trial by itself; none was run.
      OSError: the disk is full, or takes nothing more; the same call goes on.
      training.interrupts.Interrupted: SIGINT or SIGTERM came in; running trials have a checkpoint.
    """
    plain = schema.plain(config)
    with schema.refusals():
        if workers < 1:
            raise ValueError(f"--workers is {workers}; allowed: 1 or more")
        rows = tables(models, datasets, objectives)
        base = resolved(plain, rows)
        chosen = search_space(base, axes, seeds, points, get_sweep)
        trials = chosen.trials(base["seed"])
        published = schema.plain(get_sweep or {}).get("published", ())
        config_of = functools.partial(of_trial, plain, base, published=published)
        measure, mode = _chief(config_of, trials, rows)
        job = Job({"models": models, "datasets": datasets, "objectives": objectives}, measure, workers, command)
        _check_portable(job.tables)
    folder = Path(workdir).absolute()
    with study.opened(folder, base, chosen, trials, mode, functools.partial(completed, rows=rows)) as queue:
        crew = local.Crew(queue, job, config_of, folder / "trials", say)
        refused = crew.run()
        if len(refused) == queue.count():
            raise schema.Refused(next(iter(refused.values())))
        summary = report.summarise(base["name"], queue.records(refused), measure, mode)
        say(report.write(folder, summary))
        say(f"\nall of it is in {short(folder)}, the table in {short(folder / report.TABLE)}")
    return summary


def _chief(
    config_of: Callable[[Overrides], dict[str, Any]], trials: Sequence[Overrides], rows: Mapping[str, Tables]
) -> tuple[str, str]:
    """Checks every trial's config; the measure and mode that all of them are judged by."""
    found = set()
    for overrides in trials:
        try:
            config = resolved(config_of(overrides), rows)
        except ValueError as error:
            words = ", ".join(f"{field}={show(value)}" for field, value in point_of(overrides).items())
            raise ValueError(f"the point {words}: {error}") from None
        found.add(chief(tasks_of(config["objectives"], rows["objective"])))
    if len(found) > 1:
        words = " and ".join(f"{mode} {measure}" for measure, mode in sorted(found))
        raise ValueError(f"the points of this sweep are judged by {words}; allowed: one measure for all")
    return found.pop()


def _check_portable(tables: Mapping[str, Any]) -> None:
    for name, table in tables.items():
        try:
            pickle.dumps(table)
        except Exception as error:
            raise ValueError(
                f"{name} cannot go to a worker process ({error}); allowed: what can be imported by name"
            ) from None
