"""Time series from a user's files: what they say, in splits, and what is wrong with them in one line."""

import gzip

import numpy as np
import pytest

from sequence_lab.data import Examples, Sequences
from sequence_lab.data.own.series import time_series
from tests.data.own.files_made import ts, write

ALL_TRAINING = {"validation": 0.0, "test": 0.0}


def rows_of(dataset, split="train"):
    """Values and class of every row."""
    arrays = dataset.splits[split].arrays
    return [(arrays["inputs"][i], dataset.classes[arrays["labels"][i]]) for i in range(len(arrays["labels"]))]


def assert_rows(dataset, *expected, split="train"):
    found = rows_of(dataset, split)
    assert [label for _, label in found] == [label for _, label in expected]
    for (values, _), (wanted, _) in zip(found, expected, strict=True):
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, np.array(wanted, np.float32), rtol=1e-6)


def test_ts_of_several_channels_and_unequal_lengths(tmp_path):
    name = write(tmp_path, "a.ts", ts("1,2,3:-1,-2,-3:walk", "", "4,5:6,7:run", dimensions=2))
    dataset = time_series(name, **ALL_TRAINING)
    assert isinstance(dataset.splits["train"], Sequences)
    assert dataset.classes == ("run", "walk")
    assert dataset.facts == {"num_outputs": 2}
    assert_rows(dataset, ([[1, -1], [2, -2], [3, -3]], "walk"), ([[4, 6], [5, 7]], "run"))


def test_ts_of_one_length_is_examples_whatever_its_ends_of_lines(tmp_path):
    content = ts("1,2:walk", "3,4:run")
    plain = time_series(write(tmp_path, "a.ts", content), **ALL_TRAINING)
    assert isinstance(plain.splits["train"], Examples)
    assert_rows(plain, ([[1], [2]], "walk"), ([[3], [4]], "run"))
    windows = write(tmp_path, "b.ts", b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"\r\n")
    packed = write(tmp_path, "c.ts.gz", gzip.compress(content))
    for name in (windows, packed):
        assert_rows(time_series(name, **ALL_TRAINING), ([[1], [2]], "walk"), ([[3], [4]], "run"))


def test_missing_values_lie_on_a_line_between_their_neighbours(tmp_path):
    name = write(tmp_path, "a.ts", ts("?,1,?,?,4,NaN:?,?,?,?,?,?:walk", "1,2:3,?:run", dimensions=2))
    first, second = (values for values, _ in rows_of(time_series(name, **ALL_TRAINING)))
    np.testing.assert_allclose(first.T, [[1, 1, 2, 3, 4, 4], [0] * 6])
    np.testing.assert_allclose(second.T, [[1, 2], [3, 3]])


UNIVARIATE = """% a comment
@RELATION made

@ATTRIBUTE att1 numeric
@attribute 'att 2' REAL
@attribute att3 numeric
@attribute target {1, 2}

@DATA
1,?,3,2
% another
4,5,?,1
"""
MULTIVARIATE = r"""@relation 'made'
@attribute relationalAtt relational
@attribute att0 numeric
@attribute att1 numeric
@end relationalAtt
@attribute activity {Standing,Running}
@data
'1,2\n3,4\n5,6',Standing
"7,8\n9,10\n11,?",Running
"""


def test_arff_of_one_channel_and_of_several(tmp_path):
    one = time_series(write(tmp_path, "a.arff", UNIVARIATE), **ALL_TRAINING)
    assert_rows(one, ([[1], [2], [3]], "2"), ([[4], [5]], "1"))
    several = time_series(write(tmp_path, "b.arff", MULTIVARIATE), **ALL_TRAINING)
    assert_rows(several, ([[1, 3, 5], [2, 4, 6]], "Standing"), ([[7, 9, 11], [8, 10, 11]], "Running"))
    assert isinstance(several.splits["train"], Examples)


