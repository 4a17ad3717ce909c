"""Sets of TFDS's catalogue, read from record files, whoever made them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

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


TEXT, NUMBERS = tfds.features.Text(), tfds.features.Tensor(shape=(2,), dtype=np.float32)
KIND = tfds.features.ClassLabel(names=["no", "yes"])


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Record files of a set with such features, and rows by split, as the catalogue's builders leave them."""
    monkeypatch.setenv("SEQUENCE_LAB_DATA", str(tmp_path))

    def record(features, **rows):
        class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
            name, VERSION = "made", tfds.core.Version("1.0.0")

            def _info(self):
                features_of_all = tfds.features.FeaturesDict(features)
                return tfds.core.DatasetInfo(builder=self, features=features_of_all, disable_shuffling=True)

            def _split_generators(self, dl_manager):
                return {split: enumerate(own) for split, own in rows.items()}

            def _generate_examples(self):
                raise NotImplementedError

        Made(data_dir=str(tmp_path), file_format="array_record").download_and_prepare()
        store.prepare("tfds:made", tmp_path)

    return record


def test_hidden_labels_are_refused_and_their_split_can_be_left_out(recorded):
    train = [{"text": f"{word} {word}", "label": word in "ace"} for word in "abcdefghij"]
    recorded({"text": TEXT, "label": KIND}, train=train, test=[{"text": "a", "label": 1}, {"text": "b", "label": -1}])
    with pytest.raises(
        ValueError,
        match=r"^made, test, label is -1 in row 1; allowed: a class, 0 to 1, or dataset\.without=test, if they",
    ):
        DATASETS["tfds"]("made")
    found = DATASETS["tfds"]("made", without="test", validation=0.0, test=0.2)
    assert {split: len(rows) for split, rows in found.splits.items()} == {"train": 8, "test": 2}
    with pytest.raises(ValueError, match=r"dataset\.without is 'train'; allowed: validation, test, or none"):
        DATASETS["tfds"]("made", without="train")


def test_features_that_are_no_column_are_left_out(recorded):
    sequence, inner = tfds.features.Sequence, {"word": TEXT, "count": np.int32}
    features = {
        "nested": inner, "several": sequence(inner), "words": sequence(TEXT), "text": TEXT, "label": KIND,
        "picture": tfds.features.Tensor(shape=(None, None), dtype=np.int32, encoding="bytes"),
    }  # fmt: skip
    one = {"word": "a", "count": 1}
    rows = [
        {
            "nested": one, "several": [one] * size, "words": ["a"] * size, "text": "a b", "label": size % 2,
            "picture": np.ones((size, size), np.int32),
        }
        for size in (1, 2, 3)
    ]  # fmt: skip
    recorded(features, train=rows)
    found = DATASETS["tfds"]("made", validation=0.0, test=0.0)
    np.testing.assert_array_equal(found.splits["train"].arrays["inputs"].values, [2, 3] * 3)
    for name in set(features) - {"text", "label"}:
        with pytest.raises(
            ValueError, match=rf"inputs is '{name}'; allowed of made: label, text \(a feature that is a"
        ):
            DATASETS["tfds"]("made", inputs=name)


def test_a_set_of_nested_features_alone_is_refused(recorded):
    with pytest.raises(ValueError, match=r"^tfds:made has no feature that is a text, or an array .*; allowed: one or"):
        recorded({"nested": {"text": TEXT}}, train=[{"nested": {"text": "a"}}])


@pytest.mark.parametrize(
    ("feature", "label"),
    [(TEXT, "yes"), (tfds.features.Sequence(KIND), [1, 0]), (tfds.features.Sequence(KIND, length=2), [1, 0])],
)
def test_labels_that_are_no_numbers_are_refused(recorded, feature, label):
    recorded({"x": NUMBERS, "label": feature}, train=[{"x": np.ones(2, np.float32), "label": label}])
    with pytest.raises(ValueError, match=r"^made, train, label is a text or a sequence; allowed: a class, or as many"):
        DATASETS["tfds"]("made")


@pytest.mark.parametrize(("feature", "value"), [(NUMBERS, np.ones(2, np.float32)), (TEXT, "a b")])
def test_several_numbers_can_be_told(recorded, feature, value):
    told = np.array([0.5, -1.5], np.float32)
    recorded({"x": feature, "label": NUMBERS}, train=[{"x": value, "label": told}] * 10)
    found = DATASETS["tfds"]("made")
    assert found.facts["num_outputs"] == 2
    np.testing.assert_array_equal(found.splits["test"].arrays["labels"], [told])
    assert {split: rows.arrays["labels"].shape for split, rows in found.splits.items()} == {
        "train": (8, 2), "validation": (1, 2), "test": (1, 2),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("no tensorflow"), "tfds:ag_news_subset needs more to be prepared: no tensorflow; .*pip install"),
        (OSError("no network"), "tfds:ag_news_subset cannot be prepared: OSError: no network"),
    ],
)
def test_what_the_catalogue_cannot_prepare_is_one_line(tmp_path, monkeypatch, error, said):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    with pytest.raises(ValueError, match=said):
        store.prepare("tfds:ag_news_subset", tmp_path)
