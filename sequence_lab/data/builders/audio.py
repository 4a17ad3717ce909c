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
    SHA256 = {"recordings/*_*_*.wav": "04e1baae96c6a26e39c623f2b01d0182ddae627ba0ac02a3cdc17ba2af99fd9b"}
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
        for path, content in files.matching(*next(iter(self.SHA256.items()))):
            match = re.fullmatch(r".*/([0-9])_([^_]+)_([0-9]+)\.wav", path)
            if not match:
                raise ValueError(f"{path} says no digit, speaker and number; allowed: DIGIT_SPEAKER_NUMBER.wav")
            digit, speaker, index = match[1], match[2], int(match[3])
            audio = recording(content, path, self.RATE)
            example = {"audio": audio, "label": digit, "speaker": speaker, "index": index}
            rows["test" if index < 5 else "train"].append(((digit, speaker, index), example))
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
    CLASSES = ("music", "speech")
    SHA256 = {
        "train/*/*.wav": "7795b19ed187b1c7d5e5870b2a341a9e3b0fb93cddd739a541549eed80403012",
        "test/*_*.wav": "6527f285c391c386d1aaff31f128349c2aebe14b105c00172674529b90a77115",
    }
    RATE = 16_000

    def features(self) -> Mapping[str, Any]:
        return {
            "audio": samples_feature(),
            "label": tfds.features.ClassLabel(names=list(self.CLASSES)),
            "name": tfds.features.Text(),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        rows: dict[str, list[Example]] = {"train": [], "test": []}
        for pattern, checksum in self.SHA256.items():
            for path, content in files.matching(pattern, checksum):
                split, name = pattern.partition("/")[0], path.rpartition("/")[2]
                label = re.split("[/_]", path.rpartition(f"/{split}/")[2])[0]
                if label not in self.CLASSES:
                    raise ValueError(f"{path} is of the class {label!r}; allowed: {', '.join(self.CLASSES)}")
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
    SHA256 = {
        "debug.train.rttm": "ff4c7de546c04d3df1e8b8fe6c8ad9d107312d99d51aeabf58304ae100293198",
        "debug.development.rttm": "9667a672072f7d0ad5b647cfaed987d8c52209a4e1ddc252fed06d0b955e7aeb",
        "debug.test.rttm": "eae147d74d3f08002a5028183538eb35e6a7c7a77fe7d87c51eec95852d33161",
        "trn??.wav": "d8b08c38018e3643da6f6112c7cfe88286c844161c9df8151735859655f7f37e",
        "dev??.wav": "ed4bb59f6c77531305429241d332f95e1458a07796546b824f282096b0501846",
        "tst??.wav": "9268c62cbd67b8bc9ffe3d89723f7e1edd2a396e77ad4d6598094403fda27db7",
    }
    PARTS: Mapping[str, tuple[str, str]] = {
        "train": ("debug.train.rttm", "trn??.wav"),
        "validation": ("debug.development.rttm", "dev??.wav"),
        "test": ("debug.test.rttm", "tst??.wav"),
    }
    RATE = 16_000

    def features(self) -> Mapping[str, Any]:
        return {
            "audio": samples_feature(np.float32),
            "turns": tfds.features.Tensor(shape=(None, 3), dtype=np.float32, encoding="bytes"),
            "name": tfds.features.Text(),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def excerpts(name: str, pattern: str) -> Iterator[Example]:
            turns = rttm.turns(lines(files.one(name, self.SHA256[name])), name)
            audio = {
                path.rpartition("/")[2].removesuffix(".wav"): recording(content, path, self.RATE, "float32")
                for path, content in files.matching(pattern, self.SHA256[pattern])
            }
            if strange := sorted(set(turns) - set(audio)):
                raise ValueError(f"{name} has turns of {strange[0]}; allowed: those of {', '.join(sorted(audio))}")
            for file in sorted(audio):
                own = turns.get(file, [])
                speakers = sorted({speaker for _, _, speaker in own})
                numbered = [(begin, end, speakers.index(speaker)) for begin, end, speaker in own]
                yield {"audio": audio[file], "turns": np.array(numbered, np.float32).reshape(-1, 3), "name": file}

        return {split: excerpts(*part) for split, part in self.PARTS.items()}