def test_a_table_with_a_series_a_row(tmp_path):
    expected = ([[0.5], [-2], [3]], "1"), ([[4], [5]], "2")
    for name, content in (
        ("a.tsv", "1\t0.5\t-2\t3\n2\t4\t5\tNaN\n"),  # as the UCR archive pads
        ("b.csv", "1,0.5,-2,3\r\n2,4,5\r\n"),
        ("c.csv", 'class,"t0",t1,t2\n1,0.5,-2,3\n2,4,5,\n'),
        ("d.csv", ",0,1,2\n1,0.5,-2,3\n\n2,4,5,\n"),  # as pandas writes it
    ):
        assert_rows(time_series(write(tmp_path, name, content), **ALL_TRAINING), *expected)


def test_a_first_row_that_counts_is_a_series(tmp_path):
    name = write(tmp_path, "a.csv", ["up,0,1,2", "side,1,2,3", "down,3,2,1"])
    assert len(time_series(name, **ALL_TRAINING).splits["train"]) == 3


STEPS = ["id,y,who,ax,ay,t", "a,up,s1,1,2,0", "a,up,s1,3,4,1", "b,down,s2,5,6,0", "c,up,s1,7,8,0"]


def test_a_table_with_a_step_a_row(tmp_path):
    name = write(tmp_path, "a.csv", STEPS)
    options = {"id": "id", "label": "y", **ALL_TRAINING}
    chosen = time_series(name, **options, channels="ay, ax")
    assert_rows(chosen, ([[2, 1], [4, 3]], "up"), ([[6, 5]], "down"), ([[8, 7]], "up"))
    every = time_series(name, **options, group="who")
    assert_rows(every, ([[1, 2, 0], [3, 4, 1]], "up"), ([[5, 6, 0]], "down"), ([[7, 8, 0]], "up"))


def test_a_file_is_a_series_where_no_column_names_it(tmp_path):
    for number in range(3):
        rows = ["y,x", *(f"{'ab'[number % 2]},{number + step}" for step in range(number + 1))]
        write(tmp_path, f"{number}.csv", rows)
    dataset = time_series(str(tmp_path / "*.csv"), label="y", **ALL_TRAINING)
    assert_rows(dataset, ([[0]], "a"), ([[1], [2]], "b"), ([[2], [3], [4]], "a"))


def test_subjects_stay_together(tmp_path):
    rows = [f"r{row},{'ab'[row % 2]},s{row // 4},{row}" for row in range(40)]
    name = write(tmp_path, "a.csv", ["id,y,who,x", *rows])
    dataset = time_series(name, id="id", label="y", group="who", validation=0.25, test=0.2)
    subjects = {
        split: {int(value) // 4 for value in examples.arrays["inputs"].ravel()}
        for split, examples in dataset.splits.items()
    }
    assert {split: len(found) for split, found in subjects.items()} == {"train": 6, "validation": 2, "test": 2}
    assert len(set.union(*subjects.values())) == 10
    assert {split: len(examples) for split, examples in dataset.splits.items()} == {
        "train": 24, "validation": 8, "test": 8,
    }  # fmt: skip


def test_folds_test_every_row_once(tmp_path):
    name = write(tmp_path, "a.csv", [f"{'ab'[row % 2]},{row},{row}" for row in range(12)])
    tested = [time_series(name, folds=3, fold=fold).splits["test"].arrays["inputs"][:, 0, 0] for fold in range(3)]
    assert [len(found) for found in tested] == [4, 4, 4]
    assert sorted(np.concatenate(tested)) == list(range(12))


def test_splits_by_files_and_the_others_drawn(tmp_path):
    train = write(tmp_path, "train.csv", [f"{'ab'[row % 2]},{row}" for row in range(20)])
    test = write(tmp_path, "test.csv", ["b,100", "a,101"])
    validation = write(tmp_path, "validation.csv", ["a,200"])
    dataset = time_series(train, test_files=test, validation=0.2)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 16, "validation": 4, "test": 2}
    assert_rows(dataset, ([[100]], "b"), ([[101]], "a"), split="test")
    given = time_series(train, validation_files=validation, test_files=test)
    assert {split: len(rows) for split, rows in given.splits.items()} == {"train": 20, "validation": 1, "test": 2}


def test_splits_by_a_column(tmp_path):
    rows = ["id,y,part,x", "1,a,train,1", "2,b,train,2", "3,b,test,3", "4,a,validation,4"]
    dataset = time_series(write(tmp_path, "a.csv", rows), id="id", label="y", split="part")
    assert_rows(dataset, ([[1]], "a"), ([[2]], "b"))
    assert_rows(dataset, ([[3]], "b"), split="test")
    assert_rows(dataset, ([[4]], "a"), split="validation")


