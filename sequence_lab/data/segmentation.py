"""Long recordings with labels at every frame: music and speech, who speaks and whether several do at once."""

from typing import Any, NamedTuple

import jax
import numpy as np

from sequence_lab.data import store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.recordings import FULL
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.ops import audio

RATE, HOP, N_FFT = 16_000, 160, 400  # samples a second, from frame to frame (10 ms), and in a frame (25 ms)
PIECE = (3.0, 12.0)  # seconds that one sound lasts, at least and at most
LEVELS = (-10.0, 20.0)  # decibels of speech over the music under it
VIEWS = ("log_mel", "samples")
KINDS = ("music", "speech")


class Recording(NamedTuple):
    """A waveform ``[T]`` and of every sample its labels ``[T, ...]`` and, where it is a mixture, its level ``[T]``."""

    samples: np.ndarray
    labels: np.ndarray
    levels: np.ndarray | None = None


class Change(NamedTuple):
    """How much a piece is to be another than the clip it comes from; see ``music_speech``."""

    speed: float = 0.0
    gain: float = 0.0

    def __call__(self, clips: list[np.ndarray], size: int, random: np.random.Generator) -> np.ndarray:
        """A piece of so many samples of one of the clips."""
        if not any(self):
            return _cut(clips, size, random)
        from scipy import signal  # half a second to import, for those who use it

        factor = float(np.exp(random.uniform(-1, 1) * np.log1p(self.speed)))
        piece = _cut(clips, round(size * factor), random) * 10 ** (random.uniform(-1, 1) * self.gain / 20)
        return signal.resample(piece, size).astype(np.float32)


