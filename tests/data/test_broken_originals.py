"""Original files that are broken, or of another edition: one line names file and record, and nothing is left."""

import io
import os
import pickle
import subprocess
import zipfile

import numpy as np
import pytest
import scipy.io

from sequence_lab.data import builders, store
from sequence_lab.data.builders import base, sensors
from sequence_lab.data.originals import Missing
from tests.data.originals_made import MADE, SAMPLES, assert_prepared, lines, numbers, sst_trees, wav


def changed(name, path, content):
    made = MADE[name]()
    key = next(file for file in made.files if path in file)
    return made._replace(files={**made.files, key: content})


def segment(line):
    return changed("uci_hapt", "labels", lines("1 1 5 1 200", line))


def renamed(name, path, other):
    made = MADE[name]()
    return made._replace(files={file.replace(path, other): data for file, data in made.files.items()})


def treebank(line):
    made, held = sst_trees("sst5"), io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for part in ("train", "dev", "test"):
            archive.writestr(f"trees/{part}.txt", lines("(3 (2 It) (4 fun))", line))
    return made._replace(files=dict.fromkeys(made.files, held.getvalue()))


def matrices(**parts):
    held = io.BytesIO()
    scipy.io.savemat(held, parts)
    return held.getvalue()


NARROW = np.empty((1, 1), object)
NARROW[0, 0] = np.zeros((2, 87))
ROLLS = matrices(traindata=NARROW, validdata=NARROW, testdata=NARROW)
CHORDS = MADE["piano_midi"]().files["Piano-midi.de.pickle"]
DATES = pickle.dumps({"train": [[("x",)]], "valid": [], "test": []})
HAR = "UCI HAR Dataset/train/"
LOW = pickle.dumps({"train": [[(20,)]], "valid": [], "test": []})
BROKEN = {
    "too few": ("imdb", MADE["imdb"]()._replace(counts={"train": 5, "test": 4}), "has 4 examples in train; allowed: 5"),
    "a grade": ("sst5", changed("sst5", "train", b"7 so"), "train, line 1: the grade is '7'; allowed: 0 to 4"),
    "a label": ("sst2", changed("sst2", "dev", b"so\t1\nso 0"), "dev.tsv, line 2: the label is 'so 0'; allowed: 0, 1"),
    "a class": ("cifar10", changed("cifar10", "batch_3", bytes([10]) + bytes(3072)), "image 0: the label is 10"),
    "a record": ("cifar10", changed("cifar10", "batch_3", bytes(3000)), "data_batch_3.bin has 3,000 bytes"),
    "a column": ("uci_hapt", changed("uci_hapt", "acc_exp01", b"1 2 3\n1 2\n"), "user01.txt, line 2 has 2 numbers"),
    "nan": ("uci_hapt", changed("uci_hapt", "acc_exp01", b"1 2 3\n1 nan 3\n"), "line 2 has '1 nan 3'; allowed: finite"),
    "a length": ("uci_hapt", changed("uci_hapt", "acc_exp01", b"1 2 3\n"), "has 300 samples; allowed: 1, as acc_exp01"),
    "an activity": ("uci_hapt", segment("1 1 13 1 9"), "line 2 has the activity 13 from 1 to 9; allowed: act"),
    "a base": ("dna_enhancers", changed("dna_enhancers", "B_Weak", b">a\nACGN"), "B_Weak.*'a' has 'N'; allowed: A, C"),
    "a header": ("dna_enhancers", changed("dna_enhancers", "B_Weak", b"ACGT"), "line 1 is 'ACGT'; allowed: a header"),
    "a sequence": ("dna_enhancers", changed("dna_enhancers", "B_Weak", b">a\n>b\nA"), "line 1: .* 'a' is empty"),
    "a key": ("piano_midi", changed("piano_midi", ".", LOW), "a key is 20; allowed: 21 to 108"),
    "a program": ("piano_midi", changed("piano_midi", ".", pickle.dumps(os.getcwd)), "^Piano.* asks for posix.getcwd"),
    "no audio": ("spoken_digits", changed("spoken_digits", "theo_7", b"RIFF"), "3_theo_7.wav cannot be read as audio"),
    "a rate": ("spoken_digits", changed("spoken_digits", "theo_7", wav(np.zeros(9), 9000)), "has 9000 Hz, .*: 8000"),
    "no digit": ("spoken_digits", renamed("spoken_digits", "3_theo_7", "x_theo_7"), "x_theo_7.wav says no digit"),
    "a name": ("spoken_digits", renamed("spoken_digits", "theo_7", "theo_b_7"), "3_theo_b_7.wav says no .*; allow"),
    "a kind": ("music_speech", renamed("music_speech", "train/music", "train/noise"), "bach.wav is of the class 'noi"),
    "cut chords": ("piano_midi", changed("piano_midi", ".", CHORDS[:40]), "Piano-midi.de.pickle cannot be read: Unpi"),
    "no chords": ("piano_midi", changed("piano_midi", ".", b""), "Piano-midi.de.pickle cannot be read: EOFError: Ran"),
    "a part": ("piano_midi", changed("piano_midi", ".", pickle.dumps({"train": []})), "pickle has no 'valid'; allowed"),
    "a word for a key": ("piano_midi", changed("piano_midi", ".", DATES), "Piano-midi.de.pickle cannot be read: Type"),
    "cut rolls": ("jsb_chorales", changed("jsb_chorales", ".", b"MATLAB 5.0"), "JSB_Chorales.mat cannot be read: Mat"),
    "a roll": ("jsb_chorales", changed("jsb_chorales", ".", ROLLS), r"mat, train 0 is \(2, 87\); allowed: \[T, 88"),
    "a roll's part": ("jsb_chorales", changed("jsb_chorales", ".", matrices(traindata=[[1]])), "mat has no 'valid'"),
    "no tree": ("sst5", treebank(""), "trees/train.txt, line 2 is ''; allowed: a tree"),
    "a broken tree": ("sst5", treebank("(3 (2 It) (4 fun)"), r"train.txt, line 2 is '\(3 \(2 It\) \(4 fun\)'; allow"),
    "a tree's grade": ("sst5", treebank("(5 (2 It) (4 fun))"), "trees/train.txt, line 2 is .*; allowed: a tree"),
    "a word": ("uci_hapt", changed("uci_hapt", "acc_exp01", b"1 2 3\n1 x 3\n"), "user01.txt, line 2 has '1 x 3'; all"),
    "a gap": ("uci_hapt", changed("uci_hapt", "acc_exp01", b"1 2 3\n\n1 2 3\n"), "user01.txt, line 2 has 0 numbers"),
    "half a sample": ("uci_hapt", segment("1 1 5 1.5 9"), "labels.txt, line 2 has .*; allowed: whole numbers"),
    "a start": ("uci_hapt", segment("1 1 5 0 9"), "line 2 has the activity 5 from 0 to 9; allowed: .* samples 1 to 3"),
    "an order": ("uci_hapt", segment("1 1 5 9 8"), "line 2 has the activity 5 from 9 to 8; allowed"),
    "an end": ("uci_hapt", segment("1 1 5 9 301"), "line 2 has the activity 5 from 9 to 301; allowed"),
    "an experiment": ("uci_hapt", segment("3 1 5 1 9"), "labels.txt, line 2 is of experiment 3, user 1; allowed: one"),
    "no gyroscope": ("uci_hapt", renamed("uci_hapt", "gyro_exp02", "other"), "acc_exp02.* is there without gyro_exp02"),
    "not utf-8": ("imdb", changed("imdb", "train/pos/9", b"so\ncaf\xe9"), "9_9.txt, line 2 is not in UTF-8; allowed"),
    "a rating": ("imdb", renamed("imdb", "10_9", "10_11"), "10_11.txt says no split, label and rating; allowed: train"),
    "labels": ("uci_har", changed("uci_har", f"{HAR}y_", lines("5")), "y_train.txt has 1 lines; allowed: 2, as body"),
    "a window": ("uci_har", changed("uci_har", "body_acc_y_train", numbers(np.ones((1, 128)))), "body_acc_y.* has 1 l"),
    "of six": ("uci_har", changed("uci_har", f"{HAR}y_", lines("5", "9")), "y_train.txt, line 2 has the label 9; all"),
    "who": ("ami_excerpts", renamed("ami_excerpts", "trn00.wav", "trn01.wav"), "turns of trn00; allowed: those of trn"),
    "a turn": ("ami_excerpts", changed("ami_excerpts", "train", lines("SPEAKER trn00 1 x")), "train.rttm, line 1 is"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_named_and_nothing_is_left(original, what):
    name, made, said = BROKEN[what]
    with pytest.raises(ValueError, match=said) as caught:
        store.prepare(name, store.data_dir(), original(name, made))
    assert "\n" not in str(caught.value)
    assert not list(store.data_dir().rglob("*array_record*"))


def test_what_no_builder_foresees_is_one_line_with_the_file_that_it_was_at(original, monkeypatch):
    def fails(*arguments):
        raise IndexError("3 of 2\nmore of it")

    folder = original("uci_hapt", MADE["uci_hapt"]())
    monkeypatch.setattr(sensors, "integers", fails)
    with pytest.raises(ValueError, match=r"^\S.*RawData/labels.txt cannot be read: IndexError: 3 of 2$"):
        store.prepare("uci_hapt", store.data_dir(), folder)
    monkeypatch.setattr(base.Builder, "_generate_examples", fails)
    with pytest.raises(ValueError, match=r"^ptb cannot be prepared: IndexError: 3 of 2$"):
        store.prepare("ptb", store.data_dir(), original("ptb", MADE["ptb"]()))


BACKWARDS = SAMPLES[::-1].copy()
MANY = {
    "ami_excerpts": ("dev00.wav", wav(BACKWARDS / np.float32(2**15), 16000, "FLOAT"), "ami_excerpts.zip"),
    "imdb": ("train/pos/9_9.txt", b"another film", "aclImdb.zip"),
    "music_speech": ("speech_1.wav", wav(BACKWARDS, 16000), "music_speech.zip"),
    "spoken_digits": ("0_lucas_0.wav", wav(BACKWARDS, 8000), "free-spoken-digits.zip"),
    "uci_hapt": ("gyro_exp02_user02.txt", numbers(np.ones((300, 3))), "HAPT.zip"),
}


@pytest.mark.parametrize("name", MANY)
def test_of_many_files_together_none_may_be_of_another_edition(original, name):
    """One that can be read, and that no count tells from the right one; which is preferred, if it is there, too."""
    (file, content, archive), made = MANY[name], MADE[name]()
    folder = original(name, made)
    (path,) = (path for path in folder.rglob("*") if str(path).endswith(file))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\d files \S+ in \S+ have the SHA-256 \S+ together; allowed: .*: one is"):
        store.prepare(name, store.data_dir(), folder)
    original(name, made, archive)
    store.prepare(name, store.data_dir(), folder)
    assert_prepared(name, made)


def test_wikitext_is_told_by_git_s_name_for_it(original, monkeypatch):
    made = MADE["wikitext2"]()
    folder, content = original("wikitext2", made), made.files["wiki.train.tokens"]
    kind = builders.builder_class("wikitext2")
    known = subprocess.run(["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True).stdout
    monkeypatch.setattr(kind, "SHA256", {**kind.SHA256, "train": known.decode().strip()})
    (folder / "wiki.train.tokens").write_bytes(content[::-1])
    with pytest.raises(ValueError, match=r"wiki.train.tokens has the SHA-256 .*; allowed"):
        store.prepare("wikitext2", store.data_dir(), folder)
    (folder / "wiki.train.tokens").write_bytes(content)
    store.prepare("wikitext2", store.data_dir(), folder)
    assert_prepared("wikitext2", made)


def test_an_archive_of_another_edition_stays_closed(original):
    made = sst_trees("sst5")
    folder = original("sst5", made)
    with (folder / "trainDevTestTrees_PTB.zip").open("ab") as archive:
        archive.write(b"\0")
    with pytest.raises(ValueError, match=r"trainDevTestTrees_PTB.zip has the SHA-256 .*; allowed: .*: it is cut off"):
        store.prepare("sst5", store.data_dir(), folder)


def test_another_edition_and_a_missing_file_are_told_apart(original):
    folder = original("ptb", MADE["ptb"]())
    (folder / "data" / "ptb.valid.txt").write_text("cut")
    with pytest.raises(ValueError, match=r"ptb.valid.txt has the SHA-256 .* 3 bytes; allowed"):
        store.prepare("ptb", store.data_dir(), folder)
    (folder / "data" / "ptb.valid.txt").unlink()
    with pytest.raises(Missing, match=r"ptb\.valid\.txt is not in"):
        store.prepare("ptb", store.data_dir(), folder)
