"""Greedy decoding and the beam against every sequence there is, on a small model with memory."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import RecurrentLanguageModel, SequenceToSequence, decoding, generation

V, T, END, ROWS = 3, 4, 1, 5
RANDOM = np.random.default_rng(0)
INTO, WITHIN, OUT = (RANDOM.normal(size=size, scale=1.5) for size in ((V, 4), (4, 4), (4, V)))
CARRY = RANDOM.normal(size=(ROWS, 4))
FIRST = np.array([0, 1, 2, 0, 1], np.int32)


def step(carry, tokens):
    h = jnp.tanh(jnp.asarray(INTO, jnp.float32)[tokens] + carry["h"] @ WITHIN.astype(np.float32))
    return h @ OUT.astype(np.float32), {"h": h}


def log_p(row, tokens):
    """log p of a sequence by a loop in float64."""
    h, last, total = CARRY[row], FIRST[row], 0.0
    for token in tokens:
        h = np.tanh(INTO[last] + h @ WITHIN)
        logits = h @ OUT
        total += logits[token] - np.log(np.exp(logits).sum())
        last = token
    return total


def sequences(end):
    """All that end, or are as long as may be."""
    for length in range(1, T + 1):
        for tokens in itertools.product(range(V), repeat=length):
            if end not in tokens[:-1] and (tokens[-1] == end or length == T):
                yield tokens


@functools.partial(jax.jit, static_argnames=("width", "alpha", "end"))
def searched(carry, first, width, alpha=0.0, end=END):
    return decoding.beam_search(step, {"h": carry}, first, T, end, width=width, alpha=alpha)


@functools.partial(jax.jit, static_argnames="end")
def followed(carry, first, end=END):
    return decoding.greedy(step, {"h": carry}, first, T, end)


def start(rows=slice(None)):
    return CARRY[rows].astype(np.float32), FIRST[rows]


def cut(found, row, place):
    tokens = np.asarray(found.tokens_BKT[row, place])
    length = int(found.lengths_BK[row, place])
    np.testing.assert_array_equal(tokens[length:], 0)
    return tuple(tokens[:length].tolist())


@pytest.mark.parametrize(("alpha", "end"), [(0.0, END), (2.0, END), (0.0, None)])
def test_a_beam_that_holds_all_sequences_finds_the_best_in_order(alpha, end):
    found = searched(*start(), width=V**T, alpha=alpha, end=end)
    for row in range(ROWS):
        log_ps = {tokens: log_p(row, tokens) for tokens in sequences(end)}
        ranked = sorted(log_ps, key=lambda s: -log_ps[s] / ((5 + len(s)) / 6) ** alpha)
        assert (ranked == sorted(log_ps, key=lambda s: -log_ps[s])) == (not alpha)
        assert [cut(found, row, place) for place in range(len(ranked))] == ranked
        expected = [log_ps[tokens] for tokens in ranked] + [-np.inf] * (V**T - len(ranked))
        np.testing.assert_allclose(found.log_probabilities_BK[row], expected, atol=1e-5)


def test_a_narrow_beam_keeps_the_best_prefixes():
    found = searched(*start(), width=2)
    for row in range(ROWS):
        beam = [((), 0.0)]
        for _ in range(T):
            ended = [(s, p) for s, p in beam if s and s[-1] == END]
            grown = [(*s, v) for s, _ in beam if not s or s[-1] != END for v in range(V)]
            beam = sorted([*ended, *((s, log_p(row, s)) for s in grown)], key=lambda pair: -pair[1])[:2]
        assert [cut(found, row, place) for place in range(2)] == [tokens for tokens, _ in beam]


def test_a_beam_of_one_is_greedy():
    one, greedy = searched(*start(), width=1), followed(*start())
    for beam, single in zip(one, greedy, strict=True):
        np.testing.assert_allclose(beam[:, 0], single, atol=1e-6)
    for row in range(ROWS):
        tokens = []
        while len(tokens) < T and END not in tokens:
            tokens.append(int(np.argmax([log_p(row, (*tokens, v)) for v in range(V)])))
        assert greedy.tokens_BKT[row, : greedy.lengths_BK[row]].tolist() == tokens
    assert len(set(greedy.lengths_BK.tolist())) > 1


def test_rows_are_independent():
    together = searched(*start(), width=4), followed(*start())
    for row in range(ROWS):
        alone = searched(*start(slice(row, row + 1)), width=4), followed(*start(slice(row, row + 1)))
        for own, all_rows in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
            np.testing.assert_allclose(own[0], all_rows[row], atol=1e-6)


def test_what_is_found_has_the_probability_that_teacher_forcing_gives_it():
    model = SequenceToSequence(V, embedding_features=2, features=3, maxout_features=2, attention="dot")
    inputs = {"source": np.array([[0, 2, 1], [1, 0, 0]], np.int32), "target": np.zeros((2, T), np.int32)}
    lengths = {"source": np.array([3, 1], np.int32), "target": np.array([T, T], np.int32)}

    @jax.jit
    def both(variables):
        carry = model.apply(variables, inputs["source"], lengths["source"], method="encode")
        advance = functools.partial(model.apply, variables, method="step")
        found = decoding.beam_search(advance, carry, jnp.full(2, END), T, END, width=V**T)
        given = found.tokens_BKT[:, 0]
        before = jnp.concatenate([jnp.full((2, 1), END), given[:, :-1]], 1)
        logits = model.apply(variables, {**inputs, "target": before}, lengths)
        return found, decoding.log_probability(logits, given, found.lengths_BK[:, 0])

    like = jax.eval_shape(model.init, jax.random.key(0), inputs)
    found, again = both(jax.tree.map(lambda x: RANDOM.normal(size=x.shape).astype(np.float32), like))
    np.testing.assert_allclose(found.log_probabilities_BK[:, 0], again, atol=1e-5)


def test_a_language_model_goes_on_with_the_likeliest_text():
    model = RecurrentLanguageModel(vocabulary_size=V, embedding_features=3, cell="rnn", features=(4,))
    prompt, every = jnp.array([2, 0, 1], jnp.int32), np.array(list(itertools.product(range(V), repeat=3)), np.int32)
    whole = np.concatenate([np.tile(prompt, (len(every), 1)), every], 1)

    @jax.jit
    def go_on(variables):
        logits, _ = model.apply(variables, whole[:, :-1])
        best = jnp.argmax(decoding.log_probability(logits[:, 2:], whole[:, 3:]))
        greedy = generation.generate(model, variables, prompt, 3, 0.0, jax.random.key(0))
        return best, greedy, *(generation.likeliest(model, variables, prompt, 3, width) for width in (1, V**3))

    like = jax.eval_shape(model.init, jax.random.key(0), prompt[None])
    best, greedy, one, many = go_on(jax.tree.map(lambda x: RANDOM.normal(size=x.shape).astype(np.float32), like))
    np.testing.assert_array_equal(one, greedy)
    np.testing.assert_array_equal(many, every[best])


def test_the_log_probability_of_a_sequence_is_that_of_its_real_steps():
    logits, labels = RANDOM.normal(size=(2, T, V)), RANDOM.integers(0, V, (2, T))
    logits[0, 2:] = np.nan
    found = decoding.log_probability(jnp.asarray(logits), jnp.asarray(labels), jnp.array([2, T]))
    for row, length in enumerate([2, T]):
        x = logits[row, :length]
        steps = x[np.arange(length), labels[row, :length]] - np.log(np.exp(x).sum(-1))
        np.testing.assert_allclose(found[row], steps.sum(), rtol=1e-5)


@pytest.mark.parametrize(("width", "max_length", "said"), [(0, 1, "width is 0"), (1, 0, "max_length is 0")])
def test_what_means_nothing_is_refused(width, max_length, said):
    with pytest.raises(ValueError, match=f"{said}; allowed: 1 or more"):
        decoding.beam_search(step, {"h": CARRY}, FIRST, max_length, width=width)
