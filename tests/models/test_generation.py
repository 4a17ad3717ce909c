"""Sampling: the draws follow the model's own distribution, and temperature does what it says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import RecurrentLanguageModel, RecurrentTagger, TemporalConvTagger
from sequence_lab.models.generation import generate, generate_frames, restricted, stream

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


FRAMES = (np.random.default_rng(0).random((4, 7)) < 0.4).astype(np.float32)
TAGGERS = {
    "recurrent": RecurrentTagger(num_outputs=7, cell="lstm", features=(5, 4)),
    "convolution": TemporalConvTagger(num_outputs=7, features=(5, 4), kernel_size=2),
}


@functools.cache
def tagger(name):
    """A model of frames and its variables, far from uniform."""
    found = TAGGERS[name].init(jax.random.key(0), FRAMES[None])
    return TAGGERS[name], jax.tree.map(lambda x: 3 * x, found)


@pytest.mark.parametrize("name", TAGGERS)
def test_frames_at_temperature_zero_are_the_likelier_ones_and_see_those_before_alone(name):
    """Against the whole model: of a piece as it came out, its outputs at every step say the next frame."""
    model, variables = tagger(name)
    drawn = np.asarray(generate_frames(model, variables, jnp.asarray(FRAMES), 9, 0.0, jax.random.key(1)))
    assert drawn.shape == (9, 7)
    piece = np.concatenate([FRAMES, drawn])
    logits = np.asarray(model.apply(variables, piece[None]))[0]
    assert drawn.std() > 0
    np.testing.assert_array_equal(piece[len(FRAMES) :], logits[len(FRAMES) - 1 : -1] > 0)
    later = piece.copy()
    later[8:] = 1 - later[8:]
    np.testing.assert_allclose(model.apply(variables, later[None])[0, :8], logits[:8], atol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("count", [1, 4])
def test_keys_are_drawn_each_with_its_own_probability(temperature, count):
    model, variables = tagger("recurrent")
    prompt = jnp.asarray(FRAMES[:count])
    draw = jax.vmap(lambda key: generate_frames(model, variables, prompt, 2, temperature, key))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), 4000)))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    expected = 1 / (1 + np.exp(-np.asarray(model.apply(variables, prompt[None]))[0, -1] / temperature))
    bound = 4 * 0.5 / 4000**0.5
    np.testing.assert_allclose(drawn[:, 0].mean(0), expected, atol=bound)
    together = (drawn[:, 0, :, None] * drawn[:, 0, None, :]).mean(0)
    apart = ~np.eye(7, dtype=bool)
    np.testing.assert_allclose(together[apart], np.outer(expected, expected)[apart], atol=bound)
    first = drawn[0, 0]
    same = (drawn[:, 0] == first).all(-1)
    after = np.asarray(model.apply(variables, jnp.concatenate([prompt, first[None]])[None]))[0, -1]
    after = 1 / (1 + np.exp(-after / temperature))
    np.testing.assert_allclose(drawn[same, 1].mean(0), after, atol=4 * 0.5 / same.sum() ** 0.5)


@pytest.mark.parametrize("name", TAGGERS)
def test_the_key_alone_decides_on_frames(name):
    model, variables = tagger(name)
    once, again, other = (
        generate_frames(model, variables, jnp.asarray(FRAMES), 9, 20.0, jax.random.key(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize(
    "model",
    [
        *TAGGERS.values(),
        RecurrentTagger(num_outputs=7, vocabulary_size=3, features=(4,), cell="gru", dropout=0.5, connection="plain"),
        TemporalConvTagger(num_outputs=7, vocabulary_size=3, features=(4,), gated=True, dropout=0.5),
    ],
)
def test_a_tagger_step_by_step_is_the_whole(model):
    random = np.random.default_rng(3)
    shape = (3, 6) if model.vocabulary_size else (3, 6, 7)
    x = random.integers(0, 3, shape) if model.vocabulary_size else random.normal(size=shape).astype(np.float32)
    variables = model.init(jax.random.key(0), x)
    whole, carry = model.apply(variables, x), None
    for t in range(6):
        outputs, carry = model.apply(variables, carry, x[:, t], method="step")
        np.testing.assert_allclose(outputs, whole[:, t], atol=1e-5)


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"output": "crf"}])
def test_a_tagger_that_needs_what_is_to_come_has_no_step(options):
    model = RecurrentTagger(num_outputs=7, features=(4,), **options)
    variables = model.init(jax.random.key(0), FRAMES[None])
    with pytest.raises(ValueError, match="has no step: it needs the steps to come"):
        model.apply(variables, None, FRAMES[:1], method="step")
