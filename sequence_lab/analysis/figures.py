"""Figures to draw on, and their files."""

from pathlib import Path
from typing import Any


def figure(width: float, height: float) -> Any:
    """One of that size in inches."""
    # Not pyplot: no global state, no display, safe in a worker.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def tiles(rows: int, columns: int, width: float, height: float) -> tuple[Any, list[Any]]:
    """One of that size, and its axes, row by row."""
    made = figure(width, height)
    return made, made.subplots(rows, columns, squeeze=False).ravel().tolist()


def save(made: Any, path: Path, title: str = "") -> None:
    """Writes a PNG file, whose folder it makes."""
    if title:
        made.suptitle(title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(path, dpi=130)
