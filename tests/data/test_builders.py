"""Builders: every set from original files that the test makes, and from the real ones where they are at hand."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.util import DownloadError

from sequence_lab.data import builders, store
from tests.data.originals_made import MADE, Made, assert_prepared, sst_trees

REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize("name", MADE)
def test_a_set_is_made_of_its_original_files(original, name):
    made = MADE[name]()
    store.prepare(name, store.data_dir(), original(name, made))
    assert_prepared(name, made)


@pytest.mark.parametrize("name", ["sst5", "sst2"])
def test_the_treebank_is_read_from_its_trees(original, name):
    made = sst_trees(name)
    store.prepare(name, store.data_dir(), original(name, made))
    assert_prepared(name, made)


@pytest.mark.parametrize(
    ("name", "archive"),
    [("imdb", "aclImdb_v1.zip"), ("uci_hapt", "HAPT Data Set.zip"), ("ptb", "simple-examples.zip")],
)
def test_a_set_is_made_of_an_archive(original, name, archive):
    made = MADE[name]()
    store.prepare(name, store.data_dir(), original(name, made, archive))
    assert_prepared(name, made)


def test_a_set_is_made_of_an_archive_that_the_published_one_has_in_it(original):
    made = MADE["uci_har"]()
    folder = original("uci_har", made, "UCI HAR Dataset.zip")
    with zipfile.ZipFile(folder / "human+activity+recognition+using+smartphones.zip", "w") as published:
        published.write(folder / "UCI HAR Dataset.zip", "UCI HAR Dataset.zip")
        published.writestr("UCI HAR Dataset.names", "about")
    (folder / "UCI HAR Dataset.zip").unlink()
    store.prepare("uci_har", store.data_dir(), folder)
    assert_prepared("uci_har", made)


def test_every_builder_says_where_its_set_is_from():
    for name in builders.BUILDERS:
        info = builders.builder(name, "nowhere").info
        assert info.full_name.startswith(f"{name}/")
        assert all((info.description, info.homepage, info.citation, info.redistribution_info.license))
        assert builders.builder_class(name).MANUAL_DOWNLOAD_INSTRUCTIONS


def test_wikitext_is_prepared_without_its_training_text(original):
    made = MADE["wikitext2"]()
    files = {name: content for name, content in made.files.items() if "train" not in name}
    store.prepare("wikitext2", store.data_dir(), original("wikitext2", made._replace(files=files)))
    assert set(store.load("wikitext2").splits) == {"validation", "test"}


def test_a_text_that_turns_up_is_prepared_by_the_same_command(original):
    made, said = MADE["wikitext2"](), []

    def prepare(*parts):
        files = {name: content for name, content in made.files.items() if name.split(".")[1] in parts}
        folder = original("wikitext2", made._replace(files=files))
        store.prepare("wikitext2", store.data_dir(), folder, said.append)
        return set(store.load("wikitext2").splits)

    assert prepare("valid", "test") == prepare("valid", "test") == {"validation", "test"}
    assert said == []
    train = made.files["wiki.train.tokens"]
    made.files["wiki.train.tokens"] = train + b"another line\n"
    with pytest.raises(ValueError, match="wikitext2 has 3 examples in train; allowed: 2, as published"):
        prepare("train", "valid", "test")
    assert set(store.load("wikitext2").splits) == {"validation", "test"}  # as it was
    made.files["wiki.train.tokens"] = train
    assert prepare("train", "valid", "test") == {"train", "validation", "test"}
    assert said == ["wikitext2 is prepared anew: it was without wiki.train.tokens"] * 2
    assert_prepared("wikitext2", made)
    assert prepare("train", "valid", "test") == {"train", "validation", "test"}
    assert len(said) == 2
    assert [path.name for path in (store.data_dir() / "wikitext2").iterdir()] == ["1.0.0"]


@pytest.mark.parametrize("name", ["JSB Chorales.pickle", "JSB_Chorales.pickle"])
def test_chorales_are_found_under_the_name_that_their_author_gave_them(original, name):
    made, chords = MADE["jsb_chorales"](), MADE["piano_midi"]().files["Piano-midi.de.pickle"]
    store.prepare("jsb_chorales", store.data_dir(), original("jsb_chorales", made._replace(files={name: chords})))
    assert_prepared("jsb_chorales", made)


COUNTS = {
    "dna_enhancers": {"benchmark": 2_968, "independent": 400},
    "jsb_chorales": {"train": 229, "validation": 76, "test": 77},
    "rt_polarity": {"unsplit": 10_662},
}
SLOW_COUNTS = {
    "ami_excerpts": {"train": 10, "validation": 2, "test": 2},
    "cifar10_first4000": {"unsplit": 4_000},
    "nottingham": {"train": 694, "validation": 173, "test": 170},
    "spoken_digits": {"train": 2_700, "test": 300},
    "sst2": {"train": 6_920, "validation": 872, "test": 1_821},
    "sst5": {"train": 8_544, "validation": 1_101, "test": 2_210},
    "wikitext2": {"validation": 3_760, "test": 4_358},
    "imdb": {"train": 25_000, "test": 25_000},
    "mnist": {"train": 60_000, "test": 10_000},
    "music_speech": {"train": 32, "test": 16},
    "ptb": {"train": 42_068, "validation": 3_370, "test": 3_761},
    "sst2_phrases": {"train": 67_349, "validation": 872, "test": 1_821},
    "uci_hapt": {"train": 42, "test": 19},
}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the original files are not in {REAL}")
@pytest.mark.parametrize(
    ("name", "counts"),
    [*COUNTS.items(), *(pytest.param(*item, marks=pytest.mark.slow) for item in SLOW_COUNTS.items())],
)
def test_a_set_is_made_of_its_real_files(tmp_path, monkeypatch, name, counts):
    monkeypatch.setenv("SEQUENCE_LAB_DATA", str(tmp_path))
    store.prepare(name, store.data_dir(), REAL)
    assert_prepared(name, Made({}, counts, {}))


def test_what_is_downloaded_is_found_under_the_authors_names(original, tmp_path):
    made = MADE["mnist"]()
    folder = original("mnist", made)

    class Downloads:
        """As TFDS's manager: no folder of the user's, and files under names of its own."""

        @property
        def manual_dir(self):
            raise AssertionError("nothing there")

        def download(self, urls):
            found = {}
            for number, (name, url) in enumerate(urls.items()):
                assert url.endswith(f"/{name}")
                found[name] = tmp_path / f"hashed{number}.gz"
                found[name].write_bytes((folder / name).read_bytes())
            return found

    splits = builders.builder("mnist", str(tmp_path))._split_generators(Downloads())
    first = next(iter(splits["train"]))[1]
    np.testing.assert_array_equal(first["image"], made.first["image"])


@pytest.mark.parametrize("error", [OSError("no route to host"), DownloadError("HTTP code: 404.\nmore of it")])
def test_what_cannot_be_downloaded_names_the_way_out(tmp_path, monkeypatch, error):
    def fails(*arguments):
        raise error

    monkeypatch.setattr(tfds.download.DownloadManager, "download", fails)
    with pytest.raises(store.Missing) as caught:
        store.prepare("ptb", tmp_path)
    first = str(error).splitlines()[0]
    assert str(caught.value) == (
        f"ptb cannot be downloaded from {builders.builder_class('ptb').URLS[0]}: {type(error).__name__}: {first}; "
        "allowed: --manual_dir=FOLDER, where FOLDER has ptb.train.txt, ptb.valid.txt and ptb.test.txt, or "
        "simple-examples.tgz, which has them"
    )
