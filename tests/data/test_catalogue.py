"""Sets of TFDS's catalogue, read from record files, whoever made them."""

import numpy as np
import pytest

from sequence_lab import experiment, schema
from sequence_lab.composition import tables
from sequence_lab.config import resolved
from sequence_lab.data import DATASETS, store
from tests.data.originals_made import MADE


@pytest.fixture
def prepared(original, monkeypatch):
    """Record files of a made set, found by name alone."""

    def prepare(name):
        store.prepare(name, store.data_dir(), original(name, MADE[name]()))

    return prepare


def test_texts_are_read_as_by_our_own(prepared):
    prepared("sst2")
    found, own = DATASETS["tfds"]("sst2", tokens="blanks"), DATASETS["sst2"]()
    assert found.facts == own.facts
    assert found.classes == own.classes
    for split, rows in own.splits.items():
        np.testing.assert_array_equal(found.splits[split].arrays["inputs"].values, rows.arrays["inputs"].values)
        np.testing.assert_array_equal(found.splits[split].arrays["labels"], rows.arrays["labels"])


def test_images_sounds_and_numbers_to_tell(prepared):
    prepared("mnist")
    found = DATASETS["tfds"]("mnist", validation=0.34)
    assert {split: len(rows) for split, rows in found.splits.items()} == {"train": 2, "validation": 1, "test": 3}
    np.testing.assert_array_equal(
        found.splits["test"].arrays["inputs"], DATASETS["mnist"](validation=1).splits["test"].arrays["inputs"]
    )
    prepared("spoken_digits")
    audio = DATASETS["tfds"]("spoken_digits", inputs="audio", validation=0.0)
    expected = MADE["spoken_digits"]().first["audio"] / np.float32(2**15)
    np.testing.assert_array_equal(audio.splits["train"].arrays["inputs"][0], expected)
    numbers = DATASETS["tfds"]("spoken_digits", inputs="audio", labels="index", validation=0.0)
    np.testing.assert_array_equal(numbers.splits["train"].arrays["labels"], [[7], [10]])
    assert numbers.facts == {"num_outputs": 1}


def test_a_config_names_it_with_a_colon():
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "own", "tfds:sst2", "recurrent_classifier"
    config.dataset = {"tokens": "blanks"}
    config.objectives = {"kind": {"name": "classification"}}
    found = resolved(schema.plain(config), tables())
    assert found["dataset_name"] == "tfds"
    assert found["dataset"]["name"] == "sst2"
    assert resolved(found, tables()) == found


def test_what_is_not_there_is_said(prepared, monkeypatch):
    prepared("spoken_digits")
    with pytest.raises(
        ValueError, match=r"dataset\.inputs is ''; allowed of spoken_digits: audio, index, label, speaker"
    ):
        DATASETS["tfds"]("spoken_digits")
    with pytest.raises(ValueError, match=r"dataset\.labels is 'kind'; allowed"):
        DATASETS["tfds"]("spoken_digits", inputs="audio", labels="kind")
    with pytest.raises(ValueError, match=r"tfds:nope_nope: .*; allowed: a set of TFDS's catalogue"):
        DATASETS["tfds"]("nope_nope")
    with pytest.raises(ValueError, match=r"tfds:ag_news_subset is not prepared in .*--datasets=tfds:ag_news_subset`"):
        DATASETS["tfds"]("ag_news_subset")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("no tensorflow"), "tfds:ag_news_subset needs more to be prepared: no tensorflow; .*pip install"),
        (OSError("no network"), "tfds:ag_news_subset cannot be prepared: OSError: no network"),
    ],
)
def test_what_the_catalogue_cannot_prepare_is_one_line(tmp_path, monkeypatch, error, said):
    import tensorflow_datasets as tfds

    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    with pytest.raises(ValueError, match=said):
        store.prepare("tfds:ag_news_subset", tmp_path)
