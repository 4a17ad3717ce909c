"""Small images with a class each."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example
from sequence_lab.data.originals import Originals


def image_and_label(shape: tuple[int, ...], names: Iterable[str]) -> Mapping[str, Any]:
    return {
        "image": tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding="bytes"),
        "label": tfds.features.ClassLabel(names=list(names)),
    }


class Mnist(Builder):
    """MNIST: 60,000 / 10,000 handwritten digits of 28x28 grey pixels."""

    name = "mnist"
    HOMEPAGE = "http://yann.lecun.com/exdb/mnist/"
    LICENCE = "CC BY-SA 3.0"
    CITATION = """@article{lecun1998gradient,
  title = {Gradient-based learning applied to document recognition},
  author = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  journal = {Proceedings of the IEEE},
  year = {1998}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"
    )
    ARCHIVES = "*mnist*"
    URLS = tuple(
        f"https://ossci-datasets.s3.amazonaws.com/mnist/{part}-ubyte.gz"
        for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    )
    COUNTS = {"train": 60_000, "test": 10_000}
    SHA256 = {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }

    def features(self) -> Mapping[str, Any]:
        return image_and_label((28, 28, 1), map(str, range(10)))

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def read(name: str) -> np.ndarray:
            return idx(files.one(name, self.SHA256[name]))

        def pairs(part: str) -> Iterator[Example]:
            images, labels = read(f"{part}-images-idx3-ubyte"), read(f"{part}-labels-idx1-ubyte")
            for image, label in zip(images, labels, strict=True):
                yield {"image": image[..., None], "label": int(label)}

        return {"train": pairs("train"), "test": pairs("t10k")}


def idx(content: bytes) -> np.ndarray:
    """The array of unsigned bytes in a file of the format IDX."""
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


class Cifar10(Builder):
    """CIFAR-10: 50,000 / 10,000 colour images of 32x32 pixels in ten classes."""

    name = "cifar10"
    HOMEPAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
    LICENCE = "none stated; cite the report"
    CITATION = """@techreport{krizhevsky2009learning,
  title = {Learning multiple layers of features from tiny images},
  author = {Krizhevsky, Alex},
  institution = {University of Toronto},
  year = {2009}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "cifar-10-binary.tar.gz, or data_batch_1.bin to data_batch_5.bin and test_batch.bin"
    ARCHIVES = "cifar-10-binary*"
    URLS: ClassVar[tuple[str, ...]] = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
    ARCHIVE_SHA256 = {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}
    COUNTS = {"train": 50_000, "test": 10_000}
    FILES: Mapping[str, tuple[str, ...]] = {
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    }
    CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def features(self) -> Mapping[str, Any]:
        return image_and_label((32, 32, 3), self.CLASSES)

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def records(names: tuple[str, ...]) -> Iterator[Example]:
            for name in names:
                content = self.read(files, name)
                if len(content) % 3073:
                    raise ValueError(f"{name} has {len(content):,} bytes; allowed: 3,073 an image: it is cut off")
                for number, row in enumerate(np.frombuffer(content, np.uint8).reshape(-1, 3073)):
                    if row[0] > 9:
                        raise ValueError(f"{name}, image {number}: the label is {row[0]}; allowed: 0 to 9")
                    yield {"image": row[1:].reshape(3, 32, 32).transpose(1, 2, 0), "label": int(row[0])}

        return {split: records(names) for split, names in self.FILES.items()}

    def read(self, files: Originals, name: str) -> bytes:
        return files.one(name)


class Cifar10First4000(Cifar10):
    """The first 4,000 training images of CIFAR-10, for those who have no more; no split of its own."""

    name = "cifar10_first4000"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "data_batch_1_first4000.bin, the first 4,000 records of data_batch_1.bin"
    ARCHIVES = "*cifar*"
    URLS: ClassVar[tuple[str, ...]] = ()
    COUNTS = {"unsplit": 4_000}
    FILES = {"unsplit": ("data_batch_1_first4000.bin",)}
    SHA256 = "0993cf8b8e43bc207603aef9787006995746513f5e3fa5a52e06d1b069926330"

    def read(self, files: Originals, name: str) -> bytes:
        return files.one(name, self.SHA256)
