"""Scores of a whole split: scikit-learn's values, and intervals that cover what they should."""

import math

import numpy as np
import pytest
from scipy import signal, stats
from sklearn import metrics

from sequence_lab.analysis import scores
from sequence_lab.analysis.scores import confusion, of_classes, of_labels, of_text

RANDOM = np.random.default_rng(0)


def drawn(rows, classes, signal=1.0, random=RANDOM):
    labels = random.integers(0, classes, rows)
    return random.normal(size=(rows, classes)) + signal * np.eye(classes)[labels], labels


@pytest.mark.parametrize("classes", [2, 5])
def test_values_are_those_of_scikit_learn(classes):
    logits, labels = drawn(60, classes)
    found = {name: score.value for name, score in of_classes(logits, labels).items()}
    said = logits.argmax(-1)
    expected = {
        "accuracy": metrics.accuracy_score(labels, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, said),
        "macro_f1": metrics.f1_score(labels, said, average="macro"),
        "mcc": metrics.matthews_corrcoef(labels, said),
    }
    if classes == 2:
        chances = np.exp(logits[:, 1]) / np.exp(logits).sum(-1)
        expected |= {
            "sensitivity": metrics.recall_score(labels, said),
            "specificity": metrics.recall_score(labels, said, pos_label=0),
            "auc": metrics.roc_auc_score(labels, chances),
            "auprc": metrics.average_precision_score(labels, chances),
        }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(confusion(logits, labels), metrics.confusion_matrix(labels, said))


@pytest.mark.parametrize("name", ["accuracy", "mcc", "auc", "auprc", "specificity"])
def test_intervals_cover_the_true_value_about_95_times_in_100(name, monkeypatch):
    monkeypatch.setattr(scores, "DRAWS", 400)
    random = np.random.default_rng(1)
    truth = of_classes(*drawn(200_000, 2, random=random))[name].value
    found = [of_classes(*drawn(150, 2, random=random))[name] for _ in range(100)]
    assert 88 <= sum(score.low <= truth <= score.high for score in found) <= 100
    assert np.mean([score.high - score.low for score in found]) < 0.35


@pytest.mark.parametrize("right", [(0, 0), (3, 0), (17, 9), (20, 11)])
def test_intervals_of_shares_are_those_of_wilson_also_where_none_or_all_are_right(right):
    labels = np.repeat([0, 1], (20, 11))
    said = np.where(np.r_[:20, :11] < np.repeat(right, (20, 11)), labels, 1 - labels)
    found = of_classes(np.eye(2)[said], labels)
    counts = {"accuracy": (sum(right), 31), "specificity": (right[0], 20), "sensitivity": (right[1], 11)}
    for name, (hits, rows) in counts.items():
        expected = stats.binomtest(hits, rows).proportion_ci(0.95, "wilson")
        np.testing.assert_allclose(found[name], (hits / rows, expected.low, expected.high), atol=1e-4)
    assert math.isnan(of_classes(np.eye(2)[[0, 0]], np.zeros(2, int))["sensitivity"].low)


def test_intervals_of_texts_cover_the_true_value_though_symbols_are_as_hard_as_those_around_them(monkeypatch):
    """Of bits that follow those before by 0.98: with symbols drawn one by one the interval would hold 16 in 100."""
    monkeypatch.setattr(scores, "DRAWS", 400)
    random, inside = np.random.default_rng(1), dict.fromkeys(("bits_per_symbol", "perplexity"), 0)
    truth = {"bits_per_symbol": 7.0, "perplexity": 2.0**7}
    for _ in range(200):
        start = random.normal(size=1)  # the bits' deviation is 1 from the first one on
        noise = math.sqrt(1 - 0.98**2) * random.normal(size=40_500)
        bits = 7 + signal.lfilter([1.0], [1.0, -0.98], noise, zi=0.98 * start)[0]
        for name, score in of_text(2.0**-bits).items():
            inside[name] += score.low <= truth[name] <= score.high
            assert score.low < score.value < score.high
    assert inside["bits_per_symbol"] == inside["perplexity"]
    assert 180 <= inside["perplexity"] <= 198


def test_a_text_is_as_hard_as_its_mean_says_and_a_short_one_has_no_interval():
    probs = np.random.default_rng(1).uniform(0.01, 1, 19_999)
    found = of_text(probs)
    assert found["perplexity"].value == pytest.approx(np.exp(-np.log(probs).mean()))
    assert found["bits_per_symbol"].value == pytest.approx(np.log2(found["perplexity"].value))
    assert math.isnan(found["perplexity"].low)
    assert not math.isnan(of_text(np.append(probs, 0.5))["perplexity"].low)


