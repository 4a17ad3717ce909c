"""Prepared sets of a few drawn records each, so that experiments on published sets run where those are not."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.builders import builder
from sequence_lab.data.ragged import Ragged

Columns = Mapping[str, store.Column]
WORDS = ("a", "bad", "film", "good", "is", "it", "long", "not", "so", "was")
SIZES = {"train": 40, "validation": 16, "test": 16}


def texts(random: np.random.Generator, count: int, words: int = 8) -> Ragged:
    lines = [" ".join(random.choice(WORDS, random.integers(1, words + 1))) for _ in range(count)]
    return names(lines)


def names(lines: list[str]) -> Ragged:
    return Ragged.of([np.frombuffer(line.encode(), np.uint8) for line in lines])


def labels(count: int, classes: int) -> np.ndarray:
    return np.arange(count) % classes


def sentences(classes: int) -> Callable[[np.random.Generator, int], Columns]:
    return lambda random, count: {"text": texts(random, count), "label": labels(count, classes)}


def images(*shape: int) -> Callable[[np.random.Generator, int], Columns]:
    return lambda random, count: {
        "image": random.integers(0, 256, (count, *shape), np.uint8),
        "label": labels(count, 10),
    }


def lines(random: np.random.Generator, count: int) -> Columns:
    return {"text": texts(random, 5 * count, 20)}


def rolls(random: np.random.Generator, count: int) -> Columns:
    return {
        "roll": Ragged.of([(random.random((steps, 88)) < 0.05).astype(np.uint8) for steps in lengths(random, count)])
    }


def lengths(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(5, 30, count)


def dna(random: np.random.Generator, count: int) -> Columns:
    bases = np.frombuffer(b"ACGT", np.uint8)
    return {
        "sequence": Ragged.of([random.choice(bases, 200) for _ in range(count)]),
        "id": names([f"piece {number}" for number in range(count)]),
        "label": labels(count, 3),
    }


def sensors(random: np.random.Generator, count: int) -> Columns:
    """Recordings of two subjects or more, each of which does everything, for long enough to hold a window or two."""
    recordings, steps = count // 4, 12 * 200
    return {
        "signal": Ragged.of([random.normal(size=(steps, 6)).astype(np.float32) for _ in range(recordings)]),
        "segments": Ragged.of(
            [np.array([(a, 200 * a, 200 * a + 192) for a in range(12)], np.int32) for _ in range(recordings)]
        ),
        "user": np.arange(recordings),
        "experiment": np.arange(recordings),
    }


def windows(random: np.random.Generator, count: int) -> Columns:
    signal = random.normal(size=(count, 128, 9)).astype(np.float32)
    return {"signal": signal, "label": labels(count, 6), "user": np.arange(count) // 8}


def digits(random: np.random.Generator, count: int) -> Columns:
    speakers = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    return {
        "audio": Ragged.of([random.integers(-3000, 3000, 1600 + 50 * i, np.int16) for i in range(count)]),
        "label": labels(count, 10),
        "speaker": names([speakers[number % 6] for number in range(count)]),
        "index": np.arange(count) // 10,
    }


def clips(random: np.random.Generator, count: int) -> Columns:
    sizes = 10 * [16_000]
    return {
        "audio": Ragged.of([random.integers(-3000, 3000, size, np.int16) for size in sizes]),
        "label": labels(len(sizes), 2),
        "name": names([f"clip{number}" for number in range(len(sizes))]),
    }


def meetings(random: np.random.Generator, count: int) -> Columns:
    return {
        "audio": Ragged.of([random.normal(size=16_000).astype(np.float32) / 10 for _ in range(8)]),
        "turns": Ragged.of([np.array([(0.1, 0.6, 0), (0.4, 0.8, 1)], np.float32) for _ in range(8)]),
        "name": names([f"meeting {number}" for number in range(8)]),
    }


TWO, THREE = ("train", "test"), ("train", "validation", "test")
MADE: Mapping[str, tuple[Callable[[np.random.Generator, int], Columns], tuple[str, ...]]] = {
    "ami_excerpts": (meetings, THREE),
    "cifar10": (images(32, 32, 3), TWO),
    "cifar10_first4000": (images(32, 32, 3), ("unsplit",)),
    "dna_enhancers": (dna, ("benchmark", "independent")),
    "imdb": (lambda random, count: {**sentences(2)(random, count), "rating": labels(count, 10)}, TWO),
    "jsb_chorales": (rolls, THREE),
    "mnist": (images(28, 28, 1), TWO),
    "music_speech": (clips, TWO),
    "nottingham": (rolls, THREE),
    "ptb": (lines, THREE),
    "rt_polarity": (sentences(2), ("unsplit",)),
    "spoken_digits": (digits, TWO),
    "sst2": (sentences(2), THREE),
    "sst2_phrases": (sentences(2), THREE),
    "sst5": (sentences(5), THREE),
    "uci_hapt": (sensors, TWO),
    "uci_har": (windows, TWO),
    "wikitext2": (lines, THREE),
}


def prepare(folder: Path) -> Path:
    """Writes all of them, as ``store.load`` reads them; returns the folder."""
    for number, (name, (draw, splits)) in enumerate(MADE.items()):
        random = np.random.default_rng(number)
        path = Path(str(builder(name, str(folder)).data_path))
        path.mkdir(parents=True)
        store._write(path / store.ARRAYS, {split: draw(random, SIZES.get(split, 60)) for split in splits})
    return folder
