"""Original files of every data set, in the authors' formats, a few records each, for tests."""

import gzip
import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.io
import soundfile

from sequence_lab.data import store
from sequence_lab.data.ragged import Ragged

RANDOM = np.random.default_rng(0)


class Made(NamedTuple):
    """Files, and what a builder is to make of them; ``counts`` take the place of the published ones."""

    files: Mapping[str, bytes]
    counts: Mapping[str, int]
    first: Mapping[str, Any]  # features of the first example of the first split in ``counts``


def lines(*texts: str, end: str = "\n") -> bytes:
    return (end.join(texts) + end).encode()


def wav(samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, subtype, format="WAV")
    return held.getvalue()


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def numbers(array: np.ndarray) -> bytes:
    held = io.BytesIO()
    np.savetxt(held, array)
    return held.getvalue()


def rt_polarity() -> Made:
    files = {
        "rt-polarity.neg": "trop fade , caf\xe9 froid \n".encode("cp1252"),
        "rt-polarity.pos": lines("good", "fine"),
    }
    return Made(files, {"unsplit": 3}, {"text": "trop fade , café froid", "label": 0})


def sst5() -> Made:
    files = {f"sentiment-{part}": b"4 so good .\n0 bad" for part in ("train", "dev", "test")}
    return Made(files, {"train": 2, "validation": 2, "test": 2}, {"text": "so good .", "label": 4})


TREES = lines("(3 (2 It) (4 (2 's) (3 fun)))", "(2 (2 So) (2 so))", "(1 (1 Dull) (2 .))")


def sst_trees(name: str) -> Made:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for part in ("train", "dev", "test"):
            archive.writestr(f"trees/{part}.txt", TREES)
    count, label = (3, 3) if name == "sst5" else (2, 1)
    counts = {"train": count, "validation": count, "test": count}
    return Made({"trainDevTestTrees_PTB.zip": held.getvalue()}, counts, {"text": "It 's fun", "label": label})


def sst2() -> Made:
    files = {f"{part}.tsv": b"so good .\t1\nbad\t0" for part in ("train", "dev", "test")}
    return Made(files, {"train": 2, "validation": 2, "test": 2}, {"text": "so good .", "label": 1})


def sst2_phrases() -> Made:
    files = {f"sentiment-{part}": b"so good \t1\nbad\t0\n" for part in ("train", "dev", "test")}
    return Made(files, {"train": 2, "validation": 2, "test": 2}, {"text": "so good", "label": 1})


def imdb() -> Made:
    reviews = {
        f"aclImdb/{split}/{label}/{number}_{rating}.txt": f"{split} {label} {number}".encode()
        for split in ("train", "test")
        for label, rating in (("neg", 2), ("pos", 9))
        for number in (10, 9)
    }
    return Made(reviews, {"train": 4, "test": 4}, {"text": "train neg 9", "label": 0, "rating": 2})


def ptb() -> Made:
    files = {f"data/ptb.{part}.txt": lines(" the <unk> sat", " end") for part in ("train", "valid", "test")}
    return Made(files, {"train": 2, "validation": 2, "test": 2}, {"text": "the <unk> sat"})


def wikitext2() -> Made:
    files = {f"wiki.{part}.tokens": lines("", " = Title = ") for part in ("train", "valid", "test")}
    return Made(files, {"train": 2, "validation": 2, "test": 2}, {"text": ""})


def mnist() -> Made:
    images, labels = RANDOM.integers(0, 256, (3, 28, 28)).astype(np.uint8), np.array([7, 2, 1], np.uint8)
    files = {}
    for part in ("train", "t10k"):
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(images))
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels))
    return Made(files, {"train": 3, "test": 3}, {"image": images[0][..., None], "label": 7})


def cifar10() -> Made:
    images = RANDOM.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    planes = images.transpose(0, 3, 1, 2).reshape(2, 3072)
    content = np.concatenate([np.array([[6], [9]], np.uint8), planes], axis=1).tobytes()
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    return Made(dict.fromkeys(names, content), {"train": 10, "test": 2}, {"image": images[0], "label": 6})


def cifar10_first4000() -> Made:
    content = cifar10().files["test_batch.bin"]
    return Made({"data_batch_1_first4000.bin": content}, {"unsplit": 2}, {"label": 6})


def uci_hapt() -> Made:
    files, signals = {}, RANDOM.normal(size=(2, 300, 6))
    for (experiment, user), signal in zip(((1, 1), (2, 2)), signals, strict=True):
        for name, part in (("acc", signal[:, :3]), ("gyro", signal[:, 3:])):
            files[f"HAPT Data Set/RawData/{name}_exp{experiment:02}_user{user:02}.txt"] = numbers(part)
    files["HAPT Data Set/RawData/labels.txt"] = lines("1 1 5 1 200", "1 1 7 201 300", "2 2 1 100 300")
    segments = np.array([[4, 0, 200], [6, 200, 300]], np.int32)
    first = {"signal": signals[0].astype(np.float32), "segments": segments, "experiment": 1, "user": 1}
    return Made(files, {"train": 1, "test": 1}, first)


