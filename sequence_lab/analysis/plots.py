"""Plots of results, as PNG files."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sequence_lab.analysis import figures
from sequence_lab.analysis.segments import events

Record = Mapping[str, Any]

DASHES: tuple[Any, ...] = ("--", ":", "-.", (0, (1, 4)))


def learning_curve(
    records: Sequence[Record],
    measure: str,
    path: Path,
    title: str,
    test: tuple[int, float] | None = None,
    baselines: Mapping[str, float] | None = None,
) -> None:
    """Draws one measure of ``metrics.jsonl`` against steps, training and validation.

    Args:
      test: step of the state that was tested, and its score on the test split: a star.
      baselines: by name, scores on the test split: level lines.
    """
    figure, axes = _figure()
    for split, style in (("train", {"color": "tab:blue", "alpha": 0.6}), ("validation", {"color": "tab:orange"})):
        points = [(r["step"], r[measure]) for r in records if r["split"] == split and r.get(measure) is not None]
        if points:
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, label=split, marker="o" if len(points) < 30 else None, markersize=3, **style)
    for (name, value), dashes in zip((baselines or {}).items(), itertools.cycle(DASHES), strict=False):
        axes.axhline(value, color="0.35", linestyle=dashes, linewidth=1.2, label=f"test, {name}: {value:.3f}")
    if test is not None:
        axes.plot(*test, "*", color="tab:green", markersize=13, zorder=3, label=f"test, this run: {test[1]:.4g}")
    axes.set(xlabel="step", ylabel=measure.replace("_", " "), title=title)
    if axes.get_lines():
        axes.legend(edgecolor="none", framealpha=0.9)  # level lines may pass behind it
    _save(figure, path)


def sweep_curve(
    series: Mapping[str, Sequence[tuple[float, float, float]]], field: str, measure: str, path: Path, title: str
) -> None:
    """Draws the scores of a sweep against the values of one numeric field.

    Args:
      series: (value, mean score, half the width of its interval) of each point, by what else tells points apart;
        "" where nothing does.
    """
    figure, axes = _figure()
    values = [value for points in series.values() for value, _, _ in points]
    if min(values) > 0 and max(values) >= 10 * min(values):
        axes.set_xscale("log")
    for label, points in series.items():
        x, means, halves = zip(*sorted(points), strict=True)
        axes.errorbar(x, means, yerr=halves, label=label or None, marker="o", markersize=4, capsize=3)
    axes.set(xlabel=field, ylabel=measure.replace("_", " "), title=title)
    if any(series):
        axes.legend(frameon=False)
    _save(figure, path)


def length_histogram(lengths: Mapping[str, Any], path: Path, title: str, widths: Sequence[int] = ()) -> None:
    """Draws how long the rows of each split are.

    Args:
      lengths: of the rows, by split.
      widths: what rows are padded to: lines.
    """
    figure, axes = _figure()
    longest = max(int(max(found, default=0)) for found in lengths.values())
    width = -(-(longest + 1) // 60)  # whole steps: else some bars would hold more of them than others
    edges = [width * place - 0.5 for place in range(-(-(longest + 1) // width) + 1)]
    for name, found in lengths.items():
        axes.hist(found, edges, histtype="step", linewidth=1.4, label=f"{name}, {len(found):,} rows")
    for number, width in enumerate(widths):
        axes.axvline(width, color="0.6", linestyle=":", linewidth=1, label=None if number else "padded to")
    axes.set(xlabel="steps", ylabel="rows", title=title)
    axes.legend(frameon=False)
    _save(figure, path)


def confusion_matrix(matrix: Any, classes: Sequence[str], path: Path, title: str) -> None:
    """Draws counts ``[K, K]``, labels down and answers across, coloured by their share of the row.

    Args:
      classes: K names, or none: numbers.
    """
    size = len(matrix)
    names = list(classes) or [str(number) for number in range(size)]
    side = max(4.2, 0.42 * size + 1.8)
    figure, axes = _figure(side, side + 0.1 * max(map(len, names)))
    shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(size if size <= 20 else 0):
        for column in range(size):
            colour = "white" if shares[row, column] > 0.5 else "0.25"
            axes.text(column, row, f"{matrix[row, column]:,}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(size), names, rotation=45, ha="right")
    axes.set_yticks(range(size), names)
    axes.set(xlabel="answer", ylabel="label", title=title)
    _save(figure, path, grid=False)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], path: Path) -> None:
    """Draws a table, the first column to the left."""
    columns = range(len(header))
    widths = [3 + max(len(row[column]) for row in (header, *rows)) for column in columns]
    figure, axes = _figure(0.2 * (len(rows) + 1), 0.068 * sum(widths))
    axes.set_axis_off()
    drawn = axes.table([list(row) for row in rows], None, "left", widths, colLabels=list(header), bbox=(0, 0, 1, 1))
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for (row, column), cell in drawn.get_celld().items():
        cell.set(edgecolor="0.85", linewidth=0.6)
        cell.PAD = 1 / widths[column]
        if row == 0:
            cell.set_text_props(weight="bold")
    _save(figure, path, grid=False)


def timeline(rows: Mapping[str, Any], seconds: float, classes: Sequence[str], path: Path, title: str) -> None:
    """Draws what was active when, one row above the other: truth, answers, answers after smoothing.

    Args:
      rows: by name, booleans ``[T, K]``.
      seconds: from one frame to the next.
      classes: names, K.
    """
    figure, axes = _figure(1.2 + 0.22 * len(rows) * len(classes), 9)
    ticks = []
    for place, (name, active_TK) in enumerate(rows.items()):
        for k, kind in enumerate(classes):
            height = (len(classes) + 0.5) * place + k
            starts = [(start * seconds, (end - start) * seconds) for start, end in events(active_TK[:, k])]
            axes.broken_barh(starts, (height + 0.08, 0.84), color=f"C{k}", alpha=1.0 if place == 0 else 0.65)
            ticks.append((height + 0.5, f"{name}, {kind}"))
    longest = max(len(active_TK) for active_TK in rows.values())
    axes.set_yticks(*zip(*ticks, strict=True), fontsize=8)
    axes.set(xlim=(0, longest * seconds), xlabel="seconds", title=title)
    axes.invert_yaxis()
    _save(figure, path)


def piano_roll(roll_TK: Any, primed: int, lowest: int, path: Path, title: str) -> None:
    """Draws when the keys ``[T, K]`` of a piano sound, from the lowest that does to the highest.

    Args:
      primed: so many first steps were given: shaded, and in another colour.
      lowest: number of the first key in MIDI; 60 is C4.
    """
    steps, keys = len(roll_TK), [k for k in range(roll_TK.shape[1]) if roll_TK[:, k].any()] or [0]
    figure, axes = _figure(max(2.4, 0.6 + 0.085 * (keys[-1] - keys[0] + 3)), 9)
    axes.axvspan(0, primed, color="0.9", zorder=0)
    for k in keys:
        for start, end in events(roll_TK[:, k]):
            parts = (("tab:gray", start, min(end, primed)), ("tab:blue", max(start, primed), end))
            for colour, first, last in parts:
                if first < last:
                    axes.broken_barh([(first, last - first)], (lowest + k - 0.5, 1), color=colour, linewidth=0)
    low, high = lowest + keys[0] - 1.5, lowest + keys[-1] + 1.5
    ticks = [note for note in range(0, 128, 12) if low < note < high]
    axes.set_yticks(ticks, [f"C{note // 12 - 1}" for note in ticks])
    axes.set(xlim=(0, steps), ylim=(low, high), xlabel="step", ylabel="key", title=title)
    _save(figure, path)


def _figure(height: float = 4.2, width: float = 7) -> tuple[Any, Any]:
    figure = figures.figure(width, height)
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path, grid: bool = True) -> None:
    if grid:
        figure.axes[0].grid(alpha=0.3)
    figures.save(figure, path)
