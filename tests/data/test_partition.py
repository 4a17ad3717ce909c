"""Partitions: every row in one split, classes in proportion, groups together, the same every time."""

import numpy as np
import pytest

from sequence_lab.data.partition import Partition, partition

LABELS = np.repeat([0, 1, 2], [50, 30, 20])


def test_shares_are_apart_whole_and_in_proportion():
    found = partition(Partition(validation=0.25, test=0.2), LABELS)
    assert sorted(np.concatenate(list(found.values()))) == list(range(100))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 60, "validation": 20, "test": 20}
    for rows in found.values():
        assert (np.diff(rows) > 0).all()
        share = np.bincount(LABELS[rows], minlength=3) / len(rows)
        np.testing.assert_allclose(share, [0.5, 0.3, 0.2], atol=0.06)


def test_every_row_is_tested_in_one_of_the_folds():
    folds = [partition(Partition(folds=7, fold=fold), LABELS) for fold in range(7)]
    assert sorted(np.concatenate([found["test"] for found in folds])) == list(range(100))
    for found in folds:
        assert 14 <= len(found["test"]) <= 15
        assert sum(map(len, found.values())) == 100


def test_groups_stay_together():
    groups = np.random.default_rng(0).integers(0, 13, 200)
    found = partition(Partition(validation=0.2, test=0.3), groups=groups)
    own = {split: set(groups[rows]) for split, rows in found.items()}
    assert {split: len(names) for split, names in own.items()} == {"train": 7, "validation": 2, "test": 4}
    assert len(set.union(*own.values())) == 13
    assert sum(map(len, found.values())) == 200


def test_it_is_the_same_every_time_and_another_with_another_seed():
    one, again, other = (partition(Partition(seed=seed), LABELS) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one["test"], again["test"])
    assert (one["test"] != other["test"]).any()


@pytest.mark.parametrize("how", [Partition(folds=5), Partition(validation=0.3, test=0.5)])
def test_every_class_is_trained_on_and_tested_in_folds_if_it_has_two_rows(how):
    labels = np.repeat(["common", "few", "pair", "rare"], [40, 3, 2, 1])
    tested = []
    for fold in range(max(1, how.folds)):
        for seed in range(20):
            found = partition(how._replace(fold=fold, seed=seed), labels)
            assert sorted(np.concatenate(list(found.values()))) == list(range(46))
            assert set(labels[found["train"]]) == set(labels)
            tested += [row for row in found["test"].tolist() if seed == 0]
    if how.folds:
        assert sorted(tested) == list(range(45))


def test_classes_of_one_row_each_are_parted_all_the_same():
    found = partition(Partition(validation=0.25, test=0.2), np.arange(10))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 6, "validation": 2, "test": 2}


def test_a_split_without_rows_is_none():
    assert set(partition(Partition(validation=0, test=0), LABELS)) == {"train"}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Partition(folds=1), "folds is 1 and fold is 0; allowed: 0, or 2 or more"),
        (Partition(folds=3, fold=3), "folds is 3 and fold is 3"),
        (Partition(test=1.0), "test is 1.0; allowed: 0 or more, below 1"),
        (Partition(validation=-0.1), "validation is -0.1"),
        (Partition(test=0.999), "test is 0.999, all of 100 rows; allowed: 0, or what takes one or more and leaves"),
        (Partition(test=0.004), "test is 0.004, none of 100 rows; allowed: 0, or what"),
        (Partition(validation=0.005, test=0.1), "validation is 0.005, none of 90 rows"),
    ],
)
def test_what_cannot_be_is_refused(how, said):
    with pytest.raises(ValueError, match=said):
        partition(how, LABELS)


@pytest.mark.parametrize(
    ("how", "groups", "said"),
    [
        (
            Partition(),
            "a" * 9,
            "test is 0.1, none of 1 group; allowed: 0, or what takes .* one or more$",
        ),
        (Partition(test=0.4), "abc", "validation is 0.1, none of 2 groups"),
        (Partition(validation=0, folds=5, fold=3), "abc", "fold is 3 of 5, none of 3 groups"),
        (Partition(validation=0, test=0.9), "a", "test is 0.9, all of 1 group"),
    ],
)
def test_groups_that_are_too_few_are_refused(how, groups, said):
    with pytest.raises(ValueError, match=said):
        partition(how, groups=np.array(list(groups)))