def steps(sequences, random):
    """Labels and logits of sequences of 1 to 40 steps, most of them alike; and the lengths, some of which are 0."""
    lengths = random.integers(0, 41, sequences)
    labels, offset = random.integers(0, 2, sequences), random.normal(size=sequences)
    labels = np.where(random.random(lengths.sum()) < 0.9, np.repeat(labels, lengths), 0)
    margin = 2.0 * labels - 1 + np.repeat(offset, lengths) + 0.3 * random.normal(size=lengths.sum())
    return np.stack([0 * margin, margin], axis=-1), labels, lengths


@pytest.mark.parametrize("name", ["accuracy", "mcc", "auc", "auprc", "specificity"])
def test_intervals_over_sequences_cover_the_true_value_where_their_steps_are_alike(name, monkeypatch):
    """Those over steps do so about half the time."""
    monkeypatch.setattr(scores, "DRAWS", 400)
    random = np.random.default_rng(1)
    logits, labels, _ = steps(20_000, random)
    truth = of_classes(logits[:200_000], labels[:200_000])[name].value
    drawn = [steps(60, random) for _ in range(100)]
    found = [of_classes(*own)[name] for own in drawn]
    assert 85 <= sum(score.low <= truth <= score.high for score in found) <= 99
    alone = [of_classes(logits, labels)[name] for logits, labels, _ in drawn]
    assert [score.value for score in found] == [score.value for score in alone]
    assert sum(score.low <= truth <= score.high for score in alone) < 75


def test_a_sequence_is_drawn_whole(monkeypatch):
    """Values of each resampling are those of the steps of the sequences in it, end to end."""
    monkeypatch.setattr(scores, "DRAWS", 50)
    logits, labels, lengths = steps(12, np.random.default_rng(3))
    logits[:, 1] = logits[:, 1].round(1)  # some are equal
    parts = np.split(np.arange(len(labels)), np.cumsum(lengths)[:-1])
    parts = [own for own in parts if len(own)]
    random, expected = np.random.default_rng(0), []
    for _ in range(50):
        rows = np.concatenate([parts[i] for i in random.integers(0, len(parts), len(parts))])
        own = {name: score.value for name, score in of_classes(logits[rows], labels[rows]).items()}
        expected.append([own[name] for name in ("accuracy", "macro_f1", "auc", "auprc")])
    found = of_classes(logits, labels, lengths)
    ends = [[found[name].low, found[name].high] for name in ("accuracy", "macro_f1", "auc", "auprc")]
    np.testing.assert_allclose(ends, np.nanpercentile(expected, [2.5, 97.5], axis=0).T, rtol=1e-9)


def test_one_sequence_alone_tells_nothing_of_others():
    logits, labels, _ = steps(20, np.random.default_rng(2))
    for name, score in of_classes(logits, labels, np.array([0, len(labels), 0])).items():
        assert math.isnan(score.low), name
        assert 0 < score.value < 1


@pytest.mark.parametrize("digits", [0, 8])
def test_the_interval_of_auprc_is_that_of_scikit_learn_on_rows_drawn_again(digits, monkeypatch):
    """Of few different scores, and of few rows of class 1, which are in some drawings not at all."""
    monkeypatch.setattr(scores, "DRAWS", 200)
    labels = np.repeat([0, 1, 0], [20, 2, 10])
    logits = np.stack([np.zeros(32), np.random.default_rng(1).normal(size=32).round(digits) + labels], axis=-1)
    random, expected = np.random.default_rng(0), []
    for _ in range(200):
        rows = random.integers(0, 32, 32)
        if labels[rows].any():
            expected.append(metrics.average_precision_score(labels[rows], logits[rows, 1]))
    assert len(expected) < 200
    found = of_classes(logits, labels)["auprc"]
    np.testing.assert_allclose([found.low, found.high], np.percentile(expected, [2.5, 97.5]), rtol=1e-9)
    assert found.low < found.value < found.high


def test_one_class_alone_has_no_ranking_and_no_correlation():
    logits, _ = drawn(20, 2)
    found = of_classes(logits, np.zeros(20, int))
    assert math.isnan(found["auc"].value)
    assert math.isnan(found["auprc"].low)
    assert math.isnan(found["sensitivity"].value)
    assert found["mcc"].value == 0


def test_labels_that_exclude_nothing():
    logits, labels = RANDOM.normal(size=(40, 3)), RANDOM.integers(0, 2, (40, 3)).astype(np.float32)
    found = {name: score.value for name, score in of_labels(logits, labels).items()}
    said = logits > 0
    expected = metrics.precision_recall_fscore_support(labels.astype(int), said.astype(int), average="micro")
    np.testing.assert_allclose([found["precision"], found["recall"], found["f1"]], expected[:3])
    np.testing.assert_allclose(
        found["macro_f1"], metrics.f1_score(labels.astype(int), said.astype(int), average="macro")
    )
