"""Polyphonic music as piano rolls."""

import io
import pickle
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.io
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example, reading
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
    FILES: tuple[str, ...]  # names that it goes by, without .mat or .pickle
    SHA256: tuple[str, ...] = ()  # of the .mat

    def features(self) -> Mapping[str, Any]:
        return {"roll": tfds.features.Tensor(shape=(None, KEYS), dtype=np.uint8, encoding="bytes")}

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        names = [f"{file}.{kind}" for kind in ("mat", "pickle") for file in self.FILES]
        name = next(filter(files.has, names), names[-1])
        content = files.one(name, *(self.SHA256 if name.endswith(".mat") else ()))
        with reading(name):
            read = _matrices(content) if name.endswith(".mat") else Numbers(io.BytesIO(content)).load()
            if lacking := [part for part in PARTS.values() if part not in read]:
                raise ValueError(f"{name} has no {lacking[0]!r}; allowed: {', '.join(PARTS.values())}")
            found = {}
            for split, part in PARTS.items():
                found[split] = [_roll(piece, f"{name}, {part} {number}") for number, piece in enumerate(read[part])]
        return {split: ({"roll": roll} for roll in rolls) for split, rolls in found.items()}


def _matrices(content: bytes) -> Mapping[str, Any]:
    """Rolls by the name of their part."""
    read = scipy.io.loadmat(io.BytesIO(content))
    return {part: read[f"{part}data"][0] for part in PARTS.values() if f"{part}data" in read}


def _roll(piece: Any, where: str) -> np.ndarray:
    """``[T, 88]`` of 0 and 1; of the keys of each step, if it is none."""
    if isinstance(piece, np.ndarray):
        if piece.ndim != 2 or piece.shape[1] != KEYS or not np.isin(piece, (0, 1)).all():
            raise ValueError(f"{where} is {piece.shape}; allowed: [T, {KEYS}] of 0 and 1")
        return piece.astype(np.uint8)
    found = np.zeros((len(piece), KEYS), np.uint8)
    for step, chord in enumerate(piece):
        for key in chord:
            if not 0 <= key - LOWEST < KEYS:
                raise ValueError(f"{where}: a key is {key}; allowed: {LOWEST} to {LOWEST + KEYS - 1}")
            found[step, key - LOWEST] = 1
    return found


class Numbers(pickle.Unpickler):
    """Reads a pickle of lists, tuples, dicts and numbers, and refuses what else a pickle may do."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"the pickle asks for {module}.{name}; allowed: lists and numbers alone")


class JsbChorales(PianoRolls):
    """Chorales by J. S. Bach, in quarter notes: 229 / 76 / 77."""

    name = "jsb_chorales"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "JSB_Chorales.mat, or JSB Chorales.pickle"
    COUNTS = {"train": 229, "validation": 76, "test": 77}
    FILES = ("JSB_Chorales", "JSB Chorales")
    SHA256 = ("ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",)


class Nottingham(PianoRolls):
    """Folk tunes with chords: 694 / 173 / 170."""

    name = "nottingham"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Nottingham.mat or Nottingham.pickle"
    COUNTS = {"train": 694, "validation": 173, "test": 170}
    FILES = ("Nottingham",)
    SHA256 = ("d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",)


class MuseData(PianoRolls):
    """Orchestral and piano music: 524 / 135 / 124."""

    name = "musedata"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "MuseData.pickle, or MuseData.mat"
    COUNTS = {"train": 524, "validation": 135, "test": 124}
    FILES = ("MuseData",)


class PianoMidi(PianoRolls):
    """Classical piano music: 87 / 12 / 25."""

    name = "piano_midi"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Piano-midi.de.pickle, or Piano-midi.de.mat"
    COUNTS = {"train": 87, "validation": 12, "test": 25}
    FILES = ("Piano-midi.de",)
