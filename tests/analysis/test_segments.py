"""Post-processing and measures of segments, against loops and against cases that can be counted by hand."""

import itertools

import numpy as np
import pytest

from sequence_lab.analysis import segments

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.random((60, 2)) < 0.5
SAID = RANDOM.random((60, 2)) < 0.5


def row(text):
    return np.array([int(letter) for letter in text])


@pytest.mark.parametrize("width", [1, 3, 7])
def test_smoothing_is_the_vote_of_a_window(width):
    labels, reach = RANDOM.integers(0, 3, 50), width // 2
    for t, found in enumerate(segments.smoothed(labels, width)):
        votes = np.bincount(labels[max(0, t - reach) : t + reach + 1], minlength=3)
        best = np.flatnonzero(votes == votes.max())
        assert found == (labels[t] if labels[t] in best else best[0])


def test_smoothing_two_classes_is_a_median():
    labels = RANDOM.integers(0, 2, 50)
    inside = [np.median(labels[t - 2 : t + 3]) for t in range(2, 48)]
    np.testing.assert_array_equal(segments.smoothed(labels, 5)[2:48], inside)
    assert len(segments.smoothed(labels[:0], 5)) == 0
    with pytest.raises(ValueError, match="width is 4; allowed: an odd int"):
        segments.smoothed(labels, 4)


@pytest.mark.parametrize(
    ("labels", "least", "expected"),
    [
        ("0001000", 2, "0000000"),
        ("00010011", 3, "00000000"),
        ("1000", 2, "0000"),
        ("0110222", 2, "1111222"),
        ("0102222", 2, "1122222"),
        ("0011", 3, "1111"),
        ("1", 5, "1"),
        ("", 5, ""),
    ],
)
def test_short_segments_go_to_their_longer_neighbour(labels, least, expected):
    np.testing.assert_array_equal(segments.without_short(row(labels), least), row(expected))


def test_segments_events_and_change_points():
    labels = row("0011120")
    assert segments.segments(labels) == [(0, 2), (2, 5), (5, 6), (6, 7)]
    np.testing.assert_array_equal(segments.change_points(labels), [2, 5, 6])
    assert segments.events(labels == 1) == [(2, 5)]
    assert segments.events(labels != 1) == [(0, 2), (5, 7)]
    assert segments.segments(row("")) == []


def test_frames_are_counted_by_class_and_by_level():
    counts = segments.frame_counts(TRUE, SAID)
    for k in range(2):
        hits = sum(t and s for t, s in zip(TRUE[:, k], SAID[:, k], strict=True))
        precision, recall = hits / SAID[:, k].sum(), hits / TRUE[:, k].sum()
        assert counts.recall[k] == recall
        np.testing.assert_allclose(counts.f[k], 2 / (1 / precision + 1 / recall))
    levels = np.where(np.arange(60) < 9, np.nan, np.arange(60.0))
    low, high = segments.frame_counts_by_level(TRUE, SAID, levels, (0, 30, 60))
    np.testing.assert_array_equal((low + high).true, TRUE[9:].sum(0))
    np.testing.assert_array_equal(low.hits, (TRUE & SAID)[9:30].sum(0))
    np.testing.assert_array_equal(segments.one_hot(row("102"), 3), np.eye(3)[[1, 0, 2]])
    with pytest.raises(ValueError, match="the answers have shape"):
        segments.frame_counts(TRUE, SAID[:5])


def test_an_event_is_hit_where_its_ends_are_near():
    true, said = np.zeros(100, bool), np.zeros(100, bool)
    true[10:20], true[40:60], true[80:90] = True, True, True
    said[12:20], said[43:60], said[79:84] = True, True, True
    # The first begins 2 late; the second 3 late; the third ends 6 early, more than half of its 10 frames.
    assert segments.event_counts(true, said, collar=2) == (1, 3, 3)
    assert segments.event_counts(true, said, collar=3) == (2, 3, 3)
    assert segments.event_counts(true, said, collar=2, share=0.6) == (2, 3, 3)
    assert segments.event_counts(true, true, collar=0).f == 1
    nothing = segments.event_counts(true, ~true & False, collar=2)
    assert (nothing.f, nothing.recall) == (0, 0)


def test_as_many_changes_are_matched_as_can_be():
    for _ in range(20):
        true, said = (np.sort(RANDOM.choice(np.arange(1, 12), 3, replace=False)) for _ in range(2))
        labels = [np.searchsorted(points, np.arange(12), side="right") for points in (true, said)]
        hits = max(
            sum(abs(a - b) <= 1 for a, b in zip(true, order, strict=True)) for order in itertools.permutations(said)
        )
        assert segments.change_point_counts(*labels, tolerance=1) == (hits, 3, 3)
