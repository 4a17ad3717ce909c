"""What came of a sweep: one row per point, its seeds merged, as a Markdown table, as JSON and as a plot."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sequence_lab.analysis import plots, tables
from sequence_lab.run_folder import SUMMARY, RunFolder
from sequence_lab.sweeps.axis import show
from sequence_lab.sweeps.space import key, point_of, short_names

TABLE, PLOT = "sweep.md", Path("plots") / "sweep.png"
Record = Mapping[str, Any]


def summarise(name: str, records: Sequence[Record], measure: str, mode: str) -> dict[str, Any]:
    """The numbers of a sweep: its points, best first by the mean validation score; points without a score last.

    Args:
      name: of the experiment.
      records: of the trials, as ``study.Study.records``.
      measure, mode: the score, and whether "min" or "max" of it is better.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(key(point_of(record["overrides"])), []).append(record)
    points = [_point(group, measure) for group in groups.values()]
    sign = 1 if mode == "min" else -1
    points.sort(key=lambda p: (p["validation"] is None, sign * p["validation"]["mean"] if p["validation"] else 0))
    failures = {record["name"]: record["reason"] for record in records if record["state"] == "failed"}
    return {"experiment": name, "measure": measure, "mode": mode, "points": points, "failures": failures}


def _point(group: Sequence[Record], measure: str) -> dict[str, Any]:
    finished = [record for record in group if record["state"] == "complete"]
    return {
        "values": point_of(group[0]["overrides"]),
        "validation": _statistics(finished, "validation", measure),
        "test": _statistics(finished, "test", measure),
        "seeds": [record["overrides"]["seed"] for record in finished],
        "failed": sum(record["state"] == "failed" for record in group),
        "waiting": sum(record["state"] == "waiting" for record in group),
        "seconds": statistics.fmean(record["seconds"] for record in finished) if finished else None,
        "trials": [record["name"] for record in group],
    }


def _statistics(finished: Sequence[Record], split: str, measure: str) -> dict[str, Any] | None:
    scores = [record["metrics"][split][measure] for record in finished if split in record["metrics"]]
    if not scores:
        return None
    return {"mean": statistics.fmean(scores), "half_width": tables.half_width(scores), "scores": scores}


def markdown(summary: Mapping[str, Any]) -> str:
    """The table, and below it why trials failed."""
    measure, points = summary["measure"], summary["points"]
    fields = list(points[0]["values"])
    names = short_names(fields)
    header = [*(names[field] for field in fields), f"validation {measure}", f"test {measure}"]
    header = [*([] if fields else ["experiment"]), *header, "seeds", "failed", "seconds per run"]
    rows = [
        [
            *([show(point["values"][field]) for field in fields] or [summary["experiment"]]),
            *(tables.interval(point[split]["scores"]) if point[split] else "-" for split in ("validation", "test")),
            str(len(point["seeds"])),
            str(point["failed"]),
            "-" if point["seconds"] is None else f"{point['seconds']:.1f}",
        ]
        for point in points
    ]
    lines = [tables.markdown(header, rows)]
    if summary["failures"]:
        lines += ["", *(f"- {name} failed: {reason}" for name, reason in summary["failures"].items())]
    return "\n".join(lines)


def write(folder: Path, summary: Mapping[str, Any]) -> str:
    """Writes ``sweep.md``, ``summary.json`` and, for one numeric axis, ``plots/sweep.png``; returns the table."""
    table = markdown(summary)
    better = "lower" if summary["mode"] == "min" else "higher"
    over = "Mean ± 95 % interval over seeds, or the score under each where that is as wide as the mean"
    note = f"{over}; best point first ({better} is better)."
    (folder / TABLE).write_text(f"# {summary['experiment']}\n\n{note}\n\n{table}\n")
    RunFolder(folder).write(SUMMARY, summary)
    _plot(folder / PLOT, summary)
    return table


def _plot(path: Path, summary: Mapping[str, Any]) -> None:
    finished = [point for point in summary["points"] if point["validation"]]
    numeric = [
        field for field in summary["points"][0]["values"]
        if all(type(point["values"][field]) in (int, float) for point in summary["points"])
    ]  # fmt: skip
    if len(numeric) != 1 or not finished:
        return
    series: dict[str, list[tuple[float, float, float]]] = {}
    for point in finished:
        others = {field: show(value) for field, value in point["values"].items() if field != numeric[0]}
        names = short_names(list(point["values"]))
        label = ", ".join(f"{names[field]} {value}" for field, value in others.items())
        score = point["validation"]
        series.setdefault(label, []).append((point["values"][numeric[0]], score["mean"], score["half_width"] or 0.0))
    plots.sweep_curve(series, numeric[0], f"validation {summary['measure']}", path, summary["experiment"])
