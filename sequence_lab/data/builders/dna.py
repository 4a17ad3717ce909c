"""Pieces of DNA with a class each."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow_datasets as tfds

from sequence_lab.data import fasta_format
from sequence_lab.data.builders.base import Builder, Example, lines
from sequence_lab.data.originals import Originals


class DnaEnhancers(Builder):
    """Human enhancers and their strength: 2,968 pieces of 200 bases to train on ("benchmark"), 400 "independent" ones.

    As published, all 100 strong enhancers of the independent set are in the benchmark, too. Sequences are in capitals.
    """

    name = "dna_enhancers"
    HOMEPAGE = "https://academic.oup.com/bioinformatics/article/32/3/362/1744288"
    LICENCE = "none stated; derived from public data of ENCODE and UCSC, published as supplements of articles"
    CITATION = """@article{liu2016ienhancer,
  title = {{iEnhancer-2L}: a two-layer predictor for identifying enhancers and their strength by pseudo k-tuple
           nucleotide composition},
  author = {Liu, Bin and Fang, Longyun and Long, Ren and Lan, Xun and Chou, Kuo-Chen},
  journal = {Bioinformatics},
  year = {2016}
}
@article{liu2018ienhancer,
  title = {{iEnhancer-EL}: identifying enhancers and their strength with ensemble learning approach},
  author = {Liu, Bin and Li, Kai and Huang, De-Shuang and Chou, Kuo-Chen},
  journal = {Bioinformatics},
  year = {2018}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "B_ and I_ StrongEnhancer.txt, WeakEnhancer.txt and NonEnhancer.txt, FASTA"
    ARCHIVES = "*enhancer*"
    COUNTS = {"benchmark": 2_968, "independent": 400}
    CLASSES = ("none", "weak", "strong")
    NAMES = {"none": "NonEnhancer", "weak": "WeakEnhancer", "strong": "StrongEnhancer"}
    SHA256 = {
        "B_NonEnhancer.txt": "150dbb52b489e263f43aadba03118e9dd3bf2bdcd598e3fea0aa7cddec1bc825",
        "B_WeakEnhancer.txt": "33ba47e6566b5b2ca70e80c108b83e53fe7c9d85ff8e0e6b2ae90c76e32ea13c",
        "B_StrongEnhancer.txt": "366326bd1759d642c755ac0491bd13d741ec766d101fb704bf72ebb03ae4bfec",
        "I_NonEnhancer.txt": "18ffbfc1a61b1107dfd041c817df12c24344cf0cc1020a94c34d6ec94ffb0280",
        "I_WeakEnhancer.txt": "dfa803e39b82f340a88302bccccf63cc009531c75f73875f6fdd41dcdbb16f5c",
        "I_StrongEnhancer.txt": "e4a2ae6ca861bdfba7230c6b3224bd7fc20e9c0030418270a6d73565068ceea0",
    }

    def features(self) -> Mapping[str, Any]:
        return {
            "sequence": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=list(self.CLASSES)),
            "id": tfds.features.Text(),
        }

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        def every(letter: str) -> Iterator[Example]:
            for label in self.CLASSES:
                name = f"{letter}_{self.NAMES[label]}.txt"
                for header, sequence in fasta_format.records(lines(files.one(name, self.SHA256[name])), name):
                    if other := set(sequence) - set("ACGT"):
                        raise ValueError(f"{name}, record {header!r} has {min(other)!r}; allowed: A, C, G, T")
                    yield {"sequence": sequence, "label": label, "id": header}

        return {"benchmark": every("B"), "independent": every("I")}
