"""Whole runs over a file of tokens and their tags, with and without a chain over these: spans as sets have them."""

import jax
import numpy as np
import pytest

from experiments import own_columns
from sequence_lab import experiment
from sequence_lab.data import DATASETS


def write_sentences(path):
    """A name and, as nothing but a coin tells, what is behind it."""
    random = np.random.default_rng(0)
    sentences = []
    for _ in range(90):
        span = [("Ada", "B-PER"), *[("sings", "I-PER")] * random.integers(0, 3)]
        words = [("no", "O")] * random.integers(0, 4) + span + [("sings", "O")] * random.integers(0, 4)
        sentences.append("\n".join(" ".join(pair) for pair in words))
    path.write_text("\n\n".join(sentences) + "\n")


def spans(tags):
    """``(start, end)`` of each run of a B- and the I- after it; an I- without one begins a span, too."""
    found, start = set(), None
    for place, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            found.add((start, place))
            start = None
        if tag != "O" and start is None:
            start = place
    return found


@pytest.mark.parametrize("output", ["", "crf"])
def test_spans_of_a_file_of_columns_are_scored_as_sets(tmp_path, output):
    write_sentences(tmp_path / "tags.conll")
    config = own_columns.get_config()
    config.dataset.files = str(tmp_path / "tags.conll")
    config.model.update(features=(8,), dropout=0.0)
    if output:
        config.model.output = output
        config.objectives.tag.name = "crf"
    config.training.update(num_steps=12, num_shapes=1, evaluate_every=12, checkpoint_every=12, log_every=12)
    config.optimizer.learning_rate = 0.05
    summary = experiment.run(config, tmp_path / "run", devices=jax.devices()[:1], say=lambda _: None)
    predicted = np.load(tmp_path / "run" / "predictions" / "test.npz")
    classes = DATASETS["columns"](config.dataset.files).classes
    ends = predicted["tag/lengths"].cumsum()
    said, true = (
        {
            (row, *span)
            for row, ids in enumerate(np.split(of_all, ends[:-1]))
            for span in spans([classes[i] for i in ids])
        }
        for of_all in (predicted["tag/outputs"].argmax(-1), predicted["tag/labels"])
    )
    assert 0 < len(said & true) < len(true)
    assert summary["metrics"]["test"]["span_f1"] == pytest.approx(2 * len(said & true) / (len(said) + len(true)))
