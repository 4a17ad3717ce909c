"""Rows as tables, as a JSON file and as pictures."""

import datetime
import json
import platform
import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Row, summary
from benchmarks.worker import cores
from sequence_lab.analysis import tables

Ceilings = Mapping[str, float | None]


def table(rows: Sequence[Row], ceilings: Ceilings) -> str:
    """Markdown: per contestant its median and its ratio to the first one with the 95 % interval of that."""
    contestants = list(dict.fromkeys(name for row in rows for name in row.contestants))
    floors = any(row.flops is not None for row in rows)
    throughput = any(row.steps is not None for row in rows)
    header = ["case", "program", "unit", *contestants]
    header += ["floor", "share of ceiling"] if floors else []
    header += ["steps per second"] if throughput else []
    lines = []
    for row in rows:
        if not row.values and not row.failures:
            continue
        line = [row.case, row.program, row.unit, *(cell(row, name) for name in contestants)]
        first = row.contestants[0] if row.contestants[0] in row.values else None
        if floors:
            floor = row.floor(ceilings.get(row.setting))
            line += ["", ""] if floor is None else [f"{floor:.3g}", f"{floor / row.median(first):.0%}" if first else ""]
        if throughput:
            line += [f"{1e3 * row.steps / row.median(first):,.0f}" if row.steps and first and row.unit == "ms" else ""]
        lines.append(line)
    return tables.markdown(header, lines)


def line(row: Row, ceilings: Ceilings) -> str:
    """A row as it is printed while others are still being measured."""
    found = [f"{name} {cell(row, name)}" for name in row.contestants]
    floor = row.floor(ceilings.get(row.setting))
    found += [] if floor is None else [f"floor {floor:.3g}"]
    return f"{row.suite} {row.setting}: {row.case}, {row.program}, {row.unit}: " + "; ".join(found)


def cell(row: Row, contestant: str) -> str:
    """``12.3 [12.1, 12.6]`` (quartiles) for the first, ``18.4 x1.50 [1.47, 1.53]`` for the others."""
    if contestant not in row.values:
        return "FAILED" if contestant in row.failures else "-"
    median = f"{row.median(contestant):.3g}"
    if contestant == row.contestants[0]:
        low, high = row.quartiles(contestant)
        return median if low == high else f"{median} [{low:.3g}, {high:.3g}]"
    found = row.ratio(contestant)
    if found is None:
        return median
    ratio, low, high = (f"{value:.2f}" if value >= 0.1 else f"{value:.3f}" for value in found)
    return f"{median} x{ratio}" + ("" if low == high else f" [{low}, {high}]")


def notes(rows: Sequence[Row]) -> list[str]:
    """Why contestants were left out, each reason once."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for name, why in row.notes.items():
            found.setdefault((name, why), {})[row.case] = None
    everywhere = len({row.case for row in rows})
    where = {key: "" if len(cases) == everywhere else f" of {', '.join(cases)}" for key, cases in found.items()}
    return [f"{name}, left out{of}: {why}" for (name, why), of in where.items()]


def settings_compared(rows: Sequence[Row]) -> str:
    """Time in the first setting over that in each further one, as a geometric mean over the rows of a suite.

    The settings ran one after the other, not in turns: less certain than the ratios within one.
    """
    first, *others = dict.fromkeys(row.setting for row in rows)
    medians = {
        (row.setting, row.suite, row.case, row.program, name): row.median(name)
        for row in rows
        if row.unit == "ms"
        for name in row.values
    }
    ratios: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (setting, suite, *where, name), median in medians.items():
        if setting != first and (start := medians.get((first, suite, *where, name))):
            ratios.setdefault((suite, setting), {}).setdefault(name, []).append(start / median)
    names = list(dict.fromkeys(name for found in ratios.values() for name in found))
    lines = [
        [suite, setting, *(f"{statistics.geometric_mean(found[name]):.2f}" if name in found else "" for name in names)]
        for (suite, setting), found in ratios.items()
    ]
    return tables.markdown(["suite", "setting", *names], lines) if others and lines else ""


def document(rows: Sequence[Row], about: Mapping[str, Any], ceilings: Ceilings) -> str:
    """All tables as one Markdown page."""
    parts = [f"# {about['device']}, {about['date']}", f"`{about['command']}`"]
    if about["quick"]:
        parts.append("Tiny shapes, to see whether everything runs: the times mean nothing.")
    facts = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts.append(f"{about['cores']} cores, {facts}; commit {about['commit'] or 'unknown'}")
    for suite in dict.fromkeys(row.suite for row in rows):
        for setting in dict.fromkeys(row.setting for row in rows):
            own = [row for row in rows if (row.suite, row.setting) == (suite, setting)]
            if not own:
                continue
            ceiling = ceilings.get(setting)
            parts.append(f"## {suite}, {setting}")
            if ceiling:
                parts.append(f"Ceiling: {ceiling / 1e9:,.0f} GFLOP/s, the best of products of two large matrices.")
            parts.append(table(own, ceilings))
            parts += [f"- {note}" for note in notes(own)]
    if compared := settings_compared(rows):
        first = rows[0].setting
        parts += [f"## How much faster each is than in setting {first}", compared]
    return "\n\n".join(parts) + "\n"


def write(folder: Path, rows: Sequence[Row], about: Mapping[str, Any], ceilings: Ceilings) -> None:
    """``results.json`` and ``results.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"about": about, "ceilings": ceilings, "rows": [summary(row, ceilings.get(row.setting)) for row in rows]}
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "results.md").write_text(document(rows, about, ceilings))


def surroundings(device: str) -> dict[str, Any]:
    """What a reader must know of the machine."""
    if device == "cpu":
        device = _processor()
    root = Path(__file__).resolve().parent
    describe = ["git", "describe", "--always", "--dirty"]
    git = subprocess.run(describe, cwd=root, capture_output=True, text=True) if shutil.which("git") else None
    return {
        "device": device,
        "cores": cores(),
        "system": platform.platform(),
        "date": datetime.date.today().isoformat(),
        "commit": git.stdout.strip() if git else "",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return re.sub(r"\((R|TM)\)", "", found[1]).strip() if found else platform.machine()


def default_folder(about: Mapping[str, Any]) -> Path:
    """A new one for each run, of this device and day."""
    slug = re.sub(r"[^a-z0-9]+", "-", f"{about['device']} x{about['cores']}".lower()).strip("-")
    folder = Path(__file__).resolve().parent / "results" / f"{slug}-{about['date']}"
    number = 2
    while folder.exists():
        folder, number = folder.with_name(f"{slug}-{about['date']}-{number}"), number + 1
    return folder
