"""Polyphonic music: which of a piano's 88 keys sound next."""

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset

KEYS = 88
LOWEST = 21  # key of a piano, in the numbers of MIDI


def piano_rolls(name: str, steps_per_quarter: int) -> Dataset:
    """A prepared set of Boulanger-Lewandowski et al. 2012: at each step ``labels [T, 88]`` the keys that sound, 0 or 1.

    ``inputs`` are those of the step before. The first step of a piece is an input alone, as in Bai et al. 2018.

    Args:
      steps_per_quarter: steps of a quarter note.
    """
    prepared = store.load(name)

    def split(column: store.Columns) -> Sequences:
        rolls = [np.asarray(column["roll"][row], np.float32) for row in range(len(column["roll"]))]
        before, after = [roll[:-1] for roll in rolls], [roll[1:] for roll in rolls]
        return Sequences({"inputs": Ragged.of(before), "labels": Ragged.of(after)})

    splits = {split_name: split(column) for split_name, column in prepared.splits.items()}
    return Dataset(splits, {"num_outputs": KEYS}, steps_per_quarter=steps_per_quarter)
