"""Recordings of a phone's sensors during human activities."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example
from sequence_lab.data.originals import Originals
from sequence_lab.data.sensors import ACTIVITIES


def table(content: bytes, where: str, columns: int) -> np.ndarray:
    """Numbers, so many in each line.

    Raises:
      ValueError: a line has another number of them, or a value is not finite; names it.
    """
    rows = [line.split() for line in content.splitlines() if line.strip()]
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != columns), None)
    if wrong is not None:
        raise ValueError(f"{where}, line {wrong} has {len(rows[wrong - 1])} numbers; allowed: {columns}")
    found = np.array(rows, np.float64).reshape(-1, columns)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise ValueError(f"{where}, line {row + 1} has {found[row]}; allowed: finite numbers")
    return found


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
    TEST_USERS = (2, 4, 9, 10, 12, 13, 18, 20, 24)

    def features(self) -> Mapping[str, Any]:
        return {
            "signal": tfds.features.Tensor(shape=(None, 6), dtype=np.float32, encoding="bytes"),
            "segments": tfds.features.Tensor(shape=(None, 3), dtype=np.int32, encoding="bytes"),
            "experiment": tfds.features.Scalar(dtype=np.int32),
            "user": tfds.features.Scalar(dtype=np.int32),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        # One pass over the archive.
        content = {path.split("/")[-1]: (path, data) for path, data in files.matching("RawData/*.txt")}
        if "labels.txt" not in content:
            raise ValueError(
                f"RawData/labels.txt is not in {', '.join(map(str, files.paths))}, nor in an archive there"
            )
        labels = table(content["labels.txt"][1], content["labels.txt"][0], 5).astype(int)
        names = sorted(name for name in content if name.startswith("acc_"))
        rows: dict[str, list[Example]] = {"train": [], "test": []}
        for name in names:
            experiment, user = map(int, re.findall(r"\d+", name))
            parts = [content.get(part, (part, b"")) for part in (name, name.replace("acc_", "gyro_"))]
            acceleration, velocity = (table(data, path, 3) for path, data in parts)
            if len(acceleration) != len(velocity):
                raise ValueError(f"{parts[1][0]} has {len(velocity)} samples; allowed: {len(acceleration)}, as {name}")
            own = labels[labels[:, 0] == experiment][:, 2:]
            if len(own) and (own[:, 0].min() < 1 or own[:, 0].max() > 12 or own[:, 2].max() > len(acceleration)):
                raise ValueError(f"labels.txt has {own.max(axis=0)} for {name}; allowed: activities 1 to 12, within it")
            rows["test" if user in self.TEST_USERS else "train"].append(
                {
                    "signal": np.concatenate([acceleration, velocity], axis=1).astype(np.float32),
                    "segments": (own - [1, 1, 0]).astype(np.int32),
                    "experiment": experiment,
                    "user": user,
                }
            )
        return rows


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
            channels = [table(files.one(f"Inertial Signals/{name}"), name, 128) for name in names]
            labels, users = (
                table(files.one(f"{name}_{split}.txt"), f"{name}_{split}.txt", 1)[:, 0].astype(int)
                for name in ("y", "subject")
            )
            for signal, label, user in zip(np.stack(channels, axis=-1), labels, users, strict=True):
                if not 1 <= label <= 6:
                    raise ValueError(f"y_{split}.txt has the label {label}; allowed: 1 to 6")
                yield {"signal": signal.astype(np.float32), "label": int(label) - 1, "user": int(user)}

        return {split: windows(split) for split in self.COUNTS}
