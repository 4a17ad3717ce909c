"""Arithmetic read by Python itself, XML by a parser."""

from xml.etree import ElementTree

import numpy as np
import pytest

from sequence_lab.data.generated import GENERATED
from sequence_lab.data.generated.jozefowicz2015 import LETTERS


def texts(dataset):
    arrays = dataset.splits["test"].arrays
    lengths = arrays.get("lengths", np.full(len(arrays["labels"]), arrays["labels"].shape[1]))
    for row, steps in enumerate(lengths):
        ids = [*arrays["inputs"][row, :steps], arrays["labels"][row, steps - 1]]
        assert list(arrays["labels"][row, :steps]) == ids[1:]
        yield row, dataset.vocabulary.decode(ids)


@pytest.mark.parametrize("digits", [1, 3, 8])
def test_results_are_those_of_python_and_alone_count(digits):
    dataset = GENERATED["arithmetic"](digits=digits, num_test=150)
    mask, sizes = dataset.splits["test"].arrays["mask"], set()
    for row, text in texts(dataset):
        task, result = text.removesuffix(".").split("=")
        clean = "".join(character for character in task if character not in LETTERS)
        assert eval(clean) == int(result)
        assert len(text) <= mask.shape[1] + 1 == 7 * digits + 7
        begin = text.index("=")
        assert list(np.flatnonzero(mask[row])) == list(range(begin, len(text) - 1))
        sizes |= {len(number) for number in clean.replace("+", "-").split("-")}
    assert sizes == set(range(1, digits + 1))


def test_xml_is_well_formed_and_its_literal_form_has_empty_documents():
    empty = []
    for literal in (False, True):
        documents = []
        for _, text in texts(GENERATED["xml"](literal=literal, length=300, num_test=60)):
            documents += text.split("\n")[:-1]
        for document in filter(None, documents):
            names = [element.tag for element in ElementTree.fromstring(f"<all>{document}</all>").iter()][1:]
            assert all(2 <= len(name) <= 10 for name in names)
            assert len(names) <= 50
        empty.append(np.mean([not document for document in documents]))
    assert empty[0] == 0
    assert 0.4 < empty[1] < 0.85  # short documents are over-represented among those that end within an example
