"""What is written by hand for comparison runs, and is longer than the experiment that comes to the same."""

import ast
from pathlib import Path

import pytest

from benchmarks.by_hand import sentence_cnn

ROOT = Path(__file__).resolve().parent.parent


def code_lines(path):
    """Without comments, docstrings and empty lines, each statement as Python itself writes it."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0] = ast.Pass()
    lines = [line.strip() for line in ast.unparse(tree).splitlines()]
    return sum(line not in ("", "pass") for line in lines)


def test_the_network_by_hand_learns(tmp_path):
    for name, word in (("pos", "good"), ("neg", "bad")):
        lines = (f"a {word} film {number} of {number * 7 % 13}" for number in range(60))
        (tmp_path / f"rt-polarity.{name}").write_text("\n".join(lines))
    assert sentence_cnn.main(tmp_path, fold=0, epochs=4) == pytest.approx(1.0, abs=0.2)


def test_an_experiment_is_less_than_half_as_long_as_the_same_by_hand():
    experiment, by_hand = ROOT / "experiments" / "rt_polarity_cnn.py", ROOT / "benchmarks" / "by_hand"
    assert 2 * code_lines(experiment) < code_lines(by_hand / "sentence_cnn.py")
