"""Whole runs over labelled recordings: what the summary says of the test split is what its predictions come to."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import experiment
from sequence_lab.data import Dataset, Ragged, Sequences
from sequence_lab.results import timelines

LENGTHS = {"train": (9, 14, 7, 12), "validation": (11, 6), "test": (13, 5, 17, 8, 10)}
FRAME = 0.1


def recordings(mixed: bool = True):
    """Noisy features of what is on, two labels a frame or one; as many levels as there are frames."""
    splits = {}
    for number, (split, lengths) in enumerate(LENGTHS.items()):
        random = np.random.default_rng(number)
        on = [random.integers(0, 2, (frames, 2)) for frames in lengths]
        inputs = [(own + random.normal(0, 1, own.shape)).astype(np.float32) for own in on]
        labels = [own.astype(np.float32) if mixed else own[:, 0].astype(np.int32) for own in on]
        arrays = {"inputs": Ragged.of(inputs), "labels": Ragged.of(labels)}
        if mixed:
            levels = [np.where(own.all(-1), random.uniform(-10, 20, len(own)), np.nan) for own in on]
            arrays["levels"] = Ragged.of([own.astype(np.float32) for own in levels])
        splits[split] = Sequences(arrays)
    return Dataset(splits, {"num_outputs": 2, "frame_seconds": FRAME}, classes=("music", "speech"))


def finished(folder, objective, **fields):
    config = experiment.default_config()
    config.name = "recordings"
    config.dataset_name, config.dataset = "recordings", ConfigDict(fields.pop("dataset", {}))
    config.model_name = "recurrent_tagger"
    config.model = ConfigDict({"cell": "rnn", "features": (4,), **fields})
    config.objectives = ConfigDict({"kind": {"name": objective}})
    steps = {"num_steps": 30, "log_every": 15, "evaluate_every": 15, "checkpoint_every": 15, "num_shapes": 2}
    config.training.update({**steps, "batch_size": 2, "evaluation_batch_size": 2})
    config.optimizer.learning_rate = 0.1
    datasets = {"recordings": recordings}
    summary = experiment.run(config, folder, devices=jax.devices()[:1], say=lambda _: None, datasets=datasets)
    return summary["metrics"]["test"], np.load(folder / "predictions" / "test.npz")


def test_mixtures_are_scored_by_their_own_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(timelines, "WIDTHS", (0.0,))
    monkeypatch.setattr(timelines, "LEASTS", (0.0,))
    test, predicted = finished(tmp_path / "run", "multilabel")
    arrays = recordings().splits["test"].arrays
    np.testing.assert_array_equal(predicted["kind/lengths"], LENGTHS["test"])
    np.testing.assert_array_equal(predicted["kind/labels"], arrays["labels"].values)
    said = predicted["kind/outputs"] > 0
    assert 0 < said.mean() < 1
    for low, high in ((-10, 0), (0, 10), (10, 20)):
        rows = [i for i, level in enumerate(arrays["levels"].values) if low <= level < high]
        for k, kind in enumerate(("music", "speech")):
            share = test[f"smoothed/recall of {kind} at {low} to {high} dB"]
            assert share == pytest.approx(sum(said[i, k] for i in rows) / len(rows))
    assert (tmp_path / "run" / "plots" / "timeline_kind.png").exists()


def test_validation_alone_says_how_much_is_smoothed(tmp_path, monkeypatch):
    asked = []

    def chosen(validation, frame):
        asked.append((validation.lengths.tolist(), frame))
        return timelines.Smoothing(1, 3)

    monkeypatch.setattr(timelines, "chosen_smoothing", chosen)
    test, predicted = finished(tmp_path / "run", "multilabel")
    assert asked == [(list(LENGTHS["validation"]), FRAME)]
    plain, smooth = test["frame_f"], test["smoothed/frame_f"]
    assert plain != smooth
    whole = timelines.Predictions(predicted["kind/outputs"], predicted["kind/labels"], predicted["kind/lengths"])
    assert smooth == pytest.approx(timelines.Recordings.of(whole, FRAME, timelines.Smoothing(1, 3)).frame_f())


def test_of_a_chain_the_likeliest_path_is_scored(tmp_path):
    test, predicted = finished(tmp_path / "run", "crf", dataset={"mixed": False}, output="crf")
    labels, outputs = predicted["kind/labels"], predicted["kind/outputs"]
    assert outputs.shape == (sum(LENGTHS["test"]), 2)
    said = outputs.argmax(-1)
    f = [2 * ((said == k) & (labels == k)).sum() / ((said == k).sum() + (labels == k).sum()) for k in (0, 1)]
    assert test["frame_f"] == pytest.approx(np.mean(f))
    assert test["accuracy"] == pytest.approx((said == labels).mean())
