"""What a run writes down while it trains: ``metrics.jsonl`` and TensorBoard events."""

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.summary import scalar

METRICS = "metrics.jsonl"
TIMES = ("seconds", "steps_per_second", "input_share")  # the only figures that two equal runs do not share


class Recorder:
    """Appends records to ``workdir``; what an earlier process recorded after ``step`` is cut off first.

    Events are written anew from the records that are kept: a killed process leaves its last ones unwritten. They are
    written at once, by no thread of their own, so that a disk which is full says so here.
    """

    def __init__(self, workdir: Path, step: int) -> None:
        kept = [record for record in read_metrics(workdir) if record["step"] <= step]
        temporary = workdir / f"{METRICS}.tmp"
        temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))
        temporary.rename(workdir / METRICS)
        self._file = (workdir / METRICS).open("a", buffering=1)
        shutil.rmtree(workdir / "tensorboard", ignore_errors=True)
        (workdir / "tensorboard").mkdir()
        self._events = EventsWriter(str(workdir / "tensorboard" / "events"))
        for record in kept:
            self._add_events(**record)
        self._events.flush()

    def record(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """One line and one event per value; a figure that is not finite is null in the line, as JSON has no NaN."""
        plain = {name: float(value) for name, value in values.items()}
        line = {name: value if math.isfinite(value) else None for name, value in plain.items()}
        self._file.write(json.dumps({"step": step, "split": split, **line}) + "\n")
        self._add_events(step, split, **plain)
        self._events.flush()

    def _add_events(self, step: int, split: str, **values: float | None) -> None:
        for name, value in values.items():
            summary = scalar(f"{split}/{name}", math.nan if value is None else value)
            self._events.write_event(Event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        self._file.close()
        self._events.close()


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The records of a run, oldest first; [] before there are any."""
    path = workdir / METRICS
    return list(_whole_lines(path)) if path.exists() else []


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the process died in the middle of this line
            return
