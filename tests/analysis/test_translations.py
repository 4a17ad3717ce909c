"""Scores of decoded texts against loops, and against what BLEU and chrF are in papers."""

import collections
import math

import numpy as np
import pytest

from sequence_lab.analysis import translations

TRUE = [np.array(row) for row in ([3, 4, 1], [5, 1], [3, 3, 3, 1], [1])]
FOUND = [np.array(row) for row in ([3, 4, 1], [5, 5, 1], [3, 4, 3], [1])]


def test_exact_matches_and_tokens_are_counted():
    scores = translations.of_sequences(FOUND, TRUE)
    assert scores["exact_match"].value == 2 / 4
    assert scores["token_accuracy"].value == (3 + 1 + 2 + 1) / 10
    for score in scores.values():
        assert score.low < score.value < score.high
    alike = translations.of_sequences(TRUE, TRUE)
    assert alike["token_accuracy"] == (1.0, 1.0, 1.0)
    assert alike["exact_match"] == pytest.approx((1.0, 4 / (4 + 1.96**2), 1.0))  # Wilson's lower end of n in n


def test_an_unknown_token_is_right_nowhere():
    scores = translations.of_sequences(FOUND, TRUE, unknown=4)
    assert scores["exact_match"].value == 1 / 4
    assert scores["token_accuracy"].value == (2 + 1 + 2 + 1) / 10


def bleu(found, true):
    """Papineni et al. (2002), one reference, up to 4-grams."""
    hits, totals = [0] * 4, [0] * 4
    for ours, theirs in zip(found, true, strict=True):
        for n in range(1, 5):
            mine, right = (
                collections.Counter(tuple(row[i : i + n]) for i in range(len(row) - n + 1)) for row in (ours, theirs)
            )
            hits[n - 1] += (mine & right).total()
            totals[n - 1] += mine.total()
    lengths = [sum(map(len, rows)) for rows in (found, true)]
    precision = math.exp(sum(math.log(hit / total) for hit, total in zip(hits, totals, strict=True)) / 4)
    return 100 * min(1, math.exp(1 - lengths[1] / lengths[0])) * precision


@pytest.mark.parametrize("kind", ["words", "blanks", "characters", "bpe"])
def test_bleu_is_that_of_the_paper(kind):
    pytest.importorskip("sacrebleu")
    true = ["the cat sat on the mat", "a dog ran away from the big cat"]
    found = ["the cat sat on a mat", "a dog ran away from a cat"]
    scores = translations.of_texts(found, true, kind)
    cut = (lambda text: list(text.replace(" ", ""))) if kind == "characters" else str.split
    assert scores["bleu"].value == pytest.approx(bleu(*([cut(text) for text in side] for side in (found, true))))
    assert 0 < scores["chrf"].value < 100
    alike = translations.of_texts(true, true, kind)
    assert alike["chrf"].value == pytest.approx(alike["bleu"].value) == pytest.approx(100)


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_nothing_of_the_symbol_of_unknown_words_is_right(kind):
    """Not even where the true text has its letters, or its brackets."""
    pytest.importorskip("sacrebleu")
    true = ["< unk > the < unk > trunk <unk>"]
    scores = translations.of_texts(["<unk> <unk> <unk> <unk> <unk> <unk>"], true, kind)
    assert scores["bleu"].value == scores["chrf"].value == 0


def test_without_sacrebleu_there_are_no_overlaps(monkeypatch):
    monkeypatch.setattr(translations.importlib.util, "find_spec", lambda name: None)
    assert translations.of_texts(["a"], ["a"], "words") == {}
