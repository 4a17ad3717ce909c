"""What is decoded of a split: every pair once, with its scores, as the model says it."""

import functools

import jax
import numpy as np
import pytest

from sequence_lab import decodings
from sequence_lab.data import DATASETS
from sequence_lab.models import SequenceToSequence

MAX_LENGTH = 5


@pytest.fixture(scope="module")
def made():
    dataset = DATASETS["reverse"](min_length=1, max_length=3, symbols=4, num_train=40, num_test=7)
    model = SequenceToSequence(len(dataset.vocabulary), embedding_features=3, features=4, maxout_features=3)
    batches = list(dataset.splits["test"].evaluation_batches(4))
    like = jax.eval_shape(model.init, jax.random.key(0), batches[0]["inputs"], batches[0]["lengths"])
    random = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: 0.7 * random.normal(size=x.shape).astype(np.float32), like)
    return dataset, model, variables, batches


def test_every_pair_is_decoded_once_and_scored(made):
    dataset, model, variables, batches = made
    scores, pairs = decodings.decode(model, variables, batches, dataset.vocabulary, 3, MAX_LENGTH)
    assert len(pairs) == 7
    assert len({pair.source for pair in pairs}) == 7
    assert all(pair.target == pair.source[::-1] for pair in pairs)
    for name in ("greedy", "beam"):
        exact = np.mean([pair.found[name] == pair.target for pair in pairs])
        assert scores[f"{name}/exact_match"].value == pytest.approx(exact)
        assert {f"{name}/token_accuracy", f"{name}/exact_match"} <= set(scores)
    assert any(pair.found["greedy"] != pair.found["beam"] for pair in pairs)
    alone, _ = decodings.decode(model, variables, batches, dataset.vocabulary, 1, MAX_LENGTH)
    assert alone == {name: score for name, score in scores.items() if name.startswith("greedy/")}


def test_what_is_decoded_is_the_likeliest_by_the_model_itself(made):
    dataset, model, variables, batches = made
    _, pairs = decodings.decode(model, variables, batches, dataset.vocabulary, 3, MAX_LENGTH)
    end = dataset.vocabulary.id_of("<eos>")
    step = jax.jit(functools.partial(model.apply, method="step"))
    for pair in pairs[:3]:
        source = dataset.vocabulary.encode(pair.source)[None]
        carry, last, found = model.apply(variables, source, method="encode"), np.array([end]), []
        while last != end or not found:
            logits, carry = step(variables, carry, last)
            last = np.asarray(logits.argmax(-1))
            found.append(int(last[0]))
            if len(found) == MAX_LENGTH:
                break
        text = dataset.vocabulary.decode(np.array([token for token in found if token != end], int))
        assert pair.found["greedy"] == text


def test_log_probabilities_are_those_of_the_given_targets(made):
    dataset, model, variables, batches = made
    found = decodings.log_probabilities(model, variables, batches)
    rows = dataset.splits["test"]
    assert found.shape == (7,)
    run = jax.jit(model.apply)
    for value, row in list(zip(found, rows.evaluation_order(), strict=True))[:3]:
        inputs = {name: rows.arrays[f"inputs/{name}"][row][None] for name in ("source", "target")}
        logits = np.asarray(run(variables, inputs), np.float64)[0]
        labels = rows.arrays["labels"][row]
        nats = logits[np.arange(len(labels)), labels] - np.log(np.exp(logits).sum(-1))
        assert value == pytest.approx(nats.sum(), rel=1e-4)
