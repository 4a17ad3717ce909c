"""Objectives against NumPy, under masks, and added up."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.training import objectives
from sequence_lab.training.objectives import OBJECTIVES, Task

RANDOM = np.random.default_rng(0)
B, T, K = 4, 5, 3


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def task(name, **fields):
    return Task(name, OBJECTIVES[name], **fields)


def test_classification_counts_rows_under_the_mask():
    logits, labels = RANDOM.normal(size=(B, K)).astype(np.float32), RANDOM.integers(0, K, B)
    mask = np.array([1, 0, 1, 1], np.float32)
    logits[1] = np.nan
    found = objectives.measure([task("classification")], jnp.array(logits), {"labels": labels, "mask": mask})
    real = mask > 0
    nats = -log_softmax(logits[real])[np.arange(3), labels[real]]
    np.testing.assert_allclose(found["loss"].total, nats.sum(), rtol=1e-5)
    assert found["loss"].count == 3
    np.testing.assert_allclose(found["accuracy"].total, (logits[real].argmax(-1) == labels[real]).sum())


@pytest.mark.parametrize("name", ["labelling", "language_modelling"])
def test_per_step_objectives_count_real_steps_of_real_rows(name):
    logits, labels = RANDOM.normal(size=(B, T, K)).astype(np.float32), RANDOM.integers(0, K, (B, T))
    lengths, rows = np.array([5, 0, 3, 2]), np.array([1, 1, 1, 0], np.float32)
    real = (np.arange(T) < lengths[:, None]) & (rows[:, None] > 0)
    logits[~real] = np.nan
    batch = {"labels": labels, "mask": rows, "lengths": lengths}
    found = objectives.measure([task(name)], jnp.array(logits), batch)
    nats = -np.take_along_axis(log_softmax(logits), labels[..., None], -1)[..., 0][real]
    np.testing.assert_allclose(found["loss"].total, nats.sum(), rtol=1e-5)
    assert found["loss"].count == real.sum() == 8


def test_language_modelling_reports_bits_and_perplexity():
    logits, labels = RANDOM.normal(size=(B, T, K)).astype(np.float32), RANDOM.integers(0, K, (B, T))
    tasks = [task("language_modelling")]
    means = objectives.means(tasks, objectives.measure(tasks, jnp.array(logits), {"labels": labels}))
    nats = -np.take_along_axis(log_softmax(logits), labels[..., None], -1).mean()
    np.testing.assert_allclose(
        [means["loss"], means["bits_per_symbol"], means["perplexity"]],
        [nats, nats / np.log(2), np.exp(nats)],
        rtol=1e-5,
    )


@pytest.mark.parametrize("shape", [(B, K), (B, T, K)], ids=["last_step", "every_step"])
def test_regression_is_the_mean_squared_error_and_tells_the_mean_absolute_one(shape):
    outputs, targets = RANDOM.normal(size=(2, *shape)).astype(np.float32)
    mask = RANDOM.integers(0, 2, shape[:-1]).astype(np.float32)
    mask[0], outputs[mask == 0] = 1, np.nan
    tasks = [task("regression")]
    means = objectives.means(tasks, objectives.measure(tasks, jnp.array(outputs), {"labels": targets, "mask": mask}))
    errors = (outputs - targets)[mask > 0]
    expected = [np.mean(errors**2), np.mean(np.abs(errors))]
    np.testing.assert_allclose([means["loss"], means["absolute_error"]], expected, rtol=1e-5)


def test_regression_counts_places_whose_targets_are_all_met_within_the_tolerance():
    targets = RANDOM.normal(size=(4, 2)).astype(np.float32)
    outputs = targets + np.array([[0.03, -0.03], [0.03, 0.05], [-0.05, 0.0], [0.0, 0.03]], np.float32)
    batch = {"labels": targets, "mask": np.array([1, 1, 1, 0], np.float32)}
    found = objectives.measure([task("regression")], jnp.array(outputs), batch)["within_0.04"]
    assert (float(found.total), float(found.count)) == (1, 3)


def test_labelling_and_symbol_sets_count_sequences_that_are_right_at_every_real_step():
    labels, lengths = RANDOM.integers(0, K, (B, T)), np.array([5, 3, 0, 2])
    logits = np.array(np.eye(K)[labels] + 0.1 * RANDOM.random((B, T, K)), np.float32)
    logits[0, 4], logits[1, 3:] = np.roll(logits[0, 4], 1), np.nan  # wrong within row 0, nothing beyond row 1
    found = objectives.measure([task("labelling")], jnp.array(logits), {"labels": labels, "lengths": lengths})
    assert (float(found["sequence_accuracy"].total), float(found["sequence_accuracy"].count)) == (2, 3)
    sets = {"labels": np.eye(K)[labels], "lengths": lengths}
    alone = objectives.measure([task("symbol_sets")], jnp.array(logits), sets)
    assert jax.tree.map(float, alone["sequence_accuracy"]) == jax.tree.map(float, found["sequence_accuracy"])
    np.testing.assert_allclose(alone["loss"].total, found["loss"].total, rtol=1e-5)


def test_symbol_sets_asks_every_allowed_symbol_to_be_above_every_other():
    logits = RANDOM.normal(size=(B, T, K)).astype(np.float32)
    allowed = RANDOM.integers(0, 2, (B, T, K))
    allowed[..., 0] = 1
    right = [
        min(x[a > 0]) > max(x[a == 0], default=-np.inf)
        for x, a in zip(logits.reshape(-1, K), allowed.reshape(-1, K), strict=True)
    ]
    tasks, batch = [task("symbol_sets")], {"labels": allowed}
    means = objectives.means(tasks, objectives.measure(tasks, jnp.array(logits), batch))
    assert 0 < np.mean(right) < 1
    np.testing.assert_allclose(means["accuracy"], np.mean(right), rtol=1e-6)
    share = (np.exp(log_softmax(logits)) * allowed).sum(-1)
    np.testing.assert_allclose(means["loss"], -np.log(share).mean(), rtol=1e-5)
    gradient = jax.grad(
        lambda x: objectives.measure(tasks, x, {**batch, "lengths": np.array([5, 2, 0, 1])})["loss"].total
    )(jnp.array(logits))
    assert np.isfinite(gradient).all()


def test_multilabel_is_a_sum_over_labels_and_a_mean_over_steps():
    logits, labels = RANDOM.normal(size=(B, T, K)).astype(np.float32), RANDOM.integers(0, 2, (B, T, K))
    lengths = np.array([5, 1, 0, 4])
    real = np.arange(T) < lengths[:, None]
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    nats = -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).sum(-1)[real]
    tasks = [task("multilabel")]
    means = objectives.means(
        tasks, objectives.measure(tasks, jnp.array(logits), {"labels": labels, "lengths": lengths})
    )
    np.testing.assert_allclose(means["loss"], nats.mean(), rtol=1e-5)
    said, true = (logits > 0)[real], (labels > 0)[real]
    np.testing.assert_allclose(means["accuracy"], (said & true).sum() / (said | true).sum(), rtol=1e-6)


def test_a_chain_counts_steps_and_is_cut_where_none_counts():
    potentials = RANDOM.normal(size=(3, T, K, K)).astype(np.float32)
    labels, lengths = RANDOM.integers(0, K, (3, T)), np.array([5, 3, 0])
    mask = np.array([[1, 1, 0, 1, 1], [2, 2, 2, 2, 2], [1, 1, 1, 1, 1]], np.float32)
    real = (np.arange(T) < lengths[:, None]) & (mask > 0)
    potentials[~real] = np.nan
    batch = {"labels": labels, "lengths": lengths, "mask": mask}
    found = objectives.measure([task("crf")], jnp.array(potentials), batch)
    known = np.where(real[..., None, None], potentials, 0)

    def nats(row):
        scores = {}
        for path in itertools.product(range(K), repeat=lengths[row]):
            steps = enumerate(zip((0, *path[:-1]), path, strict=True))
            scores[path] = sum(known[row, t, i, j] for t, (i, j) in steps)
        fits = [all(y == labels[row, t] for t, y in enumerate(path) if real[row, t]) for path in scores]
        total = np.exp(list(scores.values()))
        best = max(scores, key=scores.get)
        return -np.log(total[fits].sum() / total.sum()), [
            y == labels[row, t] for t, y in enumerate(best) if real[row, t]
        ]

    (first, first_right), (second, second_right) = nats(0), nats(1)
    np.testing.assert_allclose(found["loss"].total, first + 2 * second, rtol=1e-5)
    assert found["loss"].count == 4 + 2 * 3
    assert found["accuracy"].total == sum(first_right) + 2 * sum(second_right)
    with pytest.raises(ValueError, match=r"crf compares potentials \[B, T, K, K\]"):
        objectives.measure([task("crf")], jnp.zeros((B, T, K)), {"labels": np.zeros((B, T), int)})


def test_several_tasks_add_up_by_their_weights_each_over_its_own_count():
    outputs = {
        "class": RANDOM.normal(size=(B, K)).astype(np.float32),
        "steps": RANDOM.normal(size=(B, T, 1)).astype(np.float32),
    }
    batch = {
        "labels": RANDOM.integers(0, K, B), "targets": RANDOM.normal(size=(B, T, 1)).astype(np.float32),
        "lengths": np.array([5, 2, 0, 1]),
    }  # fmt: skip
    tasks = [task("classification", output="class"), task("regression", weight=0.3, output="steps", labels="targets")]
    found = objectives.measure(tasks, outputs, batch)
    own = {"regression/loss", "regression/absolute_error", "regression/within_0.04"}
    assert set(found) == {"classification/loss", "classification/accuracy"} | own
    means = objectives.means(tasks, found)
    expected = means["classification/loss"] + 0.3 * means["regression/loss"]
    totals, counts = ({name: mean[i] for name, mean in found.items()} for i in (0, 1))
    np.testing.assert_allclose(means["loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(objectives.weighted_loss(tasks, totals, counts), expected, rtol=1e-5)


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"classification compares logits \[B, K\]"):
        objectives.measure([task("classification")], jnp.zeros((B, T, K)), {"labels": np.zeros((B, T), int)})
    with pytest.raises(ValueError, match="one per step"):
        objectives.measure(
            [task("classification")], jnp.zeros((B, K)), {"labels": np.zeros(B, int), "mask": np.ones((B, T))}
        )


SHAPES = {"classification": (B, K), "regression": (B, T, K), "multilabel": (B, T, K), "crf": (B, T, K, K)}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_nothing_that_does_not_count_reaches_the_gradient(name):
    outputs = RANDOM.normal(size=SHAPES.get(name, (B, T, K))).astype(np.float32)
    whole = name in ("regression", "multilabel", "symbol_sets")
    rows, lengths = np.array([1, 1, 0, 1], np.float32), np.array([5, 2, 4, 0])
    real = rows > 0 if outputs.ndim == 2 else (np.arange(T) < lengths[:, None]) & (rows[:, None] > 0)
    labels = RANDOM.integers(0, 2, outputs.shape if whole else real.shape)
    labels = labels.astype(np.float32) if whole else labels

    def loss(x, y):
        batch = {"labels": y, "mask": rows, "lengths": lengths}
        return objectives.measure([task(name)], x, batch)["loss"].total

    clean = jax.grad(loss)(jnp.array(outputs), labels)
    outputs[~real] = np.nan
    labels[~real] = np.nan if whole else -7
    poisoned = jax.grad(loss)(jnp.array(outputs), labels)
    np.testing.assert_array_equal(poisoned, clean)
    assert not np.asarray(poisoned)[~real].any()
    assert np.asarray(poisoned)[real].any()


def test_the_recorded_loss_is_the_one_that_is_minimised():
    outputs, labels = jnp.array(RANDOM.normal(size=(B, K)), jnp.float32), RANDOM.normal(size=(B, K)).astype(np.float32)
    batch = {"labels": labels, "none": np.zeros((B, K), np.float32)}
    one = [task("regression", weight=3.0)]
    measures = objectives.measure(one, outputs, batch)
    expected = 3 * np.square(outputs - labels).mean()
    np.testing.assert_allclose(objectives.means(one, measures)["loss"], expected, rtol=1e-5)
    # A task that has nothing to count in these batches is left out of the sum.
    two = [task("regression", weight=3.0), Task("other", OBJECTIVES["regression"])]
    measures = {
        "regression/loss": measures["loss"],
        "other/loss": measures["loss"]._replace(total=0.0, count=0.0),
    }
    np.testing.assert_allclose(objectives.means(two, measures)["loss"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("outputs", "fields", "said"),
    [
        (jnp.zeros((B, K)), {"labels": "targets"}, r"labels is 'targets'; allowed: labels, mask"),
        (jnp.zeros((B, K)), {"output": "tags"}, r"output is 'tags'; allowed: none: there is one output"),
        ({"a": jnp.zeros((B, K))}, {"output": "b"}, r"output is 'b'; allowed: a"),
        ({"a": jnp.zeros((B, K))}, {}, r"output is not set; allowed: the model's outputs: a"),
    ],
)
def test_an_array_that_is_not_there_is_refused(outputs, fields, said):
    batch = {"labels": np.zeros(B, int), "mask": np.ones(B, np.float32)}
    with pytest.raises(ValueError, match=said):
        objectives.measure([task("classification", **fields)], outputs, batch)


def test_activation_penalties_are_mean_squares_of_outputs_and_of_their_changes():
    outputs, mask = RANDOM.normal(size=(B, T, K)).astype(np.float32), np.ones((B, T), np.float32)
    mask[0, 2:], mask[1] = 0, 0
    total, changes = [], []
    for row in range(B):
        for t in range(T):
            if mask[row, t]:
                total.append((outputs[row, t] ** 2).mean())
                if t and mask[row, t - 1]:
                    changes.append(((outputs[row, t] - outputs[row, t - 1]) ** 2).mean())
    for name, values in (("activation", total), ("slowness", changes)):
        (mean,) = OBJECTIVES[name].measure(jnp.asarray(outputs), None, jnp.asarray(mask)).values()
        np.testing.assert_allclose([mean.total, mean.count], [sum(values), len(values)], rtol=1e-5)


def test_labels_with_lengths_of_their_own_say_what_counts():
    logits, labels = RANDOM.normal(size=(B, T, K)).astype(np.float32), RANDOM.integers(0, K, (B, T))
    by_stream = {"source": np.array([5, 5, 5, 5]), "target": np.array([1, 2, 3, 4])}
    batch = {"labels": labels, "lengths": by_stream, "labels_lengths": by_stream["target"]}
    found = objectives.measure([task("labelling")], jnp.array(logits), batch)
    assert found["loss"].count == 10
    del batch["labels_lengths"]
    with pytest.raises(ValueError, match=r"lengths are those of source, target; allowed .*: labels_lengths"):
        objectives.measure([task("labelling")], jnp.array(logits), batch)
