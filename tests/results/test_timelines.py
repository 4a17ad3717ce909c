"""Timelines: counts over recordings, smoothing by validation alone, levels."""

import numpy as np
import pytest

from sequence_lab.results import timelines
from sequence_lab.results.timelines import Recordings, Smoothing
from sequence_lab.training.predictions import Predictions

RANDOM = np.random.default_rng(0)
FRAME = 0.05


def blocks(count, frames=200):
    """One label a frame, in stretches of 40."""
    return np.repeat(RANDOM.integers(0, 3, count * frames // 40), 40)


def predictions(labels, flipped, lengths):
    """Answers of which a share is of a random class."""
    said = np.where(RANDOM.random(len(labels)) < flipped, RANDOM.integers(0, 3, len(labels)), labels)
    return Predictions(np.eye(3)[said] + RANDOM.uniform(0, 0.1, (len(labels), 3)), labels, np.array(lengths))


def f_score(true, said):
    hits = (true & said).sum()
    return 2 * hits / (true.sum() + said.sum())


def test_frames_are_counted_over_all_recordings_and_averaged_over_classes():
    predicted = predictions(blocks(3), 0.3, [300, 100, 200])
    found = Recordings.of(predicted, FRAME, Smoothing())
    assert [len(own) for own in found.true] == [300, 100, 200]
    said = predicted.outputs.argmax(-1)
    expected = [f_score(predicted.labels == k, said == k) for k in range(3)]
    assert found.frame_f() == pytest.approx(np.mean(expected))
    assert found.scores()["event_f"] < found.frame_f()  # events are broken to pieces by noise


def test_perfect_answers_have_perfect_scores():
    labels = blocks(2)
    found = Recordings.of(Predictions(np.eye(3)[labels], labels, np.array([200, 200])), FRAME, Smoothing())
    assert found.scores() == {"frame_f": 1, "event_f": 1, "change_f": 1}


def test_noisy_validation_asks_for_smoothing_and_clean_validation_for_none():
    labels = blocks(4)
    noisy, clean = (predictions(labels, share, [400, 400]) for share in (0.3, 0.0))
    assert timelines.chosen_smoothing(clean, FRAME) == Smoothing()
    smoothing = timelines.chosen_smoothing(noisy, FRAME)
    assert smoothing.width % 2 == 1
    plain, smooth = (Recordings.of(noisy, FRAME, one).frame_f() for one in (Smoothing(), smoothing))
    assert smooth > max(plain, 0.9)


def test_two_labels_a_frame_are_smoothed_each_alone_and_counted_by_level(tmp_path):
    kinds = blocks(4)
    labels = np.stack([kinds != 1, kinds != 0], -1).astype(np.float32)
    outputs = np.where(RANDOM.random(labels.shape) < 0.2, -1, 1) * (2 * labels - 1)
    levels = np.where(kinds == 2, RANDOM.uniform(-10, 20, len(kinds)), np.nan)
    predicted = Predictions(outputs, labels, np.array([500, 300]))
    path = tmp_path / "timeline.png"
    found = timelines.scored(predicted, predicted, FRAME, ("music", "speech"), levels, path, "made")
    expected = np.mean([f_score(labels[:, k] > 0, outputs[:, k] > 0) for k in (0, 1)])
    assert found["frame_f"].value == pytest.approx(expected)
    of_class = [found[f"smoothed/frame_f of {kind}"].value for kind in ("music", "speech")]
    assert found["smoothed/frame_f"].value == pytest.approx(np.mean(of_class))
    assert found["smoothed/frame_f"].value > 0.95
    smooth = Recordings.of(predicted, FRAME, timelines.chosen_smoothing(predicted, FRAME))
    true, said = np.concatenate(smooth.true), np.concatenate(smooth.said)
    for low, high in ((-10, 0), (0, 10), (10, 20)):
        own = np.flatnonzero((levels >= low) & (levels < high))
        assert true[own].all()
        for k, kind in enumerate(("music", "speech")):
            share = found[f"smoothed/recall of {kind} at {low} to {high} dB"].value
            assert share == pytest.approx(sum(said[i, k] for i in own) / len(own))
    assert path.stat().st_size > 1000