def test_validation_is_drawn_from_the_rows_of_training(tmp_path):
    rows = [f"{row},{'ab'[row % 2]},{'test' if row < 8 else 'train'},{row}" for row in range(20)]
    name = write(tmp_path, "a.csv", ["id,y,part,x", *rows])
    dataset = time_series(name, id="id", label="y", split="part", validation=0.25)
    found = {split: set(examples.arrays["inputs"].ravel()) for split, examples in dataset.splits.items()}
    assert found["test"] == set(range(8))
    assert found["train"] | found["validation"] == set(range(8, 20))
    assert len(found["validation"]) == 3


def test_channels_are_normalized_by_training_alone(tmp_path):
    random = np.random.default_rng(0)
    values = random.normal([5, -3, 2], [3, 0.1, 0], (40, 3))
    rows = [f"{row // 2},{'ab'[row // 2 % 2]},{','.join(map(str, own))}" for row, own in enumerate(values)]
    train = write(tmp_path, "a.csv", ["id,y,p,q,r", *rows])
    test = write(tmp_path, "b.csv", ["id,y,p,q,r", "t1,a,5000,5000,2"])
    options = {"id": "id", "label": "y", "test_files": test, "validation": 0.0}
    raw, dataset = time_series(train, **options), time_series(train, **options, normalize=True)
    found = dataset.splits["train"].arrays["inputs"].values
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0], atol=1e-5)
    steps = raw.splits["train"].arrays["inputs"].values
    expected = (5000 - steps[:, 0].mean()) / steps[:, 0].std()
    np.testing.assert_allclose(dataset.splits["test"].arrays["inputs"].values[0, 0], expected, rtol=1e-4)


