"""Preparing sets by name, and looking at what a config's set holds."""

import numpy as np
import pytest

from sequence_lab import experiment, preparation
from sequence_lab.data import DATASETS, Dataset, Examples, Ragged, Sequences, Vocabulary, inspection, store
from sequence_lab.schema import Refused
from tests.data.conftest import original  # noqa: F401 (a fixture)
from tests.data.originals_made import MADE


def test_named_sets_are_prepared_and_counted(original):  # noqa: F811
    for name in ("ptb", "sst2"):
        folder = original(name, MADE[name]())
    said = []
    preparation.prepare(["ptb", "sst2"], folder, said.append)
    assert "| ptb      |" in said[0]
    assert "test 2, train 2, validation 2" in said[0]
    assert str(store.data_dir()) in said[1]
    said.clear()
    preparation.prepare(["all"], folder, said.append)
    assert any(line.startswith("mnist is left out: train-images-idx3-ubyte is not in") for line in said)
    assert "sst2" in said[-2]


def test_of_all_sets_one_with_a_broken_file_does_not_stop_those_after_it(original):  # noqa: F811
    for name in ("piano_midi", "ptb", "spoken_digits"):
        made = MADE[name]()
        folder = original(name, made._replace(files={"Piano-midi.de.pickle": b""}) if name == "piano_midi" else made)
    said = []
    with pytest.raises(Refused, match=r"piano_midi: Piano-midi.de.pickle cannot be read: EOFError"):
        preparation.prepare(["all"], folder, said.append)
    assert "| ptb           |" in said[-2]
    assert "| spoken_digits |" in said[-2]


@pytest.mark.parametrize(
    ("names", "folder", "said"),
    [
        (["ptbb"], None, r"--datasets is 'ptbb' \(did you mean ptb\?\); allowed: all, "),
        (["digits"], None, "data set digits needs no preparing; allowed: ami_excerpts, "),
        (["ptb"], "nowhere", "--manual_dir is 'nowhere'; allowed: a folder that is there"),
    ],
)
def test_what_cannot_be_prepared_is_refused(names, folder, said):
    with pytest.raises(Refused, match=said):
        preparation.prepare(names, folder)


def inspected(dataset, tmp_path):
    config, said = experiment.default_config(), []
    config.name = "look"
    config.dataset_name, config.model_name = "own", "recurrent_classifier"
    config.objectives = {"own": {"name": "classification"}}
    config.training.batch_size = 2
    preparation.inspect(config, tmp_path, datasets={"own": lambda: dataset}, say=said.append)
    return "\n".join(said)


def test_rows_of_different_lengths_are_inspected(tmp_path):
    def split(*rows):
        labels = np.arange(len(rows), dtype=np.int32) % 2
        return Sequences({"inputs": Ragged.of([np.array(row, np.float32) for row in rows]), "labels": labels})

    splits = {"test": split([1, 2], [7, 7, 7]), "train": split([1, 2], [5], [5]), "validation": split([9, 9, 9, 9])}
    text = inspected(Dataset(splits, {"num_outputs": 2}, classes=("no", "yes")), tmp_path)
    assert "1 rows of train repeat an earlier one" in text
    assert "1 rows of test in train, too" in text
    assert "0 rows of validation in train, too" in text
    assert "rows are padded to 1, 2, 3, 4 steps" in text
    assert "yes: [1] from 5 to 5, mean 5" in text
    assert [cell.strip() for cell in next(s for s in text.splitlines() if s.startswith("| no")).split("|")][2:5] == [
        "1", "2", "1",
    ]  # fmt: skip
    assert (tmp_path / "lengths.png").stat().st_size > 1000


def test_rows_of_one_shape_and_texts_are_inspected(tmp_path):
    splits = {
        name: Examples({"inputs": np.ones((3, 2)), "labels": np.ones((3, 1))}) for name in ("train", "validation")
    }
    text = inspected(Dataset(splits, {"num_outputs": 1}), tmp_path)
    assert "2 rows of train repeat an earlier one" in text
    assert "[1.]: [2] from 1 to 1, mean 1" in text
    config, said = experiment.default_config(), []
    config.name, config.dataset_name, config.model_name = "look", "python_docs", "recurrent_language_model"
    config.objectives = {"own": {"name": "language_modelling"}}
    preparation.inspect(config, tmp_path, say=said.append)
    assert "vocabulary of " in said[0]
    assert "Assignment statements" in said[0]
    assert not (tmp_path / "lengths.png").exists()


