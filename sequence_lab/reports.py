"""One table of many runs: what was published, what they came to over seeds, and the commands that made them."""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sequence_lab import composition, schema
from sequence_lab.analysis import plots, tables
from sequence_lab.config import completed
from sequence_lab.data.fingerprint import difference
from sequence_lab.run_folder import BESIDE, CONFIG, DATA, SUMMARY, RunFolder, flatten, short
from sequence_lab.sweeps.axis import show
from sequence_lab.sweeps.space import short_names
from sequence_lab.training.objectives import OBJECTIVES

TABLE, PLOT, RESULTS = "results.md", "results.png", "results.json"
NEVER_APART = ("seed", *BESIDE)  # starts of fields that make no other experiment
DATA_FIELDS = ("dataset", "training.packed_width", "training.num_shapes")  # starts of fields that make other data
HEADER = ("experiment", "measure", "published", "ours", "runs", "minutes", "command")


class Run(NamedTuple):
    """A finished run.

    Attributes:
      fields: of its config, by their dotted names.
      summary: what it measured.
      data: the fingerprint of its data, where that was kept.
    """

    fields: Mapping[str, Any]
    summary: Mapping[str, Any]
    data: Mapping[str, Any] | None
    folder: Path


def write(folders: Sequence[Path], out: Path, say: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """Reads every finished run below the folders, and writes one table of them as Markdown, as JSON and as a picture.

    Runs of an experiment that differ in their seed alone, or in the fields of ``config.replicates``, are one row
    if they had the same data; copies of a run count once.

    Returns:
      The rows, as the JSON holds them.

    Raises:
      schema.Refused: there is no finished run, or a file of one is damaged.
    """
    with schema.refusals():
        runs = [run for folder in folders for run in _runs(folder)]
        if not runs:
            where = ", ".join(str(folder) for folder in folders)
            raise ValueError(f"--runs is {where}, where no run is finished; allowed: folders of runs or sweeps")
        rows = [row for name in _names(runs) for row in _experiment(name, [r for r in runs if _name(r) == name])]
    commands = list(dict.fromkeys(command for row in rows for command in row["commands"]))
    numbers = [", ".join(str(commands.index(command) + 1) for command in row["commands"]) for row in rows]
    cells = [[*(row[column] for column in HEADER[:-1]), number] for row, number in zip(rows, numbers, strict=True)]
    listed = "\n".join(f"{number}. `{command}`" for number, command in enumerate(commands, 1))
    table = f"{tables.markdown(HEADER, cells)}\n\nCommands:\n\n{listed}"
    out.mkdir(parents=True, exist_ok=True)
    (out / TABLE).write_text(f"{table}\n")
    RunFolder(out).write(RESULTS, rows)
    plots.table(HEADER, cells, out / PLOT)
    say(table)
    say(f"\nit is in {short((out / TABLE).absolute())}, as a picture in {short((out / PLOT).absolute())}")
    return rows


def _runs(folder: Path) -> Iterable[Run]:
    """The finished runs below, trials of sweeps among them, in the order of their paths.

    Fields that there are since a run was kept have their defaults.
    """
    rows = composition.tables()
    for path in sorted(folder.rglob(SUMMARY)):
        own = RunFolder(path.parent)
        summary, config = own.read(SUMMARY), own.read(CONFIG)
        if config is not None and "metrics" in summary:
            yield Run(flatten(completed(config, rows)), summary, own.read(DATA), path.parent)


def _name(run: Run) -> str:
    return run.summary["experiment"]


def _names(runs: Sequence[Run]) -> list[str]:
    return sorted({_name(run) for run in runs})


def _experiment(name: str, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The rows of one experiment: a group of runs for each point in which they differ, a row for each measure."""
    by_point: dict[str, dict[str, Run]] = {}
    for point, run in zip(_points(runs), runs, strict=True):
        own = json.dumps([run.fields.get("seed"), *_replicate(run).values(), run.summary["metrics"]])
        by_point.setdefault(json.dumps(point, sort_keys=True), {}).setdefault(own, run)
    points = [json.loads(point) for point in by_point]
    groups = [list(group.values()) for group in by_point.values()]
    every = sorted({field for point in points for field in point})
    differ = [field for field in every if len({json.dumps(point.get(field)) for point in points}) > 1]
    names = short_names(differ)
    rows = []
    for point, group in zip(points, groups, strict=True):
        values = ", ".join(f"{names[field]} {show(point[field])}" for field in differ if field in point)
        title = f"{name}: {values}" if values else name
        rows += [_row(title, measure, group) for measure in _measures(group[0])]
    return rows


def _points(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Of each run what tells it from those of other groups: fields of its config, and the number of its data.

    Where some folds were run on other data than before, the others do not say which of the two theirs go with: then
    each fold is a group by itself.
    """
    numbers = _data_numbers(runs)
    fields = [
        {
            field: value
            for field, value in run.fields.items()
            if not field.startswith(NEVER_APART) and field not in run.fields.get("replicates", ())
        }
        for run in runs
    ]
    changed = [point for point, number in zip(fields, numbers, strict=True) if number > 1]
    return [
        point | {"data": number} | (_replicate(run) if point in changed else {})
        for point, number, run in zip(fields, numbers, runs, strict=True)
    ]


def _data_numbers(runs: Sequence[Run]) -> list[int]:
    """1 for the first data that runs had under the same name and fields, 2 for other ones, and so on.

    A run that kept no fingerprint goes with the first.
    """
    known: dict[str, list[Mapping[str, Any]]] = {}
    numbers = []
    for run in runs:
        named = {field: value for field, value in run.fields.items() if field.startswith(DATA_FIELDS)}
        before = known.setdefault(json.dumps(named, sort_keys=True), [])
        alike = [n for n, data in enumerate(before, 1) if run.data is None or difference(data, run.data) is None]
        if not alike and run.data is not None:
            before.append(run.data)
        numbers.append(alike[0] if alike else max(len(before), 1))
    return numbers


def _replicate(run: Run) -> dict[str, Any]:
    """What tells runs of one group apart, besides the seed: their folds, as a rule."""
    return {field: run.fields.get(field) for field in run.fields.get("replicates", ())}


def _measures(run: Run) -> list[str]:
    """Those that ``config.published`` names, or the one by which a state is better than another."""
    if published := _published(run):
        return list(published)
    tasks = [field.split(".")[1] for field in run.fields if field.startswith("objectives.")]
    objective = OBJECTIVES.get(run.fields[f"objectives.{tasks[0]}.name"])
    best = objective.best if objective else "loss"
    several = len(set(tasks)) > 1
    return [f"{tasks[0]}/{best}" if several else best]


def _row(title: str, measure: str, group: Sequence[Run]) -> dict[str, Any]:
    split = _split(group[0])
    figures = {run.folder: _figures(run) for run in group}
    measured = [run for run in group if measure in figures[run.folder]]  # another version may not have had it
    scores = [figures[run.folder][measure] for run in measured]
    intervals = [run.summary.get("intervals", {}).get(split, {}).get(measure) for run in measured]
    alike = len({json.dumps(_replicate(run)) for run in measured}) == 1  # else each run has other rows
    value, source = _published(group[0]).get(measure, (None, ""))
    figure = "-" if value is None else f"{value:g}"
    tested = measure in group[0].summary["metrics"][split]
    return {
        "experiment": title,
        "measure": f"validation {measure}" if tested and split != "test" else measure,
        "published": f"{figure} ({source})" if source else figure,
        "ours": _ours(scores, intervals if alike else []),
        "runs": str(len(measured)),
        "minutes": f"{sum(run.summary['seconds'] for run in group) / 60 / len(group):.1f}",
        "commands": list(dict.fromkeys(run.summary.get("command") or "(a script)" for run in group)),
        "scores": scores,
        "folders": [str(run.folder) for run in group],
    }


def _published(run: Run) -> dict[str, tuple[float | None, str]]:
    start = "published."
    return {name.removeprefix(start): x for name, x in run.fields.items() if name.startswith(start)}


def _split(run: Run) -> str:
    return "test" if "test" in run.summary["metrics"] else "validation"


def _figures(run: Run) -> dict[str, float]:
    """All that a run measured by the names under which ``config.published`` may have it.

    Those of the test split or, where there is none, of validation as they are; of the last steps of training after
    "train "; of the models of text that it was compared with or mixed with as "perplexity, KN5"; and as "guesses" how
    many networks were drawn until one was right, infinite where none was.
    """
    found = dict(run.summary["metrics"][_split(run)])
    found |= {f"train {name}": value for name, value in run.summary.get("training", {}).items()}
    for name, bits in run.summary.get("baselines", {}).items():
        found |= {f"bits_per_symbol, {name}": bits, f"perplexity, {name}": 2.0**bits}
    if guesses := run.summary.get("guesses"):
        found["guesses"] = guesses["drawn"] if guesses["right"] else math.inf
    return found


def _ours(scores: Sequence[float], intervals: Sequence[Sequence[float] | None]) -> str:
    """Mean and interval over runs, and the interval over the rows of the test split, where every run has one.

    One without a width, as of a bootstrap in which every row is right, is none.
    """
    if not scores:
        return "not measured"
    known = [ends for ends in intervals if ends is not None]
    if len(known) < len(scores) or all(low == high for low, high in known):
        return tables.interval(scores)
    low, high = (statistics.fmean(ends) for ends in zip(*known, strict=True))
    return f"{tables.interval(scores)} ({low:.3g} to {high:.3g} over rows)"
