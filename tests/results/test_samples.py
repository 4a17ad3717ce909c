"""Pieces that a run leaves: begun as a test piece begins, the same from the same seed, as MIDI and as a picture."""

import jax
import numpy as np
import pytest

from experiments import reverse_seq2seq
from sequence_lab import experiment
from sequence_lab.data import Dataset, Ragged, Sequences
from sequence_lab.data.piano_rolls import KEYS
from sequence_lab.results import samples
from sequence_lab.schema import Refused
from tests.data.test_midi import parsed, roll_of

STEPS_PER_QUARTER = 2
LENGTHS = {"train": (6, 9, 4, 7), "validation": (5, 8), "test": (12, 3)}


def rolls():
    random, splits = np.random.default_rng(0), {}
    for split, lengths in LENGTHS.items():
        pieces = [(random.random((length + 1, KEYS)) < 0.1).astype(np.float32) for length in lengths]
        before, after = [piece[:-1] for piece in pieces], [piece[1:] for piece in pieces]
        splits[split] = Sequences({"inputs": Ragged.of(before), "labels": Ragged.of(after)})
    return Dataset(splits, {"num_outputs": KEYS}, steps_per_quarter=STEPS_PER_QUARTER)


OWN = {"datasets": {"rolls": rolls}, "devices": jax.devices()[:1]}


def config(model_name="recurrent_tagger", **generation):
    found = experiment.default_config()
    found.name, found.dataset_name, found.model_name = "piece", "rolls", model_name
    found.model = {"features": (4,)}
    found.objectives = {"keys": {"name": "multilabel"}}
    found.training.num_steps, found.training.batch_size, found.training.evaluation_batch_size = 3, 4, 2
    found.training.num_shapes, found.training.evaluate_every = 1, 3
    found.generation.update({"length": 7, "frames": 5, **generation})
    return found


def run(folder, **kwargs):
    return experiment.run(config(**kwargs), folder, say=lambda line: None, **OWN)


def again(folder, **kwargs):
    """What ``--mode=generate`` writes."""
    experiment.generate(config(**kwargs), folder, say=lambda line: None, **OWN)
    return (folder / samples.MIDI).read_bytes()


def frames(midi):
    division, events = parsed(midi)
    return roll_of(events, division // STEPS_PER_QUARTER)[:, 21 : 21 + KEYS]


@pytest.mark.parametrize("model_name", ["recurrent_tagger", "temporal_conv_tagger"])
def test_a_run_on_music_leaves_a_piece_that_begins_as_a_test_piece_does(tmp_path, model_name):
    run(tmp_path / "run", model_name=model_name)
    midi = (tmp_path / "run" / samples.MIDI).read_bytes()
    roll = frames(midi)
    assert roll.shape == (12, KEYS)
    given = rolls().splits["test"].arrays["inputs"]
    np.testing.assert_array_equal(roll[:5], given[0][:5])
    assert not np.array_equal(roll[5:], given[0][5:])
    assert 0 < roll[5:].mean() < 1
    assert (tmp_path / "run" / samples.PICTURE).read_bytes().startswith(b"\x89PNG")
    assert again(tmp_path / "run", model_name=model_name) == midi
    warmer = frames(again(tmp_path / "run", model_name=model_name, temperature=2.0))
    assert not np.array_equal(warmer, roll)
    short = frames(again(tmp_path / "run", model_name=model_name, piece=1))
    assert short.shape == (3 + 7, KEYS)  # a piece of three frames gives no more
    np.testing.assert_array_equal(short[:3], given[1])


def test_a_piece_shows_what_the_keys_and_the_seed_say(tmp_path):
    """The frames of an earlier end are those of a later one: nothing looks ahead."""
    run(tmp_path / "run")
    long, short = frames(again(tmp_path / "run", length=20)), frames(again(tmp_path / "run", length=7))
    np.testing.assert_array_equal(long[:12], short)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beam_width": 3}, r"beam_width 3; allowed of music, whose keys are drawn each by itself: 0, 1\.0, 1"),
        ({"top_k": 3}, r"top_k 3, .*allowed of music"),
        ({"piece": 2}, r"config\.generation\.piece is 2; allowed: 0 to 1, the test split"),
        ({"frames": 0}, r"config\.generation\.frames is 0; allowed: 1 or more"),
        ({"seed": 2**32}, r"config\.generation\.seed is 4294967296; allowed: 0 to 2"),
        ({"seed": -1}, r"config\.generation\.seed is -1; allowed: 0 to 2"),
    ],
)
def test_what_a_piece_cannot_be_is_refused_before_anything_is_written(tmp_path, fields, message):
    with pytest.raises(Refused, match=message):
        run(tmp_path / "run", **fields)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_sees_what_is_to_come_is_refused_on_music(tmp_path):
    both_ways = config()
    both_ways.model = {"features": (4,), "bidirectional": True}
    with pytest.raises(Refused, match="has no step: it needs the steps to come"):
        experiment.run(both_ways, tmp_path / "run", say=lambda line: None, **OWN)
    assert list(tmp_path.iterdir()) == []


def test_targets_of_pairs_are_not_drawn_among_the_likeliest(tmp_path):
    of_pairs = reverse_seq2seq.get_config()
    of_pairs.generation.top_k = 3
    with pytest.raises(Refused, match=r"top_k 3, .*allowed of pairs, whose targets are the likeliest: 0, 1\.0"):
        experiment.run(of_pairs, tmp_path / "run", say=lambda line: None)
    assert list(tmp_path.iterdir()) == []
