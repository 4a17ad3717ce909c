"""Sampling: the draws follow the model's own distribution, and temperature does what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import RecurrentLanguageModel
from sequence_lab.models.generation import generate, restricted, stream

MODEL = RecurrentLanguageModel(vocabulary_size=5, embedding_features=3, cell="lstm", features=(4,))
PROMPT = jnp.array([2, 0, 3], jnp.int32)


@pytest.fixture(scope="module")
def variables():
    found = MODEL.init(jax.random.key(0), PROMPT[None])
    return jax.tree.map(lambda x: 3 * x, found)  # far from uniform


def logits_after(variables, tokens):
    return np.asarray(MODEL.apply(variables, jnp.asarray(tokens)[None])[0][0, -1], np.float64)


def test_temperature_zero_takes_the_likeliest_symbol(variables):
    tokens = np.asarray(generate(MODEL, variables, PROMPT, 6, 0.0, jax.random.key(1)))
    assert tokens.shape == (6,)
    for i, token in enumerate(tokens):
        assert token == logits_after(variables, np.concatenate([PROMPT, tokens[:i]])).argmax()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_at_that_temperature(variables, temperature):
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(lambda key: generate(MODEL, variables, PROMPT, 2, temperature, key))(keys))
    scores = np.exp(logits_after(variables, PROMPT) / temperature)
    expected = scores / scores.sum()
    np.testing.assert_allclose(np.bincount(drawn[:, 0], minlength=5) / 4000, expected, atol=4 * 0.5 / 4000**0.5)
    first = drawn[:, 0].max()
    after = np.exp(logits_after(variables, np.append(PROMPT, first)) / temperature)
    chosen = drawn[drawn[:, 0] == first, 1]
    bound = 4 * 0.5 / len(chosen) ** 0.5
    np.testing.assert_allclose(np.bincount(chosen, minlength=5) / len(chosen), after / after.sum(), atol=bound)


def test_the_key_alone_decides(variables):
    once, again, other = (generate(MODEL, variables, PROMPT, 30, 1.0, jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_stream_is_of_the_same_symbols(variables, temperature):
    options = (MODEL, variables, PROMPT, 20, temperature, jax.random.key(3))
    found = stream(*options, top_k=4)
    first = next(found)  # before the others are drawn
    np.testing.assert_array_equal([first, *found], generate(*options, top_k=4))


@pytest.mark.parametrize(
    ("top_k", "top_p", "kept"),
    [(0, 1.0, 5), (2, 1.0, 2), (9, 1.0, 5), (0, 0.45, 1), (0, 0.55, 2), (0, 0.8, 3), (2, 0.7, 2), (2, 0.6, 1)],
)
def test_only_the_likeliest_are_drawn_from(top_k, top_p, kept):
    """0.5, 0.25, 0.15, 0.07, 0.03; of the first two alone the shares are 2/3 and 1/3."""
    shares = np.array([0.15, 0.5, 0.03, 0.25, 0.07])
    found = np.asarray(restricted(jnp.log(shares), top_k, top_p))
    order = np.argsort(-shares)
    np.testing.assert_allclose(found[order[:kept]], np.log(shares[order[:kept]]), rtol=1e-6)
    assert np.isinf(found[order[kept:]]).all()
