"""Sentences and reviews with their sentiment."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example, lines, utf8
from sequence_lab.data.originals import Originals

NEGATIVE_POSITIVE = ("neg", "pos")
PARTS = {"train": "train", "validation": "dev", "test": "test"}


def text_and_label(names: tuple[str, ...]) -> Mapping[str, Any]:
    return {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=list(names))}


class RtPolarity(Builder):
    """Movie-review sentence polarity v1.0: 5,331 negative and 5,331 positive snippets; no split of its own."""

    name = "rt_polarity"
    HOMEPAGE = "https://www.cs.cornell.edu/people/pabo/movie-review-data/"
    LICENCE = "none stated; free for research, cite the paper"
    CITATION = """@inproceedings{pang2005seeing,
  title = {Seeing stars: exploiting class relationships for sentiment categorization with respect to rating scales},
  author = {Pang, Bo and Lee, Lillian},
  booktitle = {Proceedings of ACL},
  year = {2005}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "rt-polarity.neg and rt-polarity.pos, or rt-polaritydata.tar.gz, which has both"
    ARCHIVES = "*rt-polarity*"
    URLS: ClassVar[tuple[str, ...]] = (
        "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
    )
    COUNTS = {"unsplit": 2 * 5_331}
    VERSION = tfds.core.Version("1.0.1")
    # In UTF-8. Of the cp1252 that it was published in, no edition is known to be whole: Kim's (2014) has lost dashes
    # and ellipses of 30 sentences.
    SHA256 = {
        "rt-polarity.neg": "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
        "rt-polarity.pos": "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
    }

    def features(self) -> Mapping[str, Any]:
        return text_and_label(NEGATIVE_POSITIVE)

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def every() -> Iterator[Example]:
            for label in NEGATIVE_POSITIVE:
                name = f"rt-polarity.{label}"
                for line in lines(files.preferred(name, self.SHA256[name])):
                    yield {"text": line.strip(), "label": label}

        return {"unsplit": every()}


SOCHER = """@inproceedings{socher2013recursive,
  title = {Recursive deep models for semantic compositionality over a sentiment treebank},
  author = {Socher, Richard and Perelygin, Alex and Wu, Jean and Chuang, Jason and Manning, Christopher D. and
            Ng, Andrew Y. and Potts, Christopher},
  booktitle = {Proceedings of EMNLP},
  year = {2013}
}"""


TREES = "trainDevTestTrees_PTB.zip"
TREES_SHA256 = {TREES: "5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc"}


def roots(files: Originals, name: str) -> Iterator[tuple[int, str]]:
    """Grade and text of every tree in a file of the treebank; ValueError for a line that is none, which names it."""
    for number, tree in enumerate(lines(files.one(name)), 1):
        root, tokens = re.fullmatch(r"\(([0-4]) .+\)", tree), re.findall(r"\([0-4] ([^()]+)\)", tree)
        if not root or not tokens or tree.count("(") != tree.count(")"):
            raise ValueError(f"{name}, line {number} is {tree[:20]!r}; allowed: a tree, as (3 (2 So) (3 good))")
        yield int(root[1]), " ".join(tokens)


class Sst5(Builder):
    """Stanford Sentiment Treebank, sentences with five grades: 8,544 / 1,101 / 2,210."""

    name = "sst5"
    HOMEPAGE = "https://nlp.stanford.edu/sentiment/"
    LICENCE = "none stated; free for research, cite the paper"
    CITATION = SOCHER
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "trainDevTestTrees_PTB.zip, or sentiment-train, sentiment-dev and sentiment-test, a grade from 0 to 4, a blank "
        "and a sentence in each line"
    )
    ARCHIVES = "*traindevtesttrees*"
    URLS: ClassVar[tuple[str, ...]] = ("https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",)
    ARCHIVE_SHA256 = TREES_SHA256
    COUNTS = {"train": 8_544, "validation": 1_101, "test": 2_210}
    GRADES = ("very negative", "negative", "neutral", "positive", "very positive")
    SHA256 = {
        "sentiment-train": "9b52b5f686ed438d4d0274c385369251b3d579b578fddd340ba8a9bae2ca4bee",
        "sentiment-dev": "b2f76c62b960f9fda5c6d751edb125abab4f878eb94a8754239b7f4af647f4c3",
        "sentiment-test": "0e2ebb450c231f7b3d67fc932066e7bb26ae7bad8c88488f45ed44ef02eb3c73",
    }

    def features(self) -> Mapping[str, Any]:
        return text_and_label(self.GRADES)

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        return {
            split: ({"text": text, "label": self.GRADES[grade]} for grade, text in self.graded(files, part))
            for split, part in PARTS.items()
        }

    def graded(self, files: Originals, part: str) -> Iterator[tuple[int, str]]:
        """Grade and text, from lines or from the roots of the treebank's trees."""
        if files.has(f"trees/{part}.txt"):
            yield from roots(files, f"trees/{part}.txt")
            return
        name = f"sentiment-{part}"
        for number, line in enumerate(lines(files.one(name, self.SHA256[name])), 1):
            grade, _, text = line.partition(" ")
            if grade not in ("0", "1", "2", "3", "4"):
                raise ValueError(f"{name}, line {number}: the grade is {grade!r}; allowed: 0 to 4")
            yield int(grade), text.strip()