def music_speech(
    mixed: bool = False,
    recordings: int = 40,
    seconds: float = 60.0,
    view: str = "log_mel",
    num_mels: int = 64,
    validation: float = 0.2,
    speed: float = 0.0,
    gain: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """GTZAN music/speech as long recordings, joined of pieces of its clips, with a label at each frame of 10 ms.

    The change points are true: every piece, 3 to 12 s, is cut from a clip of its split at a place that is drawn.

    Args:
      mixed: two labels a frame, ``[T, 2]``, whether there is music and whether there is speech; pieces are music,
        speech, or speech with music under it at -10 to 20 dB, which "levels" ``[T]`` says (NaN where there is no
        mixture). Else one, the classes being "music" and "speech".
      recordings, seconds: of the training split, and how long each is; the others have a quarter as many.
      view: "log_mel", spectrograms ``[T, num_mels]``, standardised by the training split's mean and deviation;
        "samples", the waveform ``[T, 160]``, a frame's samples at each step, for a model with its own front end.
      num_mels: bands of "log_mel".
      validation: share of the training clips.
      speed: every training piece is played faster or slower by a factor of up to 1 + speed, which is drawn, pitch and
        all (Ko et al. 2015); 0: as it is.
      gain: and louder or softer by up to so many decibels.
      seed: of what is drawn.

    Raises:
      ValueError: a number out of range, or it was not prepared.
    """
    if recordings < 1 or not seconds >= PIECE[0]:
        raise ValueError(f"recordings is {recordings}, seconds is {seconds}; allowed: 1 or more, {PIECE[0]:g} or more")
    if not (speed >= 0 and gain >= 0):
        raise ValueError(f"speed is {speed}, gain is {gain}; allowed: 0 or more")
    _check_view(view)
    prepared = store.load("music_speech")
    train, test = prepared.splits["train"], prepared.splits["test"]
    rows = partition(Partition(validation, test=0), np.asarray(train["label"]))
    clips = {split: _clips(train, found) for split, found in rows.items()}
    clips["test"] = _clips(test, np.arange(len(test["label"])))
    if lacking := [split for split, sounds in clips.items() if not all(sounds)]:
        raise ValueError(
            f"dataset.validation is {validation}, and {lacking[0]} has no music or no speech; allowed: a share that "
            "leaves clips of both"
        )
    made: dict[str, list[Recording]] = {}
    for number, (split, sounds) in enumerate(clips.items()):
        random = np.random.default_rng([seed, number])
        count = recordings if split == "train" else -(-recordings // 4)
        change = Change(speed, gain) if split == "train" else Change()
        made[split] = [_joined(sounds, round(seconds * RATE), mixed, random, change) for _ in range(count)]
    if mixed:
        return _framed(made, view, num_mels, KINDS)
    one = {
        split: [Recording(own.samples, own.labels.argmax(-1).astype(np.int32)) for own in found]
        for split, found in made.items()
    }
    return _framed(one, view, num_mels, KINDS)


def ami_excerpts(view: str = "log_mel", num_mels: int = 64) -> Dataset:
    """Excerpts of 30 s from meetings (AMI), at each frame of 10 ms whether someone speaks, and whether several do.

    10 / 2 / 2 excerpts; labels ``[T, 2]``, 0 or 1. ``view`` and ``num_mels`` as in ``music_speech``.
    """
    _check_view(view)
    prepared = store.load("ami_excerpts")

    def read(column: store.Columns) -> list[Recording]:
        found = []
        for samples, turns in zip(column["audio"], column["turns"], strict=True):
            speakers = np.zeros(len(samples), np.int32)
            for start, end, _ in turns:
                speakers[round(float(start) * RATE) : round(float(end) * RATE)] += 1
            labels = np.stack([speakers > 0, speakers > 1], -1).astype(np.float32)
            found.append(Recording(np.asarray(samples), labels))
        return found

    recordings = {split: read(column) for split, column in prepared.splits.items()}
    return _framed(recordings, view, num_mels, ("speech", "overlap"))


def _check_view(view: str) -> None:
    if view not in VIEWS:
        raise ValueError(f"dataset.view is {view!r}; allowed: {', '.join(VIEWS)}")


def _clips(column: store.Columns, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Music and speech, -1 to 1."""
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for row in rows:
        found[int(column["label"][row])].append(np.asarray(column["audio"][row], np.float32) / FULL)
    return found


def _joined(
    sounds: tuple[list[np.ndarray], list[np.ndarray]],
    length: int,
    mixed: bool,
    random: np.random.Generator,
    change: Change,
) -> Recording:
    """Pieces one after the other, each of another kind than the one before, until they are so long."""
    kinds = [(1, 0), (0, 1), (1, 1)][: 3 if mixed else 2]
    waves, labels, levels, left, present = [], [], [], length, (0, 0)
    while left > 0:
        size = min(left, int(random.uniform(*PIECE) * RATE))
        others = [kind for kind in kinds if kind != present]
        present = others[random.integers(len(others))]
        parts = [change(sounds[kind], size, random) for kind in (0, 1) if present[kind]]
        level = np.nan
        if len(parts) == 2:
            level = random.uniform(*LEVELS)
            parts[0] = parts[0] * _gain(parts[0], parts[1], level)
        waves.append(np.sum(parts, axis=0))
        labels.append(np.broadcast_to(np.array(present, np.float32), (size, 2)))
        levels.append(np.full(size, level, np.float32))
        left -= size
    return Recording(np.concatenate(waves), np.concatenate(labels), np.concatenate(levels) if mixed else None)


def _cut(clips: list[np.ndarray], size: int, random: np.random.Generator) -> np.ndarray:
    """A piece of one of the clips; of one that is too short, all of it again and again."""
    clip = clips[random.integers(len(clips))]
    if len(clip) < size:
        return np.resize(clip, size)
    start = random.integers(len(clip) - size + 1)
    return clip[start : start + size]


def _gain(music: np.ndarray, speech: np.ndarray, level: float) -> float:
    """What brings the music so many decibels below the speech; 1 where either is silent."""
    powers = [float(np.mean(np.square(part, dtype=np.float64))) for part in (music, speech)]
    return float(np.sqrt(powers[1] / powers[0]) * 10 ** (-level / 20)) if min(powers) > 0 else 1.0


def _framed(recordings: dict[str, list[Recording]], view: str, num_mels: int, classes: tuple[str, ...]) -> Dataset:
    """Inputs at every frame, and what else is said of the sample in its middle."""
    if view == "samples":
        inputs = {split: [_blocks(own.samples) for own in found] for split, found in recordings.items()}
    else:
        inputs = _log_mels(recordings, num_mels)
    first = HOP // 2 if view == "samples" else 0  # a frame of log_mel stands around the first sample of a step
    splits = {}
    for split, found in recordings.items():
        arrays: dict[str, list[np.ndarray]] = {"inputs": inputs[split], "labels": []}
        for own, frames in zip(found, inputs[split], strict=True):
            middle = np.minimum(first + np.arange(len(frames)) * HOP, len(own.labels) - 1)
            arrays["labels"].append(own.labels[middle])
            if own.levels is not None:
                arrays.setdefault("levels", []).append(own.levels[middle])
        splits[split] = Sequences({name: Ragged.of(rows) for name, rows in arrays.items()})
    return Dataset(splits, {"num_outputs": 2, "sample_rate": RATE, "frame_seconds": HOP / RATE}, classes=classes)


def _blocks(samples: np.ndarray) -> np.ndarray:
    """``[T, HOP]``, without what is left at the end."""
    return samples[: len(samples) // HOP * HOP].reshape(-1, HOP).astype(np.float32)


def _log_mels(recordings: dict[str, list[Recording]], num_mels: int) -> dict[str, list[np.ndarray]]:
    """Log-mel frames, standardised by those of training."""

    @jax.jit
    def log_mel(x: Any) -> Any:
        return audio.log_mel_spectrogram(
            x, log="natural", sample_rate=RATE, n_fft=N_FFT, hop_length=HOP, num_mels=num_mels
        )[0]

    frames = {split: [np.asarray(log_mel(own.samples)) for own in found] for split, found in recordings.items()}
    every = np.concatenate(frames["train"])
    mean, deviation = every.mean(axis=0), every.std(axis=0) + 1e-5
    return {split: [(f - mean) / deviation for f in found] for split, found in frames.items()}
