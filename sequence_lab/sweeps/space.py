"""Search spaces: which fields of a config a sweep changes, to which values, under how many seeds."""

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sequence_lab import schema
from sequence_lab.run_folder import BESIDE, flatten
from sequence_lab.sweeps.axis import Axis, Range, checked_axis, field_value, parse_axis, show

Overrides = dict[str, Any]  # dotted field -> value, "seed" last: what one trial changes in the config


@dataclasses.dataclass(frozen=True)
class Space:
    """What a sweep runs: the grid of its axes, or points drawn from them; each point under each seed.

    Attributes:
      axes: by dotted field.
      seeds: per point: the config's seed and those that follow it.
      points: how many to draw; 0: the whole grid.
    """

    axes: Mapping[str, Axis]
    seeds: int = 1
    points: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.seeds, int) and isinstance(self.points, int) and self.seeds >= 1 and self.points >= 0):
            raise ValueError(
                f"a sweep's seeds are {self.seeds!r} and its points {self.points!r}; allowed: --seeds=1 or more, "
                "--points=0 (the whole grid) or more"
            )
        ranges = [field for field, axis in self.axes.items() if isinstance(axis, Range)]
        if ranges and not self.points:
            raise ValueError(f"sweep axis {ranges[0]} is a range, which has no grid; allowed: with --points=N")
        size = math.prod(axis.size if isinstance(axis, Range) else len(axis) for axis in self.axes.values())
        if self.points > (size if self.axes else 0):
            raise ValueError(f"--points is {self.points}; allowed: up to {size if self.axes else 0}, all there are")

    def trials(self, seed: int) -> list[Overrides]:
        """One for each point and seed; every point under the first seed comes before any under the second.

        The first n points drawn are the same for every ``points`` >= n.
        """
        points = self._drawn(np.random.default_rng(seed)) if self.points else self._grid()
        return [{**point, "seed": seed + offset} for offset in range(self.seeds) for point in points]

    def _grid(self) -> list[Overrides]:
        choices = [axis for axis in self.axes.values() if not isinstance(axis, Range)]
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*choices)]

    def _drawn(self, random: np.random.Generator) -> list[Overrides]:
        found: dict[str, Overrides] = {}
        while len(found) < self.points:
            point = {}
            for field, axis in sorted(self.axes.items()):
                point[field] = axis.draw(random) if isinstance(axis, Range) else axis[random.integers(len(axis))]
            found.setdefault(key(point), {field: point[field] for field in self.axes})
        return list(found.values())

    def to_json(self) -> dict[str, Any]:
        axes = {f: dataclasses.asdict(a) if isinstance(a, Range) else list(a) for f, a in self.axes.items()}
        return {"axes": axes, "seeds": self.seeds, "points": self.points}


def search_space(
    config: Mapping[str, Any],
    axes: Sequence[str] = (),
    seeds: int = 0,
    points: int = 0,
    get_sweep: Mapping[str, Any] | None = None,
) -> Space:
    """The space of a command line, or of an experiment's file.

    Args:
      config: resolved.
      axes: as ``parse_axis``; in place of all of the file's.
      seeds, points: 0: as the file says, else 1 and 0.
      get_sweep: ``{"axes": {field: values, or a range such as "log:1e-4..1e-1"}, "seeds": 3, "points": 0,
        "published": (({field: value}, {measure: (value, source)}), ...)}``, the last one for ``of_trial``.

    Raises:
      ValueError: a field, a value or a number that is not allowed, or nothing at all to sweep; one line.
    """
    given = dict(schema.plain(get_sweep or {}))
    schema.check_names("get_sweep()", given, ("axes", "seeds", "points", "published"))
    found = {} if axes else _file_axes(given.get("axes", {}), config)
    if not axes:
        _check_published(given.get("published", ()), found, config)
    own = [parse_axis(text, config) for text in axes]
    for field, axis in own:
        if sum(field == other for other, _ in own) > 1:
            raise ValueError(f"sweep axis {field} is given twice; allowed: once, --sweep={field}=VALUE,VALUE,...")
        found[field] = axis
    seeds, points = seeds or given.get("seeds", 0), points or given.get("points", 0)
    if not found and not seeds:
        raise ValueError(
            "there is nothing to sweep: no axes and no seeds; allowed: --sweep=FIELD=VALUE,VALUE,... (repeatable), "
            "--seeds=N, or get_sweep() in the experiment's file"
        )
    return Space(found, seeds or 1, points)


