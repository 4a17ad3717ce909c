"""Polyphonic music as piano rolls."""

import io
import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import scipy.io
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example
from sequence_lab.data.originals import Originals
from sequence_lab.data.piano_rolls import KEYS, LOWEST

PARTS = {"train": "train", "validation": "valid", "test": "test"}


class PianoRolls(Builder):
    """Piano rolls ``[T, 88]`` of the keys that sound in each step."""

    HOMEPAGE = "http://www-ens.iro.umontreal.ca/~boulanni/icml2012"
    LICENCE = "none stated for the encoding"
    CITATION = """@inproceedings{boulanger2012modeling,
  title = {Modeling temporal dependencies in high-dimensional sequences: application to polyphonic music generation and
           transcription},
  author = {Boulanger-Lewandowski, Nicolas and Bengio, Yoshua and Vincent, Pascal},
  booktitle = {Proceedings of ICML},
  year = {2012}
}"""
    ARCHIVES = "*piano*roll*"
    FILE: str  # its name, without .mat or .pickle
    SHA256: tuple[str, ...] = ()

    def features(self) -> Mapping[str, Any]:
        return {"roll": tfds.features.Tensor(shape=(None, KEYS), dtype=np.uint8, encoding="bytes")}

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        if files.has(f"{self.FILE}.mat"):
            found = scipy.io.loadmat(io.BytesIO(files.one(f"{self.FILE}.mat", *self.SHA256)))
            rolls = {split: list(found[f"{part}data"][0]) for split, part in PARTS.items()}
        else:
            found = Numbers(io.BytesIO(files.one(f"{self.FILE}.pickle"))).load()
            rolls = {split: list(map(self.roll, found[part])) for split, part in PARTS.items()}
        return {split: self.checked(split, pieces) for split, pieces in rolls.items()}

    def roll(self, chords: list[tuple[int, ...]]) -> np.ndarray:
        found = np.zeros((len(chords), KEYS), np.uint8)
        for step, chord in enumerate(chords):
            for key in chord:
                if not 0 <= key - LOWEST < KEYS:
                    raise ValueError(f"{self.FILE}: a key is {key}; allowed: {LOWEST} to {LOWEST + KEYS - 1}")
                found[step, key - LOWEST] = 1
        return found

    def checked(self, split: str, pieces: Iterable[np.ndarray]) -> Iterator[Example]:
        for number, piece in enumerate(pieces):
            if piece.ndim != 2 or piece.shape[1] != KEYS or piece.max(initial=0) > 1:
                raise ValueError(f"{self.FILE}, {split} {number} is {piece.shape}; allowed: [T, {KEYS}] of 0 and 1")
            yield {"roll": piece.astype(np.uint8)}


class Numbers(pickle.Unpickler):
    """Reads a pickle of lists, tuples, dicts and numbers, and refuses what else a pickle may do."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"the pickle asks for {module}.{name}; allowed: lists and numbers alone")


class JsbChorales(PianoRolls):
    """Chorales by J. S. Bach, in quarter notes: 229 / 76 / 77."""

    name = "jsb_chorales"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "JSB_Chorales.mat, or JSB Chorales.pickle under the name JSB_Chorales.pickle"
    COUNTS = {"train": 229, "validation": 76, "test": 77}
    FILE = "JSB_Chorales"
    SHA256 = ("ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",)


class Nottingham(PianoRolls):
    """Folk tunes with chords: 694 / 173 / 170."""

    name = "nottingham"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Nottingham.mat or Nottingham.pickle"
    COUNTS = {"train": 694, "validation": 173, "test": 170}
    FILE = "Nottingham"
    SHA256 = ("d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",)


class MuseData(PianoRolls):
    """Orchestral and piano music: 524 / 135 / 124."""

    name = "musedata"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "MuseData.pickle, or MuseData.mat"
    COUNTS = {"train": 524, "validation": 135, "test": 124}
    FILE = "MuseData"


class PianoMidi(PianoRolls):
    """Classical piano music: 87 / 12 / 25."""

    name = "piano_midi"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Piano-midi.de.pickle, or Piano-midi.de.mat"
    COUNTS = {"train": 87, "validation": 12, "test": 25}
    FILE = "Piano-midi.de"