def uci_har() -> Made:
    files, signal = {}, RANDOM.normal(size=(9, 2, 128))
    streams = [f"{stream}_{axis}" for stream in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]
    for split in ("train", "test"):
        for stream, channel in zip(streams, signal, strict=True):
            files[f"UCI HAR Dataset/{split}/Inertial Signals/{stream}_{split}.txt"] = numbers(channel)
        files[f"UCI HAR Dataset/{split}/y_{split}.txt"] = lines("5", "1")
        files[f"UCI HAR Dataset/{split}/subject_{split}.txt"] = lines("1", "3")
    first = {"signal": signal[:, 0].T.astype(np.float32), "label": 4, "user": 1}
    return Made(files, {"train": 2, "test": 2}, first)


def dna_enhancers() -> Made:
    files = {
        f"{letter}_{kind}Enhancer.txt": f">chr1_{kind} x\nACgt\nacGT\n>other\r\nTTTT".encode()
        for letter in "BI"
        for kind in ("Non", "Weak", "Strong")
    }
    first = {"sequence": "ACGTACGT", "label": 0, "id": "chr1_Non x"}
    return Made(files, {"benchmark": 6, "independent": 6}, first)


ROLL = np.zeros((3, 88), np.uint8)
ROLL[0, [0, 87]] = ROLL[2, 40] = 1


def jsb_chorales() -> Made:
    held, piece = io.BytesIO(), np.empty((1, 1), object)
    piece[0, 0] = ROLL
    scipy.io.savemat(held, {"traindata": piece, "validdata": piece, "testdata": piece})
    return Made({"JSB_Chorales.mat": held.getvalue()}, {"train": 1, "validation": 1, "test": 1}, {"roll": ROLL})


def piano_midi() -> Made:
    chords = [(21, 108), (), (61,)]
    content = pickle.dumps({"train": [chords], "valid": [chords], "test": [chords]})
    return Made({"Piano-midi.de.pickle": content}, {"train": 1, "validation": 1, "test": 1}, {"roll": ROLL})


SAMPLES = RANDOM.integers(-(2**15), 2**15, 400).astype(np.int16)


def spoken_digits() -> Made:
    names = ("3_theo_7", "3_theo_10", "0_lucas_0")
    files = {f"recordings/{name}.wav": wav(SAMPLES, 8000) for name in names}
    first = {"audio": SAMPLES, "label": 3, "speaker": "theo", "index": 7}
    return Made(files, {"train": 2, "test": 1}, first)


def music_speech() -> Made:
    names = ("train/music/bach.wav", "train/speech/allison.wav", "test/music_1.wav", "test/speech_1.wav")
    files = {f"set/{name}": wav(SAMPLES, 16000) for name in names}
    first = {"audio": SAMPLES, "label": 0, "name": "bach.wav"}
    return Made(files, {"train": 2, "test": 2}, first)


def ami_excerpts() -> Made:
    audio = (SAMPLES / 2**15).astype(np.float32)
    turn = "SPEAKER {} 1 {} {} <NA> <NA> {} <NA> <NA>"
    files = {}
    for part, start in (("train", "trn"), ("development", "dev"), ("test", "tst")):
        name = f"{start}00"
        files[f"{name}.wav"] = wav(audio, 16000, "FLOAT")
        files[f"debug.{part}.rttm"] = lines(turn.format(name, 0.5, 1.25, "B"), "", turn.format(name, 1, 1, "A"))
    first = {"audio": audio, "turns": np.array([[0.5, 1.75, 1], [1, 2, 0]], np.float32), "name": "trn00"}
    return Made(files, {"train": 1, "validation": 1, "test": 1}, first)


MADE: Mapping[str, Callable[[], Made]] = {
    "ami_excerpts": ami_excerpts,
    "cifar10": cifar10,
    "cifar10_first4000": cifar10_first4000,
    "dna_enhancers": dna_enhancers,
    "imdb": imdb,
    "jsb_chorales": jsb_chorales,
    "mnist": mnist,
    "music_speech": music_speech,
    "piano_midi": piano_midi,
    "ptb": ptb,
    "rt_polarity": rt_polarity,
    "spoken_digits": spoken_digits,
    "sst2": sst2,
    "sst2_phrases": sst2_phrases,
    "sst5": sst5,
    "uci_hapt": uci_hapt,
    "uci_har": uci_har,
    "wikitext2": wikitext2,
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def feature(column: Any, row: int) -> Any:
    """One example's, as it was given."""
    value = column[row]
    return bytes(value).decode() if isinstance(column, Ragged) and column.values.dtype == np.uint8 else value


def assert_prepared(name: str, made: Made) -> None:
    prepared = store.load(name)
    assert {split: len(next(iter(c.values()))) for split, c in prepared.splits.items()} == made.counts
    first = prepared.splits[next(iter(made.counts))]
    for key, expected in made.first.items():
        if key == "roll":
            np.testing.assert_array_equal(first[key][0], expected)
            continue
        found = feature(first[key], 0)
        assert np.asarray(found).dtype == np.asarray(expected).dtype or np.isscalar(expected)
        np.testing.assert_array_equal(found, expected)
