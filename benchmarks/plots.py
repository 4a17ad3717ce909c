"""Pictures of rows, as PNG files: ratios to ours, absolute values, and curves over what a suite varies."""

import importlib.util
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Row

COLORS = {"flax": "tab:orange", "haiku": "tab:green", "keras": "tab:red", "torch": "tab:purple"}
MARKERS = "osD^vP*X"
UNITS = {"ms": "milliseconds", "MiB": "MiB", "s": "seconds"}


def draw(folder: Path, rows: Sequence[Row], machine: str) -> list[Path]:
    """One picture per suite and setting; none where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return []
    found = []
    for suite, setting in dict.fromkeys((row.suite, row.setting) for row in rows):
        own = [row for row in rows if (row.suite, row.setting) == (suite, setting) and row.unit and row.values]
        if not own:
            continue
        path = folder / f"{suite}-{setting}.png"
        title = f"{suite}, {setting} ({machine})"
        if len({row.at for row in own} - {None}) > 1 and all(row.at for row in own):
            curves(own, path, title)
        elif {row.unit for row in own} == {"ms"} and any(row.ratio(name) for row in own for name in _others(row)):
            ratios(own, path, title)
        else:
            values(own, path, title)
        found.append(path)
    return found


def ratios(rows: Sequence[Row], path: Path, title: str) -> None:
    """The others' times over those of the first contestant, with the 95 % interval; one panel per program."""

    def point(row: Row, name: str) -> tuple[float, float, float] | None:
        return row.ratio(name) if name in _others(row) else None

    first = rows[0].contestants[0]
    figure = _dots(rows, point, lambda row: f"time divided by that of {first}")
    for axes in figure.axes:
        axes.axvline(1, color="0.25", linewidth=1.2, zorder=1)
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, 0.8), max(high, 1.25))
        _logarithmic(axes, "x")
    figure.suptitle(f"{title}\nright of 1, {first} is faster", fontsize="medium")
    _save(figure, path)


def _others(row: Row) -> list[str]:
    """Who was measured beside the first contestant."""
    return [name for name in row.contestants[1:] if name in row.values]


def values(rows: Sequence[Row], path: Path, title: str) -> None:
    """Medians and quartiles of all contestants; one panel per program."""

    def point(row: Row, name: str) -> tuple[float, float, float]:
        return row.median(name), *row.quartiles(name)

    figure = _dots(rows, point, lambda row: UNITS[row.unit])
    for axes in figure.axes:
        _logarithmic(axes, "x")
    figure.suptitle(title, fontsize="medium")
    _save(figure, path)


def curves(rows: Sequence[Row], path: Path, title: str) -> None:
    """Medians over what the suite varies, doubly logarithmic; dotted: what is proportional to it."""
    groups = list(dict.fromkeys(map(_group, rows)))
    programs = list(dict.fromkeys(row.program for row in rows))
    figure, grid = _figure(len(groups), len(programs), (5.2, 3.6))
    styles = _styles(rows)
    for line, group in zip(grid, groups, strict=True):
        for axes, program in zip(line, programs, strict=True):
            own = [row for row in rows if (_group(row), row.program) == (group, program)]
            if not own:
                axes.set_axis_off()
                continue
            for name in dict.fromkeys(name for row in own for name in row.values):
                points = [(row.at[1], row.median(name), *row.quartiles(name)) for row in own if name in row.values]
                x, y, low, high = zip(*points, strict=True)
                axes.plot(x, y, label=name, markersize=4, **styles[name])
                axes.fill_between(x, low, high, color=styles[name]["color"], alpha=0.2, linewidth=0)
            axes.set_xscale("log")
            axes.set_xticks(at := sorted({row.at[1] for row in own}), [f"{value:,g}" for value in at])
            axes.minorticks_off()
            if own[0].unit == "s":
                axes.set_ylim(0)  # to compile takes the same time for every length
            else:
                _proportional(axes, own)
                _logarithmic(axes, "y")
            axes.set(xlabel=own[0].at[0], ylabel=UNITS[own[0].unit], title=f"{group}\n{program}" if group else program)
            axes.title.set_fontsize("medium")
            axes.grid(alpha=0.3)
    _legend(figure, grid.flat)
    figure.suptitle(title, fontsize="medium")
    _save(figure, path)