SEVERAL = {"id": "id", "label": "y"}


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("a.ts", ts("1,2:walk").replace(b"timeStamps false", b"timeStamps true"), {}, r"a\.ts has @timeStamps true"),
        ("a.ts", ts("1,2:walk").replace(b"classLabel true", b"targetLabel true"), {}, r"a\.ts has no @classLabel true"),
        ("a.ts", ts("1:walk", "1:fly"), {}, r"a\.ts, line 11: the class is 'fly'; allowed: .*walk, run"),
        ("a.ts", ts("1:2:walk"), {}, r"a\.ts, line 10 has 2 channels; allowed: 1"),
        ("a.ts", ts("1,2:2:walk", dimensions=2), {}, r"line 10 has channels of \[1, 2\] values"),
        ("a.ts", ts("1,x:walk"), {}, r"a\.ts, line 10, value 2 is 'x'; allowed: a number"),
        ("a.ts", ts("1,nan:walk", missing="false"), {}, r"a\.ts, line 10, value 2 is 'nan'; allowed: a number"),
        ("a.ts", ts("1,inf:walk"), {}, r"a\.ts, line 10, value 2 is 'inf'; allowed: a number"),
        ("a.ts", b"1,2:walk\n", {}, r"a\.ts, line 1 is '1,2:walk'; allowed: a line that begins with @"),
        (
            "a.ts", ts("1,2:walk").replace(b"equalLength false", b"equalLength true\n@seriesLength 3"), {},
            r"a\.ts, line 11 has 2 values; allowed: 3, as @seriesLength says",
        ),
        ("a.ts", ts(), {}, r"a\.ts has no series"),
        ("a.ts", ts("1:walk", "2:walk"), {}, "one class 'walk'; allowed: two or more"),
        ("a.arff", UNIVARIATE.replace("{1, 2}", "numeric"), {}, r"a\.arff has attributes numeric, REAL, numeric"),
        ("a.arff", UNIVARIATE.replace("1,?,3,2", "1,3,2"), {}, r"a\.arff, line 10 has 2 values; allowed: 3"),
        ("a.arff", UNIVARIATE.replace("4,5,?,1", "4,5,6,7"), {}, r"a\.arff, line 12: the class is '7'; allowed: 1, 2"),
        ("a.arff", UNIVARIATE.replace("4,5,?,1", "4,b,6,1"), {}, r"a\.arff, line 12, value 2 is 'b'"),
        ("a.arff", UNIVARIATE.replace("@DATA", ""), {}, r"a\.arff has no line @data"),
        ("a.arff", UNIVARIATE.replace("4,5,?,1", "?,?,?,1"), {}, r"a\.arff, line 12 has no values"),
        ("a.arff", MULTIVARIATE.replace("'", ""), {}, r"a\.arff, line 8 is '1,2"),
        ("a.csv", "a,1,2\nb,1,nan,3\n", {}, r"a\.csv, line 2, value 2 is 'nan'; allowed: a number"),
        ("a.csv", "a,1,2\nb,1,oops\n", {}, r"a\.csv, line 2, value 2 is 'oops'; allowed: a number"),
        ("a.csv", "a,1,2\nb\n", {}, r"a\.csv, line 2 has no values"),
        ("a.csv", "a,1,2\n,3,4\n", {}, r"a\.csv, line 2 has no class"),
        ("a.csv", "", {}, r"a\.csv has no series"),
        ("a.csv", ["id,y,x", "1,a,1", "1,a,nan"], SEVERAL, r"a\.csv, line 3, x is 'nan'; allowed: a number"),
        ("a.csv", ["id,y,x", "1,a,1", "2,b,1", "1,a,1"], SEVERAL, r"a\.csv, line 4, series '1': .* and .*csv, line 2"),
        ("a, series 7.csv", ["id,y,x", "1,a,1", "2,b,1", "1,a,1"], SEVERAL, r"line 4, series '1': it is there twice"),
        ("a.csv", ["id,y,x", "1,a,1", "1,b,1"], SEVERAL, r"a\.csv, line 3, y is 'b'; allowed: 'a', all along"),
        ("a.csv", ["id,y,x", "1,a,1", "2,a"], SEVERAL, r"a\.csv, line 3 has 2 columns; allowed: 3"),
        ("a.csv", ["id,x", "1,1"], SEVERAL, r"a\.csv has 0 columns 'y'; allowed: one, id, x"),
        ("a.csv", ["id,y", "1,a"], SEVERAL, r"a\.csv has the channels none"),
        ("a.csv", ["id,y,x", "1,a,1"], {"id": "id"}, r"dataset\.label is ''; allowed: a column"),
        ("a.csv", ["id,y,s,x", "1,a,dev,1"], {**SEVERAL, "split": "s"}, r"the split is 'dev'; allowed: train"),
        ("a.csv", ["id,y,s,x", "1,a,test,1"], {**SEVERAL, "split": "s"}, r"the splits of the rows are test"),
        ("a.csv", b'a,"1\nb,2', {}, r"a\.csv, line 2: unexpected end of data"),
        ("a.ts", ts("1:walk"), {"label": "y"}, r"a\.ts has no columns with names"),
        ("a.txt", "1 2\n", {}, r"a\.txt ends in '\.txt'; allowed: \.ts, \.arff, \.csv, \.tsv"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, name, content, options, said):
    with pytest.raises(ValueError, match=said) as caught:
        time_series(write(tmp_path, name, content), **{**ALL_TRAINING, **options})
    assert "\n" not in str(caught.value)


def test_files_that_do_not_go_together(tmp_path):
    one = write(tmp_path, "one.csv", ["a,1", "b,2"])
    two = write(tmp_path, "two.ts", ts("1:2:walk", dimensions=2))
    other = write(tmp_path, "other.csv", ["c,1"])
    with pytest.raises(ValueError, match=r"two\.ts, line 10 has 2 channels; allowed: 1, as .*one\.csv, line 1"):
        time_series(f"{one},{two}")
    with pytest.raises(ValueError, match=r"other\.csv, line 1: the class is 'c'; allowed: those of training: a, b"):
        time_series(one, test_files=other, validation=0.0)
    with pytest.raises(ValueError, match=r"dataset\.test_files names .*one\.csv again"):
        time_series(one, test_files=one)
    with pytest.raises(ValueError, match=r"dataset\.test_files names 'nowhere\.csv', which is not there"):
        time_series(one, test_files="nowhere.csv")
    with pytest.raises(ValueError, match=r"dataset\.folds is 2 and a test split is given"):
        time_series(one, test_files=other, folds=2)
