"""Images from a user's folder."""

import numpy as np
import pytest
from PIL import Image

from sequence_lab.data.own.images import image_folder
from tests.data.own.files_made import picture

ALL_TRAINING = {"validation": 0.0, "test": 0.0}
RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RANDOM.integers(0, 256, (6, 8), np.uint8)


def load(folder, height=6, width=8, **options):
    return image_folder(str(folder), height, width, **{**ALL_TRAINING, **options})


@pytest.fixture
def two(tmp_path):
    """A folder with a colour image of class "a" and a grey one of class "b"."""
    picture(tmp_path / "a" / "1.png", COLOURS)
    picture(tmp_path / "b" / "1.png", GREY)
    return tmp_path


def test_images_of_classes(two):
    (two / "a" / ".hidden.png").write_bytes(b"")
    (two / "a" / "notes.txt").write_text("none of it")
    (two / ".git").mkdir()
    dataset = load(two)
    assert dataset.classes == ("a", "b")
    assert dataset.facts == {"num_outputs": 2}
    arrays = dataset.splits["train"].arrays
    np.testing.assert_array_equal(arrays["labels"], [0, 1])
    assert arrays["inputs"].dtype == np.float32
    np.testing.assert_allclose(arrays["inputs"][0], COLOURS / np.float32(255), rtol=1e-6)
    np.testing.assert_allclose(arrays["inputs"][1], np.repeat(GREY[..., None], 3, -1) / np.float32(255), rtol=1e-6)


def test_images_with_one_prefix_stay_together(tmp_path):
    for number in range(40):
        shade = np.full((2, 2), 10 * (number % 8 // 2), np.uint8)
        picture(tmp_path / "ab"[number % 2] / f"eye{number % 8 // 2}-{number}.png", shade)
    dataset = load(tmp_path, 2, 2, channels=1, group="prefix", validation=0.4, test=0.25)
    shades = {split: set(rows.arrays["inputs"][:, 0, 0, 0].tolist()) for split, rows in dataset.splits.items()}
    assert {split: len(own) for split, own in shades.items()} == {"train": 2, "validation": 1, "test": 1}
    assert len(set.union(*shades.values())) == 4


def test_views_and_channels(two):
    grey = load(two, channels=1, view="rows").splits["train"].arrays["inputs"]
    assert grey.shape == (2, 6, 8)
    np.testing.assert_allclose(grey[1], GREY / np.float32(255), rtol=1e-6)
    assert load(two, channels=4, view="pixels").splits["train"].arrays["inputs"].shape == (2, 48, 4)


def test_other_sizes_are_resized(two):
    found = load(two, 3, 4).splits["train"].arrays["inputs"]
    assert found.shape == (2, 3, 4, 3)
    assert found.mean() == pytest.approx(load(two).splits["train"].arrays["inputs"].mean(), abs=0.02)
    upright = np.zeros((8, 6), np.uint8)
    upright[:, 3:] = 255
    picture(two / "a" / "1.png", upright)
    found = load(two, channels=1).splits["train"].arrays["inputs"][0, ..., 0]
    np.testing.assert_array_equal(found[:, [0, 1, 6, 7]], [[0, 0, 1, 1]] * 6)


def test_deep_turned_and_palette_images(two):
    deep = GREY.astype(np.uint16) * 257
    picture(two / "b" / "1.png", deep)
    np.testing.assert_allclose(load(two, channels=1).splits["train"].arrays["inputs"][1, ..., 0], GREY / 255, rtol=1e-5)
    turned = Image.fromarray(np.rot90(COLOURS))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, as a camera says
    turned.save(two / "a" / "1.png", exif=exif)
    np.testing.assert_allclose(load(two).splits["train"].arrays["inputs"][0], COLOURS / 255, rtol=1e-5)
    Image.fromarray(COLOURS).quantize(48).save(two / "a" / "1.png", transparency=bytes(range(48)))
    np.testing.assert_allclose(load(two).splits["train"].arrays["inputs"][0], COLOURS / 255, atol=0.15)


def test_splits(tmp_path):
    for number in range(20):
        picture(tmp_path / "drawn" / "ab"[number % 2] / f"{number}.png", np.full((2, 2, 3), number, np.uint8))
    folds = [load(tmp_path / "drawn", folds=4, fold=fold).splits["test"].arrays["inputs"] for fold in range(4)]
    assert sorted(np.round(np.concatenate(folds)[:, 0, 0, 0] * 255)) == list(range(20))
    for split, count in (("train", 4), ("validation", 2), ("test", 2)):
        for number in range(count):
            picture(tmp_path / "given" / split / "ab"[number % 2] / f"{number}.png", COLOURS)
    given = load(tmp_path / "given")
    assert {split: len(rows) for split, rows in given.splits.items()} == {"train": 4, "validation": 2, "test": 2}
    assert given.classes == ("a", "b")


def test_folders_of_classes_may_have_the_name_of_a_split(tmp_path):
    for name in ("train", "test"):
        picture(tmp_path / name / "1.png", COLOURS)
    assert load(tmp_path).classes == ("test", "train")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"height": 0}, r"dataset\.height is 0 and dataset\.width is 8; allowed: 1 or more"),
        ({"channels": 2}, r"dataset\.channels is 2; allowed: 1, 3, 4"),
        ({"view": "column"}, r"dataset\.view is 'column'; allowed: image, rows, pixels"),
    ],
)
def test_wrong_options_are_said(two, options, said):
    with pytest.raises(ValueError, match=said):
        load(two, **options)


def test_wrong_files_are_said_in_one_line(two):
    whole = (two / "a" / "1.png").read_bytes()
    for content in (b"", b"no image", whole[: len(whole) // 2]):
        (two / "a" / "2.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"a/2\.png cannot be read as an image: ") as caught:
            load(two)
        assert "\n" not in str(caught.value)
    (two / "a" / "2.png").unlink()
    (two / "val" / "a").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"val has no images; allowed: .*/CLASS/FILE, or .*/SPLIT/CLASS/FILE"):
        load(two)


def test_a_class_that_training_lacks_is_said(tmp_path):
    for split, name in (("train", "a"), ("train", "b"), ("test", "c")):
        picture(tmp_path / split / name / "1.png", COLOURS)
    with pytest.raises(ValueError, match=r"test/c/1\.png: the class is 'c'; allowed: those of training: a, b"):
        load(tmp_path)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(ValueError, match="has no folders; allowed: a folder of images for each class"):
        load(tmp_path)
