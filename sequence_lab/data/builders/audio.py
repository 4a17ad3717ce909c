"""Recordings of speech and music."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import soundfile
import tensorflow_datasets as tfds

from sequence_lab.data import rttm
from sequence_lab.data.builders.base import Builder, Example, lines
from sequence_lab.data.originals import Originals


def recording(content: bytes, where: str, rate: int, dtype: str = "int16") -> np.ndarray:
    """The samples ``[T]`` of a file with one channel.

    Raises:
      ValueError: it cannot be read, or has another rate or more channels; names it.
    """
    try:
        samples, found = soundfile.read(io.BytesIO(content), dtype=dtype)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{where} cannot be read as audio: {error}") from error
    if found != rate or samples.ndim > 1:
        raise ValueError(f"{where} has {found} Hz, shape {samples.shape}; allowed: {rate} Hz, one channel")
    return samples


def samples_feature(dtype: Any = np.int16) -> Any:
    return tfds.features.Tensor(shape=(None,), dtype=dtype, encoding="bytes")


class SpokenDigits(Builder):
    """Free Spoken Digit Dataset: 2,700 / 300 recordings of the digits by six speakers, 8 kHz, 16 bits."""

    name = "spoken_digits"
    HOMEPAGE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    LICENCE = "CC BY-SA 4.0"
    CITATION = """@misc{fsdd,
  title = {Free Spoken Digit Dataset},
  author = {Jackson, Zohar and others},
  doi = {10.5281/zenodo.1342401}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "the folder recordings, or an archive free-spoken-digit-dataset that has it"
    ARCHIVES = "*spoken-digit*"
    URLS = (
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.zip",
    )
    COUNTS = {"train": 2_700, "test": 300}
    RATE = 8_000

    def features(self) -> Mapping[str, Any]:
        return {
            "audio": samples_feature(),
            "label": tfds.features.ClassLabel(names=list(map(str, range(10)))),
            "speaker": tfds.features.Text(),
            "index": tfds.features.Scalar(dtype=np.int32),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        rows: dict[str, list[tuple[tuple[str, str, int], Example]]] = {"train": [], "test": []}
        for path, content in files.matching("recordings/*_*_*.wav"):
            digit, speaker, index = path.rpartition("/")[2].removesuffix(".wav").split("_")
            example = {
                "audio": recording(content, path, self.RATE),
                "label": digit,
                "speaker": speaker,
                "index": int(index),
            }
            rows["test" if int(index) < 5 else "train"].append(((digit, speaker, int(index)), example))
        return {split: (row for _, row in sorted(found, key=lambda r: r[0])) for split, found in rows.items()}


class MusicSpeech(Builder):
    """GTZAN music/speech, the part of it that is at 16 kHz: 32 / 16 clips of 30 s, half of them music."""

    name = "music_speech"
    HOMEPAGE = "http://marsyas.info/downloads/datasets.html"
    LICENCE = "none stated; for research"
    CITATION = """@misc{tzanetakis1999gtzan,
  title = {{GTZAN} music/speech collection},
  author = {Tzanetakis, George},
  year = {1999}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "train/music/*.wav, train/speech/*.wav and test/music_*.wav, test/speech_*.wav, or an archive "
        "gtzan_music_speech that has them; 16 kHz, one channel"
    )
    ARCHIVES = "*music_speech*"
    COUNTS = {"train": 32, "test": 16}
    RATE = 16_000

    def features(self) -> Mapping[str, Any]:
        return {
            "audio": samples_feature(),
            "label": tfds.features.ClassLabel(names=["music", "speech"]),
            "name": tfds.features.Text(),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        rows: dict[str, list[Example]] = {"train": [], "test": []}
        for pattern in ("train/*/*.wav", "test/*_*.wav"):
            for path, content in files.matching(pattern):
                split, name = pattern.partition("/")[0], path.rpartition("/")[2]
                label = re.split("[/_]", path.rpartition(f"/{split}/")[2])[0]
                rows[split].append({"audio": recording(content, path, self.RATE), "label": label, "name": name})
        return {split: sorted(found, key=lambda row: (row["label"], row["name"])) for split, found in rows.items()}


class AmiExcerpts(Builder):
    """14 excerpts of 30 s from the AMI meeting corpus with every turn of every speaker: 10 / 2 / 2, 16 kHz.

    ``turns`` has start and end in seconds and the number of the speaker among those of the excerpt.
    """

    name = "ami_excerpts"
    HOMEPAGE = "https://groups.inf.ed.ac.uk/ami/corpus/"
    LICENCE = "CC BY 4.0"
    CITATION = """@inproceedings{carletta2005ami,
  title = {The {AMI} meeting corpus: a pre-announcement},
  author = {Carletta, Jean and others},
  booktitle = {Machine Learning for Multimodal Interaction},
  year = {2005}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "trn00.wav to trn09.wav, dev00.wav, dev01.wav, tst00.wav, tst01.wav and debug.train.rttm, "
        "debug.development.rttm, debug.test.rttm, or an archive ami_excerpts that has them"
    )
    ARCHIVES = "*ami_excerpts*"
    COUNTS = {"train": 10, "validation": 2, "test": 2}
    PARTS: Mapping[str, tuple[str, str]] = {
        "train": ("train", "trn"), "validation": ("development", "dev"), "test": ("test", "tst"),
    }  # fmt: skip
    RATE = 16_000

    def features(self) -> Mapping[str, Any]:
        return {
            "audio": samples_feature(np.float32),
            "turns": tfds.features.Tensor(shape=(None, 3), dtype=np.float32, encoding="bytes"),
            "name": tfds.features.Text(),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def excerpts(part: str, start: str) -> Iterator[Example]:
            name = f"debug.{part}.rttm"
            turns = rttm.turns(lines(files.one(name)), name)
            for path, content in sorted(files.matching(f"{start}??.wav")):
                file = path.rpartition("/")[2].removesuffix(".wav")
                own = turns.get(file, [])
                speakers = sorted({speaker for _, _, speaker in own})
                numbered = [(begin, end, speakers.index(speaker)) for begin, end, speaker in own]
                audio = recording(content, path, self.RATE, "float32")
                yield {"audio": audio, "turns": np.array(numbered, np.float32).reshape(-1, 3), "name": file}

        return {split: excerpts(*part) for split, part in self.PARTS.items()}
