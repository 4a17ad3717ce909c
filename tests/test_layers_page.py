"""docs/layers.md names every layer, function and option; its example runs; its links into the code hold."""

import dataclasses
import re
from pathlib import Path

import flax.linen
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.nn.recurrent import Recurrent
from sequence_lab.ops import pooling
from sequence_lab.ops.recurrence import CELLS
from sequence_lab.ops.recurrence.initializers import INITIALIZERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layers.md"
TEXT = PAGE.read_text()
CODE = " ".join(re.findall(r"`([^`]+)`", re.sub(r"^```python.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)))
WORDS = set(re.findall(r"\w+", CODE))
INTERNAL = {"parent", "name", "cell", "layer", "layers"}
LAYERS = [getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)]
MODULES = [kind for kind in [*LAYERS, Recurrent] if issubclass(kind, flax.linen.Module)]


@pytest.mark.parametrize("kind", [*MODULES, *CELLS.values()], ids=lambda kind: kind.__name__)
def test_every_option_is_on_the_page(kind):
    options = {field.name for field in dataclasses.fields(kind)} - INTERNAL
    assert options <= WORDS, options - WORDS


def test_every_public_name_is_on_the_page():
    public = {*nn.__all__, *pooling.__all__, *INITIALIZERS}
    assert public <= WORDS, public - WORDS


def test_every_link_into_the_code_holds():
    links = re.findall(r"\]\((\.\./[^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_the_examples_run():
    scope = {}
    for example in re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE):
        exec(example, scope)
    assert scope["y_BTC"].shape == (2, 101, 39)
    assert scope["y_BkD"].shape == (3, 2, 8)
    assert scope["vector_BD"].shape == (3, 16)
    np.testing.assert_array_equal(scope["vector_BD"][2], 0)
    np.testing.assert_array_equal(scope["onehot_TC"][-1], 0.25)
