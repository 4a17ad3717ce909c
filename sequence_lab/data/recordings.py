"""Recordings of speech."""

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset

FULL = 2**15  # of 16 bits
DIGITS_RATE = 8_000  # hertz


def spoken_digits(left_out: str = "", validation: float = 0.1) -> Dataset:
    """Free Spoken Digit Dataset: waveforms ``[T]`` at 8 kHz, -1 to 1, ten classes; 2,700 with validation / 300.

    Args:
      left_out: a speaker, whose 500 recordings are the test split; "", the set's own split.
      validation: share of the training recordings, digit by digit, by the speakers who are heard in training: it does
        not say how well one is understood who is left out.

    Raises:
      ValueError: an unknown speaker, or it was not prepared.
    """
    prepared = store.load("spoken_digits")
    splits = [prepared.splits[split] for split in ("train", "test")]
    speakers = np.array([speaker for column in splits for speaker in store.texts(column["speaker"])])
    audio = [
        np.asarray(column["audio"][row], np.float32) / FULL for column in splits for row in range(len(column["label"]))
    ]
    labels = np.concatenate([column["label"] for column in splits]).astype(np.int32)
    if left_out and left_out not in speakers:
        raise ValueError(f"dataset.left_out is {left_out!r}; allowed: {', '.join(sorted(set(speakers)))}, or none")
    first = len(splits[0]["label"])
    tested = speakers == left_out if left_out else np.arange(len(labels)) >= first
    rest = np.flatnonzero(~tested)
    rows = {name: rest[found] for name, found in partition(Partition(validation, test=0), labels[rest]).items()}
    rows["test"] = np.flatnonzero(tested)
    made = {
        name: Sequences({"inputs": Ragged.of([audio[row] for row in found]), "labels": labels[found]})
        for name, found in rows.items()
    }
    return Dataset(made, {"num_outputs": 10, "sample_rate": DIGITS_RATE}, classes=prepared.classes["label"])
