"""Spans of tags: as a loop over the tokens finds them, right only when whole."""

import numpy as np
import pytest

from sequence_lab.analysis import scores, spans
from sequence_lab.analysis.scores import SCORES

CLASSES = ("I-PER", "O", "B-LOC", "I-LOC", "B-PER")
RANDOM = np.random.default_rng(0)


def by_loop(tags):
    """conlleval's rules, a token at a time: {(first, end, type)}."""
    found, begun = set(), None
    for at, tag in enumerate([*tags, "O"]):
        kind = tag[2:]
        if begun and (tag == "O" or tag.startswith("B-") or kind != begun[1]):
            found.add((begun[0], at, begun[1]))
            begun = None
        if tag != "O" and begun is None:
            begun = (at, kind)
    return found


def drawn(lengths):
    return RANDOM.choice(len(CLASSES), sum(lengths), p=[0.3, 0.3, 0.1, 0.2, 0.1])


@pytest.mark.parametrize("lengths", [[30], [1, 1, 1, 7], [0, 5, 0, 0, 12, 0], [0]])
def test_spans_are_those_that_a_loop_finds(lengths):
    labels = drawn(lengths)
    found = spans.spans(labels, CLASSES, np.array(lengths))
    expected, before = set(), 0
    for length in lengths:
        tags = [CLASSES[i] for i in labels[before : before + length]]
        expected |= {(first + before, end + before, kind) for first, end, kind in by_loop(tags)}
        before += length
    kinds = spans.types_of(CLASSES)
    assert kinds == ["LOC", "PER"]
    assert set(zip(found.first, found.end, (kinds[k] for k in found.kind), strict=True)) == expected


def test_scores_count_spans_that_are_right_in_type_and_at_both_ends():
    lengths = np.array([40, 0, 25])
    true = drawn(lengths)
    said = np.where(RANDOM.random(65) < 0.2, drawn(lengths), true)
    logits = np.eye(len(CLASSES))[said]
    found = SCORES["labelling"](logits, true, lengths, CLASSES)
    parts = [[CLASSES[i] for i in own] for labels in (true, said) for own in (labels[:40], labels[40:])]
    sets = [
        {(place, *span) for place, tags in enumerate(own) for span in by_loop(tags)} for own in (parts[:2], parts[2:])
    ]
    right = len(sets[0] & sets[1])
    assert 0 < right < len(sets[0])
    assert found["span_precision"].value == pytest.approx(right / len(sets[1]))
    assert found["span_recall"].value == pytest.approx(right / len(sets[0]))
    assert found["span_f1"].value == pytest.approx(2 * right / (len(sets[0]) + len(sets[1])))
    own = [{span for span in found if span[3] == "PER"} for found in sets]
    assert found["span_f1/PER"].value == pytest.approx(2 * len(own[0] & own[1]) / sum(map(len, own)))


def test_intervals_of_spans_are_over_sequences_drawn_again(monkeypatch):
    monkeypatch.setattr(scores, "DRAWS", 50)
    lengths = np.array([30, 0, 25, 1, 14, 40])
    true = drawn(lengths)
    said = np.where(RANDOM.random(len(true)) < 0.2, drawn(lengths), true)
    parts = [part for part in np.split(np.arange(len(true)), np.cumsum(lengths)[:-1]) if len(part)]
    names = ("span_precision", "span_recall", "span_f1", "span_f1/LOC")
    random, expected = np.random.default_rng(0), []
    for _ in range(50):
        chosen = [parts[i] for i in random.integers(0, len(parts), len(parts))]
        rows, own = np.concatenate(chosen), np.array([len(part) for part in chosen])
        again = SCORES["crf"](np.eye(len(CLASSES))[said[rows]], true[rows], own, CLASSES)
        expected.append([again[name].value for name in names])
    found = SCORES["crf"](np.eye(len(CLASSES))[said], true, lengths, CLASSES)
    ends = [[found[name].low, found[name].high] for name in names]
    np.testing.assert_allclose(ends, np.percentile(expected, [2.5, 97.5], axis=0).T, rtol=1e-9)
    assert all(found[name].low < found[name].value < found[name].high for name in names)
    assert not {"auc", "auprc"} & found.keys()


@pytest.mark.parametrize("classes", [(), ("music", "speech"), ("O",), ("O", "B-PER", "else")])
def test_other_classes_have_no_spans(classes):
    assert spans.types_of(classes) is None
    labels = RANDOM.integers(0, 3, 20)
    assert not any("span" in name for name in SCORES["labelling"](np.eye(3)[labels], labels, np.array([20]), classes))
