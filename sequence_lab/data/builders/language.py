"""Texts for language models, a line an example."""

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow_datasets as tfds

from sequence_lab.data.builders.base import Builder, Example, lines
from sequence_lab.data.originals import Originals

PARTS = {"train": "train", "validation": "valid", "test": "test"}


class Ptb(Builder):
    """Penn Treebank as Mikolov prepared it: 42,068 / 3,370 / 3,761 lines, 10,000 words with the end of a line."""

    name = "ptb"
    HOMEPAGE = "http://www.fit.vutbr.cz/~imikolov/rnnlm/"
    LICENCE = "the text is LDC's (LDC99T42); distributed for research with the RNNLM toolkit"
    CITATION = """@inproceedings{mikolov2010recurrent,
  title = {Recurrent neural network based language model},
  author = {Mikolov, Tom{\\'a}{\\v s} and Karafi{\\'a}t, Martin and Burget, Luk{\\'a}{\\v s} and {\\v C}ernock{\\'y},
            Jan and Khudanpur, Sanjeev},
  booktitle = {Proceedings of Interspeech},
  year = {2010}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "ptb.train.txt, ptb.valid.txt and ptb.test.txt, or simple-examples.tgz, which has them"
    )
    ARCHIVES = "*simple-examples*"
    URLS = ("http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz",)
    COUNTS = {"train": 42_068, "validation": 3_370, "test": 3_761}
    SHA256 = {
        "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
        "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
    }

    def features(self) -> Mapping[str, Any]:
        return {"text": tfds.features.Text()}

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        texts = {split: files.one(f"ptb.{part}.txt", self.SHA256[part]) for split, part in PARTS.items()}
        return {split: ({"text": line.strip()} for line in lines(text)) for split, text in texts.items()}


class Wikitext2(Builder):
    """WikiText-2, tokens: 36,718 / 3,760 / 4,358 lines; without its training part where that is not at hand."""

    name = "wikitext2"
    HOMEPAGE = "https://www.salesforce.com/blog/the-wikitext-long-term-dependency-language-modeling-dataset/"
    LICENCE = "CC BY-SA 3.0"
    CITATION = """@article{merity2016pointer,
  title = {Pointer sentinel mixture models},
  author = {Merity, Stephen and Xiong, Caiming and Bradbury, James and Socher, Richard},
  journal = {arXiv:1609.07843},
  year = {2016}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "wiki.train.tokens, wiki.valid.tokens and wiki.test.tokens, or wikitext-2-v1.zip"
    ARCHIVES = "*wikitext-2-v1*"
    COUNTS = {"train": 36_718, "validation": 3_760, "test": 4_358}
    LATER = {"train": "wiki.train.tokens"}
    SHA256 = {
        "train": "2d84b35af79e411d73ea7cae83c73964c6ac83b4",  # git's name for it
        "valid": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        "test": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    }

    def features(self) -> Mapping[str, Any]:
        return {"text": tfds.features.Text()}

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        here = {s: part for s, part in PARTS.items() if s not in self.LATER or files.has(self.LATER[s])}
        texts = {split: files.one(f"wiki.{part}.tokens", self.SHA256[part]) for split, part in here.items()}
        return {split: ({"text": line.strip()} for line in lines(text)) for split, text in texts.items()}
