"""Plots of results, as PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]


def learning_curve(
    records: Sequence[Record], measure: str, path: Path, title: str, baselines: Mapping[str, float] | None = None
) -> None:
    """Draws one measure of ``metrics.jsonl`` against steps, training and validation, baselines as level lines."""
    # Not pyplot: no global state, no display, safe in a worker.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for split, style in (("train", {"color": "tab:blue", "alpha": 0.6}), ("validation", {"color": "tab:orange"})):
        points = [(r["step"], r[measure]) for r in records if r["split"] == split and r.get(measure) is not None]
        if points:
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, label=split, marker="o" if len(points) < 30 else None, markersize=3, **style)
    for (name, value), dashes in zip((baselines or {}).items(), ("--", ":", "-.", (0, (1, 4))), strict=False):
        axes.axhline(value, color="0.35", linestyle=dashes, linewidth=1.2, label=f"{name}: {value:.3f}")
    axes.set(xlabel="step", ylabel=measure.replace("_", " "), title=title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