def _file_axes(given: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Axis]:
    found: dict[str, Axis] = {}
    for field, values in given.items():
        if isinstance(values, str):
            _, found[field] = parse_axis(f"{field}={values}", config)
        elif isinstance(values, tuple):
            found[field] = checked_axis(field, values, field_value(field, config))
        else:
            raise ValueError(f"get_sweep() has {values!r} for {field}; allowed: a tuple of values, or a range as text")
    return found


def _check_published(given: Any, axes: Mapping[str, Axis], config: Mapping[str, Any]) -> None:
    """Raises ValueError for a point that no trial has, or that is the config's own."""
    own = flatten(config)
    for entry in given:
        if not (isinstance(entry, tuple) and len(entry) == 2 and all(isinstance(one, Mapping) for one in entry)):
            raise ValueError(
                f"get_sweep() has published {entry!r}; allowed: ({{field: value}}, {{measure: (value, source)}})"
            )
        for field, value in entry[0].items():
            axis = axes[schema.choose("a field of get_sweep()'s published points", field, axes)]
            if isinstance(axis, Range):
                continue
            others = [x for x in axis if key({"": x}) != key({"": own.get(field)})]
            if value not in others:
                raise ValueError(
                    f"get_sweep() has published figures at {field} {value!r}; allowed: "
                    f"{', '.join(map(show, others))}, values of that axis that are not the config's own"
                )


def with_overrides(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a plain config with some fields, named by their dotted names, set."""
    changed = dict(config)
    for field, value in overrides.items():
        group, dot, rest = field.partition(".")
        changed[group] = with_overrides(changed.get(group, {}), {rest: value}) if dot else value
    return changed


def of_trial(
    config: Mapping[str, Any],
    resolved: Mapping[str, Any],
    overrides: Mapping[str, Any],
    published: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = (),
) -> dict[str, Any]:
    """The config of a trial. At another point than the config's own its published figures, which are of it, are away.

    Networks are guessed (``config.guesses``) on other data, too, but not for other models, which have no part in that.

    Args:
      resolved: the config with all its fields.
      published: of points, by the fields in which they are not the config's own, the figures that stand there.
    """
    own = flatten(resolved)
    changed = with_overrides(config, overrides)
    moved = {
        field: value
        for field, value in overrides.items()
        if field not in ("seed", *own["replicates"])
        and not field.startswith(BESIDE)
        and key({"": own.get(field)}) != key({"": value})
    }
    if not moved:
        return changed
    figures = dict.fromkeys(resolved["published"], (None, ""))
    if any(not field.startswith("dataset") for field in moved):
        figures.pop("guesses", None)
        changed["guesses"] = 0
    for point, there in published:
        if key(point) == key(moved):
            figures |= there
    return changed | {"published": figures}


def key(overrides: Mapping[str, Any]) -> str:
    """Tells trials apart, whether or not they have been through JSON."""
    return json.dumps(overrides, sort_keys=True)


def point_of(overrides: Mapping[str, Any]) -> Overrides:
    """A trial's overrides but for its seed."""
    return {field: value for field, value in overrides.items() if field != "seed"}


def short_names(fields: Sequence[str]) -> dict[str, str]:
    """The last part of each dotted field; all of it where two would be the same."""
    last = [field.rpartition(".")[2] for field in fields]
    return {field: name if last.count(name) == 1 else field for field, name in zip(fields, last, strict=True)}
