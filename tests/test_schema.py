"""From plain configs to arguments: names and types are checked against the rows themselves."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import flax.linen as nn
import pytest
from ml_collections import ConfigDict

from sequence_lab import schema


@dataclasses.dataclass(frozen=True)
class Row:
    count: int
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[str, int] = ("a", 1)
    kind: Literal["x", "y"] = "x"
    flag: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    maybe: int | None = None


class Layer(nn.Module):
    features: int = 3


TABLE = {"row": Row, "layer": Layer}


def test_defaults_are_filled_in_and_lists_become_tuples():
    fields = schema.plain(ConfigDict({"count": 3, "sizes": [4, 5], "options": {"a": [1]}}))
    resolved = schema.resolve("model", TABLE, "row", fields)
    assert resolved["sizes"] == (4, 5)
    assert resolved["options"] == {"a": (1,)}
    assert (resolved["count"], resolved["rate"], resolved["maybe"]) == (3, 0.5, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", 3), ("rate", 1), ("sizes", ()), ("pair", ("b", 2)), ("kind", "y"), ("flag", True), ("maybe", None)],
)
def test_right_types_are_taken(field, value):
    assert schema.resolve("model", TABLE, "row", {"count": 1, field: value})[field] == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 1.5), ("count", True), ("count", "3"), ("rate", "fast"), ("sizes", 3), ("sizes", (1, "a")),
        ("pair", ("b",)), ("kind", "z"), ("flag", 1), ("options", 3), ("maybe", "x"),
    ],
)  # fmt: skip
def test_wrong_types_are_refused_with_what_got_and_allowed(field, value):
    with pytest.raises(ValueError, match=rf"config\.model\.{field} is .*; allowed: "):
        schema.resolve("model", TABLE, "row", {"count": 1, field: value})


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"config\.model_name is 'rwo' \(did you mean row\?\); allowed: layer, row"):
        schema.resolve("model", TABLE, "rwo", {})
    with pytest.raises(ValueError, match=r"field of config\.model is 'size' \(did you mean sizes\?\); "):
        schema.resolve("model", TABLE, "row", {"size": (1,)})


def test_flax_fields_are_not_a_configs_business():
    assert schema.resolve("model", TABLE, "layer", {}) == {"features": 3}
    with pytest.raises(ValueError, match="'name'"):
        schema.resolve("model", TABLE, "layer", {"name": "x"})


def test_refusals_are_the_preparations_value_errors():
    with pytest.raises(schema.Refused, match="why"), schema.refusals():
        raise ValueError("why")
    with pytest.raises(TypeError), schema.refusals():
        raise TypeError
