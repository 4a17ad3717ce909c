"""A phone's sensors during human activities: windows with one activity each, or one at each step of a recording."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset, Examples

RATE = 50  # Hz
LENGTH, HOP = 128, 64  # samples of a window, as the authors of the sets cut them
BASIC, ALL = 6, 12  # activities: the first six without those between postures
ACTIVITIES = (
    "walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying", "stand to sit",
    "sit to stand", "sit to lie", "lie to sit", "stand to lie", "lie to stand",
)  # fmt: skip
TASKS = ("windows", "windows_all", "steps")


def uci_hapt(task: str = "windows", filtered: bool = False, streams: bool = False, validation: float = 0.15) -> Dataset:
    """UCI HAPT (Reyes-Ortiz et al. 2016), 50 Hz, acceleration (g) and angular velocity (rad/s); split by subject.

    Args:
      task: "windows", pieces of 128 samples ``[128, C]`` that overlap by half, in the six basic activities (7,415 with
        validation / 2,996); "windows_all", in all twelve; "steps", whole recordings ``[T, C]`` with a label at each
        step, the twelve activities and 12, "none".
      filtered: C is 9, body acceleration, angular velocity and total acceleration, as in UCI HAR: see ``separated``;
        else 6, as recorded.
      streams: inputs are two streams, "acceleration" and "rotation".
      validation: share of the 21 training subjects.

    Raises:
      ValueError: an unknown task, or it was not prepared.
    """
    if task not in TASKS:
        raise ValueError(f"dataset.task is {task!r}; allowed: {', '.join(TASKS)}")
    prepared = store.load("uci_hapt")
    train, test = prepared.splits["train"], prepared.splits["test"]
    rows = partition(Partition(validation, test=0), groups=np.asarray(train["user"]))
    parts = {split: (train, found) for split, found in rows.items()} | {"test": (test, np.arange(len(test["user"])))}
    made = {split: _recordings(*part, filtered) for split, part in parts.items()}
    if task == "steps":
        return _dataset({s: _steps(*recordings) for s, recordings in made.items()}, streams, (*ACTIVITIES, "none"))
    count = BASIC if task == "windows" else ALL
    return _dataset({s: _windows(*recordings, count) for s, recordings in made.items()}, streams, ACTIVITIES[:count])


def uci_har(streams: bool = False, validation: float = 0.15) -> Dataset:
    """UCI HAR (Anguita et al. 2013): windows ``[128, 9]``, six activities, 7,352 with validation / 2,947; by subject.

    Channels are those of ``uci_hapt`` with ``filtered``, as the authors made them.

    Args:
      streams: inputs are two streams, "acceleration", of the body and total, from one sensor, and "rotation".
      validation: share of the 21 training subjects.
    """
    prepared = store.load("uci_har")

    def split(column: store.Columns, rows: Any = slice(None)) -> Examples:
        return Examples(
            {"inputs": np.asarray(column["signal"][rows]), "labels": np.asarray(column["label"][rows], np.int32)}
        )

    train = prepared.splits["train"]
    rows = partition(Partition(validation, test=0), groups=np.asarray(train["user"]))
    splits = {name: split(train, found) for name, found in rows.items()} | {"test": split(prepared.splits["test"])}
    return _dataset(splits, streams, prepared.classes["label"])


def separated(signal: np.ndarray) -> np.ndarray:
    """Body acceleration, angular velocity and total acceleration, ``[T, 9]``, of a recording ``[T, 6]`` at 50 Hz.

    A median over three samples, a Butterworth low pass of third order at 20 Hz, and for the acceleration another at
    0.3 Hz, what passes it being gravity: the steps of Anguita et al. 2013, section 3. Filters run both ways, so that
    nothing is delayed.
    """
    from scipy import signal as filters  # half a second to import, for those who use it

    low = filters.butter(3, 20, fs=RATE, output="sos")
    slow = filters.butter(3, 0.3, fs=RATE, output="sos")
    clean = filters.sosfiltfilt(low, filters.medfilt(signal, (3, 1)), axis=0)
    total = clean[:, :3]
    body = total - filters.sosfiltfilt(slow, total, axis=0)
    return np.concatenate([body, clean[:, 3:], total], axis=1).astype(np.float32)


def _dataset(
    splits: Mapping[str, Examples] | Mapping[str, Sequences], streams: bool, classes: tuple[str, ...]
) -> Dataset:
    if streams:
        parted: Any = {
            name: dataclasses.replace(split, arrays=_streams(split.arrays)) for name, split in splits.items()
        }
        splits = parted
    return Dataset(splits, {"num_outputs": len(classes)}, classes=classes)


def _streams(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """Acceleration and angular velocity apart: channels 3 to 5 are the latter."""
    inputs = arrays["inputs"]
    values = inputs.values if isinstance(inputs, Ragged) else inputs
    which = {"acceleration": [c for c in range(values.shape[-1]) if not 3 <= c < 6], "rotation": [3, 4, 5]}
    parts = {f"inputs/{name}": values[..., channels] for name, channels in which.items()}
    if isinstance(inputs, Ragged):
        parts = {name: Ragged(part, inputs.lengths) for name, part in parts.items()}
    return {**parts, "labels": arrays["labels"]}


def _recordings(column: store.Columns, rows: np.ndarray, filtered: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Signals and their segments."""
    signals, segments = ([np.asarray(column[name][row]) for row in rows] for name in ("signal", "segments"))
    return [separated(signal) if filtered else signal for signal in signals], segments


def _windows(signals: list[np.ndarray], segments: list[np.ndarray], count: int) -> Examples:
    inputs, labels = [], []
    for signal, own in zip(signals, segments, strict=True):
        for activity, start, end in own[own[:, 0] < count]:
            firsts = range(start, end - LENGTH + 1, HOP)
            inputs += [signal[first : first + LENGTH] for first in firsts]
            labels += [activity] * len(firsts)
    return Examples({"inputs": np.stack(inputs), "labels": np.array(labels, np.int32)})


def _steps(signals: list[np.ndarray], segments: list[np.ndarray]) -> Sequences:
    labels = [np.full(len(signal), ALL, np.int32) for signal in signals]
    for found, own in zip(labels, segments, strict=True):
        for activity, start, end in own:
            found[start:end] = activity
    return Sequences({"inputs": Ragged.of(signals), "labels": Ragged.of(labels)})
