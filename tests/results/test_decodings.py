"""What is decoded of a split: every pair once, with its scores, as the model says it."""

import functools
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.data import DATASETS
from sequence_lab.data.texts import TextOptions, paired_texts
from sequence_lab.models import SequenceToSequence
from sequence_lab.results import decodings

MAX_LENGTH = 5


@pytest.fixture(scope="module")
def made():
    dataset = DATASETS["reverse"](min_length=1, max_length=3, symbols=4, num_train=40, num_test=7)
    model = SequenceToSequence(len(dataset.vocabulary), embedding_features=3, features=4, maxout_features=3)
    batches = list(dataset.splits["test"].evaluation_batches(4))
    like = jax.eval_shape(model.init, jax.random.key(0), batches[0]["inputs"], batches[0]["lengths"])
    random = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: 0.7 * random.normal(size=x.shape).astype(np.float32), like)
    targets = [dataset.targets[row] for row in dataset.splits["test"].evaluation_order()]
    return dataset, model, variables, batches, targets


def test_every_pair_is_decoded_once_and_scored(made):
    dataset, model, variables, batches, targets = made
    scores, pairs = decodings.decode(model, variables, batches, targets, dataset.vocabulary, 3, MAX_LENGTH)
    assert len(pairs) == 7
    rows = dataset.splits["test"]
    sources = [dataset.vocabulary.decode(rows.arrays["inputs/source"][row]) for row in rows.evaluation_order()]
    assert [pair.source for pair in pairs] == sources
    assert len(set(sources)) == 7
    assert all(pair.target == pair.source[::-1] for pair in pairs)
    for name in ("greedy", "beam"):
        exact = np.mean([pair.found[name] == pair.target for pair in pairs])
        assert scores[f"{name}/exact_match"].value == pytest.approx(exact)
        assert {f"{name}/token_accuracy", f"{name}/exact_match"} <= set(scores)
    assert any(pair.found["greedy"] != pair.found["beam"] for pair in pairs)
    alone, _ = decodings.decode(model, variables, batches, targets, dataset.vocabulary, 1, MAX_LENGTH)
    assert alone == {name: score for name, score in scores.items() if name.startswith("greedy/")}


class Parrot(nn.Module):
    """Writes its source, as the vocabulary has it."""

    symbols: int

    def encode(self, source, lengths):
        return source, lengths, jnp.zeros_like(lengths)

    def step(self, carry, last):
        source, lengths, at = carry
        token = jnp.where(at < lengths, jnp.take_along_axis(source, at[:, None] % source.shape[1], 1)[:, 0], END)
        return jax.nn.one_hot(token, self.symbols), (source, lengths, at + 1)


END = 2  # the third of the symbols of pairs


def parroted(pairs, **options):
    """The greedy scores of a copy, and the decodings by source, of a test split beside one training pair."""
    train = (["a b c d"], ["A b c d"])
    dataset = paired_texts({"train": train, "validation": train, "test": pairs}, TextOptions(**OPTIONS | options))
    assert dataset.vocabulary.id_of("<eos>") == END
    batches = list(dataset.splits["test"].evaluation_batches(2))
    targets = [dataset.targets[row] for row in dataset.splits["test"].evaluation_order()]
    scores, found = decodings.decode(Parrot(len(dataset.vocabulary)), {}, batches, targets, dataset.vocabulary, 1, 20)
    return {name: score.value for name, score in scores.items()}, found


OPTIONS = {"tokens": "words", "vocabulary_size": 0, "min_count": 1, "lower_case": False, "max_length": 0}


@pytest.mark.parametrize("tokens", ["words", "blanks"])
def test_what_the_vocabulary_does_not_have_is_never_right(tokens):
    """Where both sides are read back from ids, the second pair has "<unk>" at the same place, and all are right."""
    scores, found = parroted((["a b", "a x c d", "d"], ["a b", "a x c d", "d"]), tokens=tokens)
    assert {(one.source, one.target, one.found["greedy"]) for one in found} == {
        ("a b", "a b", "a b"), ("a <unk> c d", "a x c d", "a <unk> c d"), ("d", "d", "d"),
    }  # fmt: skip
    assert scores["greedy/exact_match"] == pytest.approx(2 / 3)
    assert scores["greedy/token_accuracy"] == pytest.approx(9 / 10)
    assert scores.get("greedy/bleu", 0) < 100
    assert scores.get("greedy/chrf", 0) < 100


def test_a_target_is_scored_as_far_as_it_goes_not_only_to_where_ids_are_cut():
    scores, found = parroted((["a b c d", "b"], ["a b c d", "b"]), max_length=2)
    assert {(one.source, one.target) for one in found} == {("a b", "a b c d"), ("b", "b")}
    assert scores["greedy/exact_match"] == 0.5
    assert scores["greedy/token_accuracy"] == pytest.approx((2 + 2) / (5 + 2))
    assert scores.get("greedy/bleu", 0) < 100


def test_targets_are_read_as_tokens_are():
    """Signs apart from words and, where capitals count for nothing, small."""
    scores, found = parroted((["a, b.c"], ["A, B.C"]), lower_case=True)
    assert [one.target for one in found] == ["a , b . c"]
    assert scores["greedy/token_accuracy"] == pytest.approx(4 / 6)


def test_what_is_decoded_is_the_likeliest_by_the_model_itself(made):
    dataset, model, variables, batches, targets = made
    _, pairs = decodings.decode(model, variables, batches, targets, dataset.vocabulary, 3, MAX_LENGTH)
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


def test_hypotheses_are_what_is_decoded_and_as_likely_as_they_say(made):
    dataset, model, variables, batches, targets = made
    _, pairs = decodings.decode(model, variables, batches, targets, dataset.vocabulary, 3, MAX_LENGTH)
    end, run = dataset.vocabulary.id_of("<eos>"), jax.jit(model.apply)
    for pair in pairs[:3]:
        source = dataset.vocabulary.encode(pair.source)
        found = decodings.hypotheses(model, variables, source, dataset.vocabulary, 3, MAX_LENGTH)
        assert {way: rows[0].text for way, rows in found.items()} == pair.found
        assert [len(found["greedy"]), len(found["beam"])] == [1, 3]
        nats = [one.log_probability for one in found["beam"]]
        assert nats == sorted(nats, reverse=True)
        for one in (*found["greedy"], *found["beam"]):
            tokens = [dataset.vocabulary.id_of(token) for token in re.findall("<pad>|<unk>|.", one.text)]
            tokens = np.append(tokens, end).astype(np.int32)[:MAX_LENGTH]
            before = np.append(end, tokens[:-1]).astype(np.int32)
            logits = np.asarray(run(variables, {"source": source[None], "target": before[None]}), np.float64)[0]
            own = logits[np.arange(len(tokens)), tokens] - np.log(np.exp(logits).sum(-1))
            assert one.log_probability == pytest.approx(own.sum(), rel=1e-4)


def test_a_beam_has_no_more_hypotheses_than_there_are_sequences(made):
    dataset, model, variables, *_ = made
    symbols = len(dataset.vocabulary)
    found = decodings.hypotheses(model, variables, np.array([3], np.int32), dataset.vocabulary, symbols + 5, 1)
    assert len(found["beam"]) == symbols
    assert sum(np.exp(one.log_probability) for one in found["beam"]) == pytest.approx(1, rel=1e-4)
    assert set(decodings.hypotheses(model, variables, np.array([3], np.int32), dataset.vocabulary, 1, 1)) == {"greedy"}


def test_log_probabilities_are_those_of_the_given_targets(made):
    dataset, model, variables, batches, _ = made
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