class Sst2(Builder):
    """Stanford Sentiment Treebank, sentences that are not neutral: 6,920 / 872 / 1,821."""

    name = "sst2"
    HOMEPAGE = "https://nlp.stanford.edu/sentiment/"
    LICENCE = "none stated; free for research, cite the paper"
    CITATION = SOCHER
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "trainDevTestTrees_PTB.zip, or train.tsv, dev.tsv and test.tsv, a sentence, a tab and a label in each line"
    )
    ARCHIVES = "*traindevtesttrees*"
    URLS: ClassVar[tuple[str, ...]] = ("https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",)
    ARCHIVE_SHA256 = TREES_SHA256
    COUNTS = {"train": 6_920, "validation": 872, "test": 1_821}
    FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
    SHA256 = {
        "train.tsv": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
        "dev.tsv": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
        "test.tsv": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
    }

    def features(self) -> Mapping[str, Any]:
        return text_and_label(NEGATIVE_POSITIVE)

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        return {
            split: ({"text": text, "label": label} for text, label in self.labelled(files, split))
            for split in self.COUNTS
        }

    def labelled(self, files: Originals, split: str) -> Iterator[tuple[str, str]]:
        tree_file = f"trees/{PARTS[split]}.txt"
        if files.has(tree_file):
            for grade, sentence in roots(files, tree_file):
                if grade != 2:
                    yield sentence, NEGATIVE_POSITIVE[grade > 2]
            return
        name = self.FILES[split]
        for number, line in enumerate(lines(files.one(name, self.SHA256[name])), 1):
            text, _, label = line.rpartition("\t")
            if label not in ("0", "1"):
                raise ValueError(f"{name}, line {number}: the label is {label!r}; allowed: 0, 1")
            yield text.strip(), NEGATIVE_POSITIVE[int(label)]


class Sst2Phrases(Sst2):
    """The same with the phrases of its training sentences, as GLUE has it: 67,349 / 872 / 1,821."""

    name = "sst2_phrases"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "sentiment-train, sentiment-dev and sentiment-test, a phrase, a tab and a label in each line"
    )
    ARCHIVES = "*glue*"
    URLS: ClassVar[tuple[str, ...]] = ()
    COUNTS = {"train": 67_349, "validation": 872, "test": 1_821}
    FILES = {"train": "sentiment-train", "validation": "sentiment-dev", "test": "sentiment-test"}
    SHA256 = {
        "sentiment-train": "10a92a297ec38e262386e5a2713b4bc70e5d18ced88b7f54bd171a26e5b34ab5",
        "sentiment-dev": "9a6c7403b71a9b762158387afe4431253ae10cdfb2319b5275289f3766f48291",
        "sentiment-test": "4fefd1cd67526cf87ebc7fafc3afc21cc7cfa6ae53b45e74f77f9456e3c62752",
    }


class Imdb(Builder):
    """Large Movie Review Dataset v1.0, its labelled part: 25,000 / 25,000 reviews, the rating of each from 1 to 10."""

    name = "imdb"
    HOMEPAGE = "https://ai.stanford.edu/~amaas/data/sentiment/"
    LICENCE = "none stated; free for research, cite the paper"
    CITATION = """@inproceedings{maas2011learning,
  title = {Learning word vectors for sentiment analysis},
  author = {Maas, Andrew L. and Daly, Raymond E. and Pham, Peter T. and Huang, Dan and Ng, Andrew Y. and
            Potts, Christopher},
  booktitle = {Proceedings of ACL},
  year = {2011}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "aclImdb_v1.tar.gz, or its folder aclImdb"
    ARCHIVES = "aclimdb*"
    URLS: ClassVar[tuple[str, ...]] = ("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",)
    COUNTS = {"train": 25_000, "test": 25_000}
    # neg and pos, and not unsup, which has no labels
    SHA256 = {"aclImdb/*/[np][eo][gs]/*.txt": "b155ae18c4016500d64b7ea091f3f04c4ea9e702ab3bdb2b4aa0effbd4da11c6"}

    def features(self) -> Mapping[str, Any]:
        return {**text_and_label(NEGATIVE_POSITIVE), "rating": tfds.features.Scalar(dtype=np.int32)}

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        # One pass over the archive, whose members come in no order.
        found: dict[str, list[tuple[str, int, Example]]] = {"train": [], "test": []}
        for path, content in files.matching(*next(iter(self.SHA256.items()))):
            match = re.fullmatch(r".*/(train|test)/(neg|pos)/(\d+)_(10|\d)\.txt", path)
            if not match:
                raise ValueError(f"{path} says no split, label and rating; allowed: train/pos/NUMBER_RATING.txt, ...")
            split, label, number, rating = match.groups()
            example = {"text": utf8(content, path), "label": label, "rating": int(rating)}
            found[split].append((label, int(number), example))
        return {
            split: (example for _, _, example in sorted(rows, key=lambda row: row[:2])) for split, rows in found.items()
        }
