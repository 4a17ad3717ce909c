"""An axis of a sweep: a field of the config, and the values it takes."""

import ast
import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sequence_lab import schema
from sequence_lab.run_folder import flatten


@dataclasses.dataclass(frozen=True)
class Range:
    """All numbers from ``low`` to ``high``, both included; whole ones if these are ints."""

    low: float
    high: float
    log: bool = False  # draw uniformly in the logarithm

    @property
    def size(self) -> float:
        return self.high - self.low + 1 if isinstance(self.low, int) else math.inf

    def draw(self, random: np.random.Generator) -> float:
        if isinstance(self.low, int) and not self.log:
            return int(random.integers(self.low, int(self.high), endpoint=True))
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = random.uniform(*ends)
        value = min(max(math.exp(value) if self.log else value, self.low), self.high)
        return round(value) if isinstance(self.low, int) else float(value)


Axis = tuple[Any, ...] | Range


def parse_axis(text: str, config: Mapping[str, Any]) -> tuple[str, Axis]:
    """``FIELD=VALUE,VALUE,...``, ``FIELD=low..high`` or ``FIELD=log:low..high`` to the field and its axis.

    Values are read as the type that the field has in the resolved config; commas within brackets do not part them.

    Raises:
      ValueError: an unknown field, or a value of another type; one line.
    """
    field, equals, values = text.partition("=")
    like = field_value(field.strip(), config)
    if not equals or not values.strip():
        raise ValueError(f"sweep axis {text!r} has no values; allowed: {field}=VALUE,VALUE,...")
    ends = re.fullmatch(r"(log:)?(.+?)\.\.(.+)", values.strip())
    if ends and isinstance(like, int | float) and not isinstance(like, bool):
        low, high = (_typed(field, _read(end, like), like) for end in ends.groups()[1:])
        if not low < high or (ends[1] and low <= 0):
            raise ValueError(f"sweep axis {text!r}: allowed: low..high with low < high, and log: with low > 0")
        return field.strip(), Range(low, high, bool(ends[1]))
    return field.strip(), checked_axis(field, [_read(value, like) for value in _parted(values)], like)


def show(value: Any) -> str:
    """A value for a person to read."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def field_value(field: str, config: Mapping[str, Any]) -> Any:
    """The value that a field has; it stands for its type."""
    if field == "seed":
        raise ValueError("sweep axis seed: allowed: --seeds=N, and config.seed for the first of them")
    fields = flatten(config)
    beside = [name for name in fields if name.startswith(f"{field.partition('.')[0]}.")]
    return fields[field if field in fields else schema.choose("a sweep axis", field, beside or fields)]


def checked_axis(field: str, values: Sequence[Any], like: Any) -> tuple[Any, ...]:
    axis = tuple(_typed(field, value, like) for value in values)
    if not axis or len({json.dumps(value) for value in axis}) < len(axis):
        raise ValueError(f"sweep axis {field} is {axis}; allowed: one value or more, each once")
    return axis


def _parted(text: str) -> list[str]:
    """``"1,(2,3)"`` to ``["1", "(2,3)"]``."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _read(text: str, like: Any) -> Any:
    """A value as text to a plain value; text that is nothing else stays text."""
    if isinstance(like, str):
        return text
    if isinstance(like, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    try:
        return float(text) if isinstance(like, float) else schema.plain(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError):
        return text


def _typed(field: str, value: Any, like: Any) -> Any:
    """A plain value, if it is of the type of ``like``; ints become floats where those are meant."""
    if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    unfit = like is not None and (
        type(value) is not type(like) or (isinstance(value, float) and not math.isfinite(value))
    )
    if unfit:
        raise ValueError(
            f"sweep axis {field} has {value!r}; allowed: {type(like).__name__}, as {like!r}, which the config has"
        )
    return value
