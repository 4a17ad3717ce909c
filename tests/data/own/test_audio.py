"""Sound from a user's folder, of every kind of file, whole and in segments."""

import numpy as np
import pytest

from sequence_lab.data.own.audio import audio_folder
from tests.data.own.files_made import sound, write

ALL_TRAINING = {"validation": 0.0, "test": 0.0}
RATE = 8000


def tone(hertz=200.0, seconds=0.1, rate=RATE, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def waveforms(dataset, split="train"):
    arrays = dataset.splits[split].arrays
    return [arrays["inputs"][row] for row in range(len(arrays["labels"]))]


def load(folder, **options):
    return audio_folder(str(folder), **{"rate": RATE, **ALL_TRAINING, **options})


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 1e-4), ("a.wav", "PCM_U8", 1e-2), ("a.wav", "FLOAT", 1e-7), ("a.wav", "PCM_24", 1e-6),
        ("a.WAV", "DOUBLE", 1e-7), ("a.wav", "ULAW", 3e-2), ("a.flac", "PCM_16", 1e-4), ("a.aiff", "PCM_S8", 1e-2),
        ("a.ogg", "VORBIS", 0.1), ("a.mp3", None, 0.2),
    ],
)  # fmt: skip
def test_kinds_of_files(tmp_path, name, subtype, tolerance):
    sound(tmp_path / "low" / name, tone(), subtype=subtype)
    sound(tmp_path / "high" / "b.wav", tone(400))
    dataset = load(tmp_path)
    assert dataset.classes == ("high", "low")
    assert dataset.facts == {"num_outputs": 2, "sample_rate": RATE}
    np.testing.assert_array_equal(dataset.splits["train"].arrays["labels"], [0, 1])
    found = waveforms(dataset)[1]
    assert found.dtype == np.float32
    assert found.ndim == 1
    np.testing.assert_allclose(found[100:700], tone()[100:700], atol=tolerance)


def test_channels_are_averaged(tmp_path):
    sound(tmp_path / "a" / "1.wav", np.stack([tone(), 0.5 * tone(300)], axis=1), subtype="FLOAT")
    sound(tmp_path / "b" / "1.wav", tone())
    np.testing.assert_allclose(waveforms(load(tmp_path))[0], (tone() + 0.5 * tone(300)) / 2, atol=1e-6)


@pytest.mark.parametrize("own", [16_000, 44_100, 11_025, 4_000])
def test_all_have_one_rate(tmp_path, own):
    sound(tmp_path / "a" / "1.wav", tone(rate=own, seconds=0.2), own, "FLOAT")
    sound(tmp_path / "a" / "2.wav", tone(3000, rate=16_000), 16_000, "FLOAT")
    sound(tmp_path / "b" / "1.wav", tone(6000, rate=16_000), 16_000, "FLOAT")
    same, below, above = waveforms(load(tmp_path))
    assert len(same) == pytest.approx(0.2 * RATE, abs=1)
    middle = slice(200, -200)
    np.testing.assert_allclose(same[middle], tone(seconds=0.2)[: len(same)][middle], atol=5e-3)
    # What the lower rate cannot hold is filtered out and does not come back as another tone.
    assert below[100:-100].std() > 0.3
    assert above[100:-100].std() < 0.01


def test_long_ones_are_cut_off(tmp_path):
    sound(tmp_path / "a" / "1.wav", tone())
    sound(tmp_path / "b" / "1.wav", tone(seconds=0.02))
    assert [len(found) for found in waveforms(load(tmp_path, max_seconds=0.05))] == [400, 160]


def test_splits_by_folder_and_the_others_drawn(tmp_path):
    for split, count in (("train", 10), ("test", 2)):
        for number in range(count):
            sound(tmp_path / split / "ab"[number % 2] / f"{number}.wav", tone(seconds=0.01 + number / 1000))
    dataset = load(tmp_path, validation=0.2)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 8, "validation": 2, "test": 2}
    assert sorted(dataset.splits["test"].lengths) == [80, 88]
    assert dataset.classes == ("a", "b")