def _group(row: Row) -> str:
    """The case without what the suite varies."""
    if row.at is None:
        return row.case
    name, value = row.at
    return re.sub(rf" {name}{value:g}\b", "", row.case)


def _proportional(axes: Any, rows: Sequence[Row]) -> None:
    """A dotted line with a slope of one through the first contestant's last point."""
    first = rows[0].contestants[0]
    points = [(row.at[1], row.median(first)) for row in rows if row.at is not None and first in row.values]
    if not points:
        return
    axes.set_yscale("log")
    bottom, top = axes.get_ylim()
    x, y = points[-1]
    axes.plot([p for p, _ in points], [y * p / x for p, _ in points], ":", color="0.4", linewidth=1, zorder=1)
    axes.set_ylim(bottom, top)


def _dots(rows: Sequence[Row], point: Callable[[Row, str], Any], label: Callable[[Row], str]) -> Any:
    """A line per case, a dot per contestant, its interval as a bar."""
    cases = list(dict.fromkeys(row.case for row in rows))
    programs = list(dict.fromkeys(row.program for row in rows))
    figure, grid = _figure(1, len(programs), (max(3.6, 9 / len(programs)), 1.5 + 0.36 * len(cases)))
    styles = _styles(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.contestants))
    for axes, program in zip(grid[0], programs, strict=True):
        axes.set_xscale("log")
        shown = [row for row in rows if row.program == program]
        for at, name in enumerate(names):
            points = [(cases.index(row.case), point(row, name)) for row in shown if name in row.values]
            points = [(y, found) for y, found in points if found is not None]
            if not points:
                continue
            offset = 0.6 * (at / max(len(names) - 1, 1) - 0.5)
            style = {**styles[name], "linestyle": "none"}
            y = [number + offset for number, _ in points]
            x = [found[0] for _, found in points]
            bars = [[max(end * (f[0] - f[side]), 0) for _, f in points] for end, side in ((1, 1), (-1, 2))]
            axes.errorbar(x, y, xerr=bars, label=name, markersize=5, elinewidth=1.4, **style)
        for edge in range(1, len(cases)):
            axes.axhline(edge - 0.5, color="0.9", linewidth=0.8, zorder=0)
        axes.set(ylim=(len(cases) - 0.5, -0.5), xlabel=label(shown[0]), title=program)
        axes.set_yticks(range(len(cases)), cases if axes is grid[0][0] else [""] * len(cases), fontsize="small")
        axes.tick_params(axis="y", length=0)
        axes.title.set_fontsize("medium")
        axes.grid(alpha=0.3, axis="x")
    _legend(figure, grid.flat)
    return figure


def _legend(figure: Any, all_axes: Iterable[Any]) -> None:
    """One for all panels, below them."""
    found: dict[str, Any] = {}
    for axes in all_axes:
        found |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(found.values(), found, loc="outside lower center", ncols=6, frameon=False)


def _logarithmic(axes: Any, name: str) -> None:
    """Plain numbers on the logarithmic axis "x" or "y", as many as there is room for."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = getattr(axes, f"{name}axis")
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    subs = (1, 1.5, 2, 3, 5, 7) if decades < 1 else (1, 2, 5) if decades < 1.5 else (1, 3)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.5g}"))
    axis.set_minor_formatter(NullFormatter())


def _styles(rows: Sequence[Row]) -> Mapping[str, dict[str, Any]]:
    """Colour by framework, ours in blues, a marker each."""
    names = list(dict.fromkeys(name for row in rows for name in row.contestants))
    blues = iter(("tab:blue", "tab:cyan", "navy", "steelblue", "skyblue"))
    return {
        name: {"color": COLORS.get(name) or next(blues, "0.5"), "marker": MARKERS[at % len(MARKERS)]}
        for at, name in enumerate(names)
    }


def _figure(lines: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    # Not pyplot: no global state, no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] * columns, size[1] * lines), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(lines, columns, squeeze=False)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
