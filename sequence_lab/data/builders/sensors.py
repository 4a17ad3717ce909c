"""Recordings of a phone's sensors during human activities."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example
from sequence_lab.data.originals import Missing, Originals
from sequence_lab.data.sensors import ACTIVITIES


def table(content: bytes, where: str, columns: int) -> np.ndarray:
    """Numbers, so many in each line; only at the end there may be empty ones.

    Raises:
      ValueError: a line has another number of them, or a value is no finite number; names it.
    """
    rows = [line.split() for line in content.rstrip().splitlines()]
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != columns), None)
    if wrong is not None:
        raise ValueError(f"{where}, line {wrong} has {len(rows[wrong - 1])} numbers; allowed: {columns}")
    try:
        found = np.array(rows, np.float64).reshape(-1, columns)
    except ValueError:
        found = np.array([[_number(value) for value in row] for row in rows])
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        told = " ".join(value.decode(errors="replace") for value in rows[row])
        raise ValueError(f"{where}, line {row + 1} has {told[:60]!r}; allowed: finite numbers")
    return found


def _number(value: bytes) -> float:
    """NaN for what is none."""
    try:
        return float(value)
    except ValueError:
        return np.nan


def integers(content: bytes, where: str, columns: int) -> np.ndarray:
    """As ``table``, of whole numbers."""
    found = table(content, where, columns)
    if (broken := np.flatnonzero((found != found.round()).any(axis=1))).size:
        raise ValueError(f"{where}, line {broken[0] + 1} has {found[broken[0]]}; allowed: whole numbers")
    return found.astype(int)


class UciHapt(Builder):
    """UCI HAPT v2.1: 61 recordings of 30 subjects at 50 Hz, with twelve activities; the authors' split by subject.

    ``signal`` has three channels of acceleration in g and three of angular velocity in rad/s, raw; ``segments`` the
    activity (0 to 11), first sample and the one after the last of 1,214 labelled pieces, in their order. What is in
    none of them belongs to no activity.
    """

    name = "uci_hapt"
    HOMEPAGE = "https://archive.ics.uci.edu/dataset/341"
    LICENCE = "CC BY 4.0"
    CITATION = """@article{reyesortiz2016transition,
  title = {Transition-aware human activity recognition using smartphones},
  author = {Reyes-Ortiz, Jorge-L. and Oneto, Luca and Sam{\\`a}, Albert and Parra, Xavier and Anguita, Davide},
  journal = {Neurocomputing},
  year = {2016}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "HAPT Data Set.zip, or its folder RawData"
    ARCHIVES = "*hapt*|smartphone?based?recognition?of?human?activities*"
    URLS = (
        "https://archive.ics.uci.edu/static/public/341/"
        "smartphone+based+recognition+of+human+activities+and+postural+transitions.zip",
    )
    COUNTS = {"train": 42, "test": 19}
    SHA256 = {"RawData/*.txt": "64088bcf0d7d910bdaafecd29568b4929ab0c408c3a98b95fb9f56928f4a7d1f"}
    TEST_USERS = (2, 4, 9, 10, 12, 13, 18, 20, 24)

    def features(self) -> Mapping[str, Any]:
        return {
            "signal": tfds.features.Tensor(shape=(None, 6), dtype=np.float32, encoding="bytes"),
            "segments": tfds.features.Tensor(shape=(None, 3), dtype=np.int32, encoding="bytes"),
            "experiment": tfds.features.Scalar(dtype=np.int32),
            "user": tfds.features.Scalar(dtype=np.int32),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        # One pass over the archive; recordings by "acc" or "gyro", experiment and user.
        labels, read = None, dict[tuple[str, int, int], tuple[str, np.ndarray]]()
        for path, content in files.matching(*next(iter(self.SHA256.items()))):
            if path.endswith("/labels.txt"):
                labels = path, integers(content, path, 5)
            elif match := re.fullmatch(r".*/(acc|gyro)_exp(\d+)_user(\d+)\.txt", path):
                read[match[1], int(match[2]), int(match[3])] = path, table(content, path, 3)
        if labels is None:
            raise Missing(f"RawData/labels.txt is not in {', '.join(map(str, files.paths))}, nor in an archive there")
        signals = dict(_signals(read))
        rows: dict[str, list[Example]] = {"train": [], "test": []}
        segments = _segments(*labels, {who: len(signal) for who, signal in signals.items()})
        for (experiment, user), signal in sorted(signals.items()):
            rows["test" if user in self.TEST_USERS else "train"].append(
                {"signal": signal, "segments": segments[experiment, user], "experiment": experiment, "user": user}
            )
        return rows


def _signals(
    read: Mapping[tuple[str, int, int], tuple[str, np.ndarray]],
) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Both kinds of recording side by side, ``[T, 6]``, by experiment and user."""
    for kind, experiment, user in read:
        other = "gyro" if kind == "acc" else "acc"
        path, own = read[kind, experiment, user]
        if (other, experiment, user) not in read:
            raise ValueError(f"{path} is there without {other}_exp{experiment:02}_user{user:02}.txt; allowed: both")
        if kind == "gyro":
            beside, acceleration = read[other, experiment, user]
            if len(acceleration) != len(own):
                name = beside.rpartition("/")[2]
                raise ValueError(f"{path} has {len(own)} samples; allowed: {len(acceleration)}, as {name}")
            yield (experiment, user), np.concatenate([acceleration, own], axis=1).astype(np.float32)


def _segments(
    where: str, labels: np.ndarray, samples: Mapping[tuple[int, int], int]
) -> Mapping[tuple[int, int], np.ndarray]:
    """Of each recording ``[N, 3]``: activity, from 0 on, first sample, and the one after the last."""
    found: dict[tuple[int, int], list[tuple[int, int, int]]] = {who: [] for who in samples}
    for line, (experiment, user, activity, start, end) in enumerate(labels.tolist(), 1):
        if (experiment, user) not in samples:
            raise ValueError(
                f"{where}, line {line} is of experiment {experiment}, user {user}; allowed: one that has a recording"
            )
        most = samples[experiment, user]
        if not (1 <= activity <= len(ACTIVITIES) and 1 <= start <= end <= most):
            raise ValueError(
                f"{where}, line {line} has the activity {activity} from {start} to {end}; allowed: activities 1 to "
                f"{len(ACTIVITIES)}, samples 1 to {most}"
            )
        found[experiment, user].append((activity - 1, start - 1, end))
    return {who: np.array(own, np.int32).reshape(-1, 3) for who, own in found.items()}


class UciHar(Builder):
    """UCI HAR v1: 7,352 / 2,947 windows of 128 samples at 50 Hz, six activities; the authors' split by subject.

    Channels: body acceleration (x, y, z) in g, angular velocity in rad/s, total acceleration in g, filtered as the
    authors did.
    """

    name = "uci_har"
    HOMEPAGE = "https://archive.ics.uci.edu/dataset/240"
    LICENCE = "CC BY 4.0"
    CITATION = """@inproceedings{anguita2013public,
  title = {A public domain dataset for human activity recognition using smartphones},
  author = {Anguita, Davide and Ghio, Alessandro and Oneto, Luca and Parra, Xavier and Reyes-Ortiz, Jorge Luis},
  booktitle = {Proceedings of ESANN},
  year = {2013}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "UCI HAR Dataset.zip, or its folder UCI HAR Dataset"
    ARCHIVES = "*har*|human?activity?recognition?using?smartphones*"  # the latter has the former in it
    URLS = ("https://archive.ics.uci.edu/static/public/240/human+activity+recognition+using+smartphones.zip",)
    COUNTS = {"train": 7_352, "test": 2_947}
    STREAMS = ("body_acc", "body_gyro", "total_acc")

    def features(self) -> Mapping[str, Any]:
        return {
            "signal": tfds.features.Tensor(shape=(128, 9), dtype=np.float32, encoding="bytes"),
            "label": tfds.features.ClassLabel(names=list(ACTIVITIES[:6])),
            "user": tfds.features.Scalar(dtype=np.int32),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def windows(split: str) -> Iterator[Example]:
            names = [f"{stream}_{axis}_{split}.txt" for stream in self.STREAMS for axis in "xyz"]
            read = {name: table(files.one(f"Inertial Signals/{name}"), name, 128) for name in names}
            told = [f"{name}_{split}.txt" for name in ("y", "subject")]
            read |= {name: integers(files.one(name), name, 1) for name in told}
            first = read[names[0]]
            for name, found in read.items():
                if len(found) != len(first):
                    raise ValueError(f"{name} has {len(found):,} lines; allowed: {len(first):,}, as {names[0]}")
            labels, users = (read[name][:, 0] for name in told)
            signals = np.stack([read[name] for name in names], axis=-1)
            for line, (signal, label, user) in enumerate(zip(signals, labels, users, strict=True), 1):
                if not 1 <= label <= 6:
                    raise ValueError(f"{told[0]}, line {line} has the label {label}; allowed: 1 to 6")
                yield {"signal": signal.astype(np.float32), "label": int(label) - 1, "user": int(user)}

        return {split: windows(split) for split in self.COUNTS}