def test_speakers_stay_together(tmp_path):
    for number in range(20):
        name = f"s{number // 4}{'_-'[number % 2]}{number}.wav"
        sound(tmp_path / "ab"[number % 2] / name, np.full(80 + number, 0.25))
    dataset = load(tmp_path, group="prefix", validation=0.25, test=0.2)
    speakers = {split: {(size - 80) // 4 for size in rows.lengths} for split, rows in dataset.splits.items()}
    assert {split: len(found) for split, found in speakers.items()} == {"train": 3, "validation": 1, "test": 1}
    assert len(set.union(*speakers.values())) == 5
    assert sum(map(len, dataset.splits.values())) == 20


RAMP = np.arange(8000, dtype=np.float32) / 8000  # a second; its value is the time


def test_segments_of_a_table(tmp_path):
    sound(tmp_path / "sub" / "x.wav", RAMP, subtype="FLOAT")
    sound(tmp_path / "y.wav", RAMP, subtype="FLOAT")
    rows = ["file,start,end,label", "sub/x.wav,0.25,0.5,yes", "y,0,0.125,no", "x,0.9,1.05,no"]
    dataset = load(tmp_path, segments=write(tmp_path, "segments.csv", "\r\n".join(rows)))
    expected = [RAMP[2000:4000], RAMP[:1000], RAMP[7200:]]
    for found, wanted in zip(waveforms(dataset), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert [dataset.classes[label] for label in dataset.splits["train"].arrays["labels"]] == ["yes", "no", "no"]


def test_segments_of_rttm(tmp_path):
    sound(tmp_path / "talk.flac", RAMP)
    turns = [
        "SPKR-INFO talk 1 <NA> <NA> <NA> unknown ann <NA> <NA>", "SPEAKER talk 1 0.5 0.25 <NA> <NA> ann <NA> <NA>",
        "SPEAKER talk 1 0.1 0.2 <NA> <NA> bob <NA> <NA>",
    ]  # fmt: skip
    dataset = load(tmp_path, segments=write(tmp_path, "a.rttm", turns))
    assert dataset.classes == ("ann", "bob")
    first, second = waveforms(dataset)
    np.testing.assert_allclose(first, RAMP[4000:6000], atol=1e-4)
    np.testing.assert_allclose(second, RAMP[800:2400], atol=1e-4)


@pytest.mark.parametrize("by", ["file", "column"])
def test_pieces_of_a_group_stay_together(tmp_path, by):
    rows = ["file,start,end,label" + (",group" if by == "column" else "")]
    for number in range(10):
        sound(tmp_path / f"{number}.wav", np.full(800, (number + 1) / 16), subtype="FLOAT")
        own = f",g{number // 2}" if by == "column" else ""
        rows += [f"{number},{start},{start + 0.01},{'ab'[number % 2]}{own}" for start in (0, 0.02, 0.04, 0.06)]
    name = write(tmp_path, "segments.csv", rows)
    dataset = load(tmp_path, segments=name, group="file" if by == "file" else "", validation=0.25, test=0.2)
    files = {
        split: {round(float(own[0]) * 16) - 1 for own in waveforms(dataset, split)} for split in dataset.splits
    }  # fmt: skip
    assert len(set.union(*files.values())) == 10 == sum(map(len, files.values()))
    if by == "column":
        assert all(file ^ 1 in own for own in files.values() for file in own)


def test_segments_with_a_split(tmp_path):
    sound(tmp_path / "x.wav", RAMP)
    rows = ["file,start,end,label,split", "x,0,0.1,a,train", "x,0.1,0.3,b,train", "x,0.3,0.6,a,test"]
    dataset = load(tmp_path, segments=write(tmp_path, "segments.csv", rows))
    assert {split: list(rows.lengths) for split, rows in dataset.splits.items()} == {
        "train": [800, 1600], "test": [2400],
    }  # fmt: skip


HEAD = "file,start,end,label"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [HEAD, "x,0,2,a"],
            r"segments\.csv, line 2: from 0\.0 to 2\.0 s; allowed: .* 1\.000 s, the length of .*x\.wav",
        ),
        ([HEAD, "x,0.5,0.50001,a"], r"segments\.csv, line 2: from 0\.5 to .*allowed: a sample or more"),
        ([HEAD, "x,0.5,0.1,a"], r"segments\.csv, line 2: from '0\.5' to '0\.1'; allowed: seconds"),
        ([HEAD, "x,now,0.1,a"], r"segments\.csv, line 2: from 'now' to '0\.1'; allowed: seconds"),
        ([HEAD, "x,0,nan,a"], r"segments\.csv, line 2: from '0' to 'nan'; allowed: seconds"),
        ([HEAD, "z,0,0.1,a"], r"segments\.csv, line 2: .* has 0 audio files 'z'; allowed: one"),
        ([HEAD, "x,0,0.1"], r"segments\.csv, line 2 has empty columns, or too many"),
        ([HEAD, "x,0,0.1,a,b"], r"segments\.csv, line 2 has empty columns, or too many"),
        ([HEAD + ",group", "x,0,0.1,a"], r"segments\.csv, line 2 has no group or split"),
        ([HEAD, "x,0,0.1,a", "x,0,0.1,a"], r"line 3: this segment is there twice; .* as in .*line 2"),
        (["file,start,end", "x,0,0.1"], r"segments\.csv has the columns file, start, end; allowed: label, too"),
        ([HEAD, "x,0,0.1,\t"], r"segments\.csv, line 2 has empty columns, or too many"),
        ([HEAD + ",label", "x,0,0.1,a,b"], r"segments\.csv has two columns 'label'; allowed: every heading once"),
        ([HEAD], r"segments\.csv has no segments"),
        ([HEAD + ",split", "x,0,0.1,a,dev"], r"segments\.csv, line 2: the split is 'dev'; allowed: train"),
    ],
)
def test_wrong_segments_are_said_in_one_line(tmp_path, rows, said):
    sound(tmp_path / "x.wav", RAMP)
    extra = ["x,0.7,0.8,p", "x,0.8,0.9,q"] if rows[0] == HEAD and len(rows) > 1 else []
    with pytest.raises(ValueError, match=said) as caught:
        load(tmp_path, segments=write(tmp_path, "segments.csv", [*rows, *extra]))
    assert "\n" not in str(caught.value)


