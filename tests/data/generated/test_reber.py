"""Strings of the embedded Reber grammar against a grammar written by hand, and what it allows next."""

import re

import numpy as np
import pytest

from sequence_lab.data.generated import GENERATED
from sequence_lab.data.generated.reber import SYMBOLS

FOLLOWS = {
    0: {"B": 1}, 1: {"T": 2, "P": 3}, 2: {"S": 2, "X": 4}, 3: {"T": 3, "V": 5}, 4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6}, 6: {"E": 7}, 7: {},
}  # fmt: skip


def allowed_after(text):
    """What may follow a beginning of strings of the embedded grammar, one after the other; None: it is none."""
    start = 0
    while True:
        inner, outer = 0, text[start : start + 2]
        if outer == "":
            return {"B"}
        if outer[0] != "B" or not set(outer[1:]) <= set("TP"):
            return None
        if len(outer) == 1:
            return {"T", "P"}
        for place in range(start + 2, len(text)):
            if inner == 7:
                break
            if text[place] not in FOLLOWS[inner]:
                return None
            inner = FOLLOWS[inner][text[place]]
        else:
            return {outer[1]} if inner == 7 else set(FOLLOWS[inner])
        end = text[place : place + 2]
        if not (outer[1] + "E").startswith(end):
            return None
        if len(end) == 1:
            return {"E"}
        start = place + 2


def read(arrays, row):
    steps = arrays["lengths"][row] if "lengths" in arrays else len(arrays["labels"][row])
    symbols = [*arrays["inputs"][row, :steps].argmax(-1), arrays["labels"][row, steps - 1]]
    assert list(arrays["labels"][row, :steps]) == symbols[1:]
    for array in (arrays["inputs"], arrays["labels"], arrays["allowed"]):
        assert not array[row, steps:].any()
    return "".join(SYMBOLS[symbol] for symbol in symbols), arrays["allowed"][row, :steps]


@pytest.mark.parametrize("name", ["embedded_reber", "continual_reber"])
def test_the_grammar_accepts_every_string_and_allows_what_the_arrays_say(name):
    fields = {"test_length": 90, "num_test": 30} if name == "continual_reber" else {"num_test": 200}
    arrays = GENERATED[name](**fields).splits["test"].arrays
    for row in range(len(arrays["labels"])):
        text, allowed = read(arrays, row)
        for place, sets in enumerate(allowed, 1):
            found = allowed_after(text[:place])
            assert found == {SYMBOLS[symbol] for symbol in np.flatnonzero(sets)}, text[:place]
            assert text[place] in found


def test_a_string_is_whole_and_its_second_symbol_comes_again():
    arrays = GENERATED["embedded_reber"](num_test=500).splits["test"].arrays
    texts = [read(arrays, row)[0] for row in range(500)]
    assert all(re.fullmatch(r"B([TP])B[TPSXV]+E\1E", text) for text in texts)
    assert all(len(text) <= 30 for text in texts)
    assert abs(np.mean([text[1] == "T" for text in texts]) - 0.5) < 0.08
    assert abs(np.mean([text[3] == "T" for text in texts]) - 0.5) < 0.08
    # Who ranks T above P wherever the second symbol decides is right in half of them.
    assert abs(np.mean([text[-2] == "T" for text in texts]) - 0.5) < 0.08


def test_strings_follow_each_other_without_a_mark():
    arrays = GENERATED["continual_reber"](test_length=500, num_test=4).splits["test"].arrays
    for row in range(4):
        text, _ = read(arrays, row)
        assert len(text) == 501
        assert len(re.findall(r"(?<=E)B", text)) > 20
