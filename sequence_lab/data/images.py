"""Small images with a class each: scikit-learn's digits, which need no download, and prepared sets."""

from typing import Any

import numpy as np

from sequence_lab.data import store
from sequence_lab.data.partition import Partition, partition
from sequence_lab.data.splits import Dataset, Examples

VIEWS = ("image", "rows", "pixels")
VALIDATION, TEST = 180, 360


def digits(view: str = "image") -> Dataset:
    """Digits as images ``[8, 8, 1]``, as sequences of 8 rows ``[8, 8]`` or of 64 pixels ``[64, 1]``; values 0..1.

    1,257 / 180 / 360 examples, drawn once, class by class in proportion; labels 0..9. They are scikit-learn's 1,797
    images, embedded in the library (UCI optdigits test set, CC BY 4.0).

    Raises:
      ValueError: an unknown view.
    """
    from sklearn import datasets, model_selection  # a second to import, for those who use it

    images, labels = datasets.load_digits(return_X_y=True)
    inputs = viewed((images / 16).astype(np.float32).reshape(-1, 8, 8, 1), view)
    labels = labels.astype(np.int32)

    def split(rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        return model_selection.train_test_split(rows, test_size=size, random_state=0, stratify=labels[rows])

    rest, test = split(np.arange(len(labels)), TEST)
    train, validation = split(rest, VALIDATION)
    rows = {"train": train, "validation": validation, "test": test}
    splits = {name: Examples({"inputs": inputs[r], "labels": labels[r]}) for name, r in rows.items()}
    return Dataset(splits, facts={"num_outputs": 10})


def viewed(images: np.ndarray, view: str) -> np.ndarray:
    """``[N, H, W, C]`` as it is, as rows ``[N, H, W C]`` or as pixels ``[N, H W, C]``."""
    if view not in VIEWS:
        raise ValueError(f"dataset.view is {view!r}; allowed: {', '.join(VIEWS)}")
    count, height, width, channels = images.shape
    shapes = {
        "image": images.shape,
        "rows": (count, height, width * channels),
        "pixels": (count, height * width, channels),
    }
    return images.reshape(shapes[view])


def shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """``[N, H, W, C]`` to ``[N, H / factor, W / factor, C]``: the means of squares."""
    count, height, width, channels = images.shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"dataset.shrink is {factor}; allowed: what divides {height} and {width}")
    squares = images.reshape(count, height // factor, factor, width // factor, factor, channels)
    return squares.mean(axis=(2, 4))


def permuted(sequences: np.ndarray, view: str, seed: int | None) -> np.ndarray:
    """``[N, T, C]`` with the steps in an order drawn by ``seed``; as they are without one."""
    if seed is None:
        return sequences
    if view == "image":
        raise ValueError(f"dataset.permutation is {seed}; allowed with the view 'image', which has no steps: None")
    return sequences[:, np.random.default_rng(seed).permutation(sequences.shape[1])]


def mnist(view: str = "image", validation: int = 5_000, shrink: int = 1, permutation: int | None = None) -> Dataset:
    """MNIST (LeCun et al. 1998) as images ``[28, 28, 1]``, rows ``[28, 28]`` or pixels ``[784, 1]``; values 0..1.

    55,000 / 5,000 / 10,000 examples, labels 0..9.

    Args:
      validation: examples taken from the training split, class by class in proportion.
      shrink: means over squares of so many pixels a side stand for them: with 2 there are 14 x 14, 196 as a sequence.
      permutation: of a view with steps, puts these into an order drawn by this seed, the same one for all images
        (permuted MNIST: Le et al. 2015). None: as they are.
    """
    return images("mnist", view, validation, shrink=shrink, permutation=permutation)


def cifar10(view: str = "image", validation: int = 5_000) -> Dataset:
    """CIFAR-10 (Krizhevsky 2009) as images ``[32, 32, 3]``, rows ``[32, 96]`` or pixels ``[1024, 3]``; values 0..1.

    45,000 / 5,000 / 10,000 examples, ten classes.

    Args:
      validation: examples taken from the training split, class by class in proportion.
    """
    return images("cifar10", view, validation)


def cifar10_first4000(view: str = "image", validation: int = 400, test: int = 800) -> Dataset:
    """The first 4,000 training images of CIFAR-10, for those who have no more; see ``cifar10``.

    Args:
      validation, test: examples, class by class in proportion.
    """
    return images("cifar10_first4000", view, validation, test)


def images(
    name: str, view: str, validation: int, test: int = 0, *, shrink: int = 1, permutation: int | None = None
) -> Dataset:
    """A prepared set of images; from one without a test split, as many examples for it."""
    prepared = store.load(name)
    classes = prepared.classes["label"]

    def split(column: store.Columns, rows: Any = slice(None)) -> Examples:
        pixels = shrunk(np.asarray(column["image"][rows], np.float32) / 255, shrink)
        inputs = permuted(viewed(pixels, view), view, permutation)
        return Examples({"inputs": inputs, "labels": np.asarray(column["label"][rows], np.int32)})

    own = prepared.splits["unsplit" if test else "train"]
    count = len(own["label"])
    if not 0 < validation < count - test:
        raise ValueError(f"validation is {validation}; allowed: 1 to {count - test - 1}")
    how = Partition(validation / (count - test), test / count)
    splits = {found: split(own, rows) for found, rows in partition(how, np.asarray(own["label"])).items()}
    if not test:
        splits["test"] = split(prepared.splits["test"])
    return Dataset(splits, {"num_outputs": len(classes)}, classes=classes)
