"""Prepared sets: whole or not there, and damage is seen before anything is read."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from sequence_lab.data import store
from tests.data.originals_made import MADE, assert_prepared


def test_what_is_prepared_is_left_as_it_is_and_what_is_not_is_never_read(original, monkeypatch):
    made = MADE["ptb"]()
    folder = original("ptb", made)
    with pytest.raises(ValueError, match=r"ptb is not prepared in .*--datasets=ptb .* having ptb.train.txt"):
        store.load("ptb")
    whole = np.save

    def interrupted(path, array):
        if "validation" in str(path):
            raise KeyboardInterrupt
        whole(path, array)

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.prepare("ptb", store.data_dir(), folder)
    with pytest.raises(ValueError, match="is not prepared"):
        store.load("ptb")
    monkeypatch.setattr(np, "save", whole)
    killed = store.data_dir() / "ptb" / "incomplete.AAAAAA_1.0.0"
    killed.mkdir()
    path = store.prepare("ptb", store.data_dir(), folder)
    assert not killed.exists()
    assert_prepared("ptb", made)
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    time.sleep(0.01)
    store.prepare("ptb", store.data_dir(), folder)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before
    assert not list(path.glob("*unfinished*"))


def damaged(path, kind):
    content = path.read_bytes()
    if kind == "gone":
        path.unlink()
    elif kind == "cut off":
        path.write_bytes(content[:-1])
    else:  # as a machine leaves a file that lost its power before it was on the disk
        kept = content[: 128 if kind == "zeros" else 0]
        path.write_bytes(kept + bytes(len(content) - len(kept)))


@pytest.mark.parametrize(
    ("file", "kind", "said"),
    [
        ("train/text.values.npy", "gone", "train/text.values.npy is not there"),
        ("train/text.lengths.npy", "gone", "train/text.lengths.npy is not there"),
        ("validation", "gone", "validation/text.lengths.npy is not there"),
        ("test/text.values.npy", "cut off", "test/text.values.npy has 143 bytes, not the 144 that were written"),
        ("train/text.values.npy", "zeros", "train/text.values.npy has another SHA-256 than what was written"),
        ("manifest.json", "gone", "manifest.json cannot be read: FileNotFoundError"),
        ("manifest.json", "cut off", "manifest.json cannot be read: JSONDecodeError"),
        ("manifest.json", "empty", "manifest.json cannot be read: JSONDecodeError"),
    ],
)
def test_a_damaged_set_is_refused_and_mended_without_the_original_files(original, file, kind, said):
    made, told = MADE["ptb"](), []
    arrays = store.prepare("ptb", store.data_dir(), original("ptb", made)) / store.ARRAYS
    if (arrays / file).is_dir():
        shutil.rmtree(arrays / file)
    else:
        damaged(arrays / file, kind)
    with pytest.raises(ValueError, match=rf"{said}; allowed: after `python .* --datasets=ptb`, which reads") as caught:
        store.load("ptb")
    assert "\n" not in str(caught.value)
    store.prepare("ptb", store.data_dir(), None, told.append)
    assert len(told) == 1
    assert said in told[0]
    assert_prepared("ptb", made)


def test_of_a_large_file_only_the_preparation_reads_all(original, monkeypatch):
    made, told = MADE["ptb"](), []
    arrays = store.prepare("ptb", store.data_dir(), original("ptb", made)) / store.ARRAYS
    damaged(arrays / "train" / "text.values.npy", "zeros")
    monkeypatch.setattr(store, "SUMMED", 100)
    store.load("ptb")
    store.prepare("ptb", store.data_dir(), None, told.append)
    assert len(told) == 1
    assert_prepared("ptb", made)


def test_arrays_of_another_format_are_never_read(original):
    made = MADE["ptb"]()
    arrays = store.prepare("ptb", store.data_dir(), original("ptb", made)) / store.ARRAYS
    arrays.rename(arrays.with_name("arrays"))
    with pytest.raises(ValueError, match=r"ptb is not prepared in .* but in another version's format, or in part"):
        store.load("ptb")
    store.prepare("ptb", store.data_dir())
    assert_prepared("ptb", made)


def test_what_is_written_is_on_the_disk_before_it_has_its_name(original, monkeypatch):
    """Every file, and the folder of the manifest, which comes last."""
    synced, renamed_after, plain = [], [], Path.rename
    monkeypatch.setattr(store, "_sync", lambda path: synced.append(path.name))

    def renamed(path, target):
        if Path(target).name == store.ARRAYS:
            renamed_after.extend(synced)
        return plain(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    store.prepare("ptb", store.data_dir(), original("ptb", MADE["ptb"]()))
    assert renamed_after.count("text.values.npy") >= 3
    assert renamed_after.index("manifest.json") > renamed_after.index("text.values.npy")
    assert any("array_record" in name for name in renamed_after)
    assert synced[len(renamed_after) :] == ["1.0.0"]


@pytest.mark.parametrize("file", ["*.array_record*", "dataset_info.json"])
def test_records_that_are_damaged_are_named(original, file):
    path = store.prepare("ptb", store.data_dir(), original("ptb", MADE["ptb"]()))
    shutil.rmtree(path / store.ARRAYS)
    for broken in path.glob(file):
        damaged(broken, "empty")
    with pytest.raises(ValueError, match=rf"{path.parent}\S* (cannot be read|is damaged): .*; allowed: to take"):
        store.prepare("ptb", store.data_dir())