def test_words_that_are_not_in_the_vocabulary_are_counted_and_equal_no_others(tmp_path):
    known = [f"good film,{label},{split}" for label in "yn" for split in ("train", "train", "validation")]
    lines = ["text,label,split", *known, "odd film,y,test", "rare film,n,test", "good film,y,test"]
    (tmp_path / "films.csv").write_text("\n".join(lines))
    dataset = DATASETS["text_table"](str(tmp_path / "films.csv"), split="split")
    text = inspected(dataset, tmp_path)
    assert "not in the vocabulary: 0.0% of train, 0.0% of validation, 33.3% of test" in text
    assert "0 rows of test repeat an earlier one" in text
    assert "1 rows of test in train, too" in text


WORDS = [f"w{number}" for number in range(30)]
TEXTS = {
    "text_table": ("t.csv", lambda row: f"{' '.join(row)},{'yn'[len(row) % 2]},{{}}", "text,label,split"),
    "text_pairs": ("t.tsv", lambda row: f"{' '.join(row[:2])}\t{' '.join(row[2:])}", None),
    "columns": ("t.txt", lambda row: "".join(f"{word} {'AB'[len(word) % 2]}\n" for word in row), None),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("options", [{}, {"min_count": 3}, {"vocabulary_size": 6}, {"max_length": 2}])
def test_texts_that_occur_again_are_found_whatever_the_vocabulary_leaves_of_them(tmp_path, kind, options):
    if kind == "columns" and "max_length" in options:
        pytest.skip("it has no such option")
    random, (file, line, heading) = np.random.default_rng(0), TEXTS[kind]

    def drawn(count):
        return [tuple(random.choice(WORDS, random.integers(3, 5))) for _ in range(count)]

    train = drawn(20)
    rows = {"train": train + train[:4] + drawn(9), "validation": drawn(8), "test": train[5:12] + drawn(5) + train[5:6]}
    if heading:
        every = [line(row).format(split) for split, own in rows.items() for row in own]
        (tmp_path / file).write_text("\n".join([heading, *every]))
        dataset = DATASETS[kind](str(tmp_path / file), split="split", **options)
    else:
        files = {}
        for split, own in rows.items():
            files[split] = tmp_path / f"{split}_{file}"
            files[split].write_text("\n".join(map(line, own)))
        parts = (str(files[split]) for split in ("train", "validation", "test"))
        dataset = DATASETS[kind](*parts, **options)
    found = inspection.repeats(dataset)
    assert found.within == {split: len(own) - len(set(own)) for split, own in rows.items()}
    names = [("validation", "train"), ("test", "train"), ("test", "validation")]
    assert found.across == {f"{a} in {b}": sum(row in rows[b] for row in rows[a]) for a, b in names}
    assert found.across["test in train"] >= 8
    assert found.left_out == {}
    assert inspection.repeats(dataset.bucketed(3)) == found


def test_capitals_and_blanks_make_no_other_text_where_they_count_for_nothing(tmp_path):
    rows = ["a  B c,y,train", "d e,n,train", "f,y,validation", "A b C,y,test", "D  e,n,test", "a bc,y,test"]
    (tmp_path / "t.csv").write_text("\n".join(["text,label,split", *rows]))
    for lower_case, count in ((True, 2), (False, 0)):
        dataset = DATASETS["text_table"](str(tmp_path / "t.csv"), split="split", lower_case=lower_case)
        assert inspection.repeats(dataset).across["test in train"] == count


def test_rows_that_could_not_be_compared_are_counted(tmp_path):
    vocabulary = Vocabulary.of("abc")

    def split(*texts):
        return Sequences(
            {"inputs": Ragged.of([vocabulary.encode(text) for text in texts]), "labels": np.zeros(len(texts))}
        )

    splits = {"train": split("ab", "ca", "ab"), "validation": split("cc"), "test": split("ax", "ay", "ca")}
    text = inspected(Dataset(splits, {"num_outputs": 1}, vocabulary), tmp_path)
    assert "2 rows of test have a token that is not in the vocabulary, and were compared with none" in text
    assert "rows of train have a token" not in text
    assert "1 rows of test in train, too" in text