def test_wrong_files_and_options_are_said_in_one_line(tmp_path):
    sound(tmp_path / "a" / "1.wav", tone())
    with pytest.raises(ValueError, match="one class 'a'; allowed: two or more"):
        load(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match=r"b has no audio files; allowed: .*/CLASS/FILE, or .*/SPLIT/CLASS/FILE"):
        load(tmp_path)
    for content, said in ((b"", "cannot be read as audio: "), (b"RIFF no sound", "cannot be read as audio: ")):
        (tmp_path / "b" / "1.wav").write_bytes(content)
        with pytest.raises(ValueError, match=r"b/1\.wav " + said) as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)
    sound(tmp_path / "b" / "1.wav", np.zeros(0))
    with pytest.raises(ValueError, match=r"b/1\.wav has no samples"):
        load(tmp_path)
    sound(tmp_path / "b" / "1.wav", np.array([0, np.nan]), subtype="FLOAT")
    with pytest.raises(ValueError, match=r"b/1\.wav has no number at sample 1"):
        load(tmp_path)
    for options, said in (
        ({"rate": 0}, "dataset.rate is 0"), ({"group": "speaker"}, "dataset.group is 'speaker'; allowed: file, prefix"),
        ({"segments": "nowhere.csv"}, "dataset.segments names 'nowhere.csv', which is not there"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            load(tmp_path, **options)
    with pytest.raises(ValueError, match=r"dataset\.folder is 'nowhere'; allowed: a folder that is there"):
        load("nowhere")
