"""Whole networks: shapes, the lengths contract end to end, streaming, and what they refuse."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import MODELS, ConvNet2D, RecurrentClassifier, RecurrentLanguageModel, RecurrentTagger

RECURRENT = {"cell": "gru", "features": (5, 4), "dropout": 0.3}
LENGTHS = np.array([7, 3, 0, 1], np.int32)


def inputs(model):
    random = np.random.default_rng(0)
    if isinstance(model, RecurrentLanguageModel):
        return random.integers(0, 11, (4, 7)).astype(np.int32)
    return random.normal(size=(4, 7, 3)).astype(np.float32)


def recurrent_models():
    return [
        RecurrentClassifier(num_outputs=6, **RECURRENT),
        RecurrentClassifier(num_outputs=6, bidirectional=True, representation="mean", **RECURRENT),
        RecurrentClassifier(num_outputs=6, cell="lstm", features=(4,), representation="max"),
        RecurrentTagger(num_outputs=6, bidirectional=True, **RECURRENT),
        RecurrentLanguageModel(vocabulary_size=11, embedding_features=3, **RECURRENT),
    ]


@functools.partial(jax.jit, static_argnums=0)
def variables_of(model, x, lengths=None):
    return model.init(jax.random.key(0), x, lengths)


@functools.partial(jax.jit, static_argnames=("model", "train", "method"))
def apply(model, variables, *inputs, **options):
    return model.apply(variables, *inputs, **options)


def outputs_of(result):
    return result[0] if isinstance(result, tuple) else result


IDS = ["last", "mean", "max", "tagger", "language model"]


@pytest.mark.parametrize("model", recurrent_models(), ids=IDS)
def test_a_padded_row_equals_the_row_alone(model):
    x = inputs(model)
    params = variables_of(model, x, LENGTHS)
    poisoned = x.copy()
    for row, length in enumerate(LENGTHS):
        poisoned[row, length:] = -1 if x.dtype == np.int32 else np.nan
    together = outputs_of(apply(model, params, poisoned, LENGTHS))
    assert np.isfinite(together).all()
    for row in np.flatnonzero(LENGTHS):
        length = LENGTHS[row]
        (alone,) = outputs_of(apply(model, params, x[[row], :length]))
        np.testing.assert_allclose(together[row, :length] if together.ndim == 3 else together[row], alone, atol=1e-6)


@pytest.mark.parametrize("model", recurrent_models(), ids=IDS)
def test_dropout_acts_in_training_alone(model):
    x = inputs(model)
    params = variables_of(model, x, LENGTHS)
    calm = [outputs_of(apply(model, params, x, LENGTHS)) for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    noisy = [
        outputs_of(apply(model, params, x, LENGTHS, train=True, rngs={"dropout": jax.random.key(seed)}))
        for seed in (1, 2)
    ]
    assert np.array_equal(*noisy) == (model.dropout == 0)


def test_a_language_model_reads_a_text_whole_in_chunks_and_step_by_step():
    model = RecurrentLanguageModel(vocabulary_size=11, embedding_features=3, **RECURRENT)
    x = inputs(model)
    params = variables_of(model, x)
    whole, carry = apply(model, params, x)
    assert whole.shape == (4, 7, 11)
    first, between = apply(model, params, x[:, :3])
    rest, chunked = apply(model, params, x[:, 3:], None, between)
    np.testing.assert_allclose(np.concatenate([first, rest], axis=1), whole, atol=1e-6)
    stepped = model.initial_carry((4,))
    for t in range(7):
        logits, stepped = apply(model, params, stepped, x[:, t], method="step")
        np.testing.assert_allclose(logits, whole[:, t], atol=1e-6)
    for other in (chunked, stepped):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), carry, other)


def test_a_language_model_does_not_see_ahead():
    model = RecurrentLanguageModel(vocabulary_size=11, embedding_features=3, **RECURRENT)
    x = inputs(model)
    params = variables_of(model, x)
    changed = x.copy()
    changed[:, 4] = (changed[:, 4] + 1) % 11
    before, after = apply(model, params, x)[0], apply(model, params, changed)[0]
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (np.abs(before[:, 4:] - after[:, 4:]).max(axis=-1) > 0).all()


def test_the_representation_is_what_it_says():
    x = inputs(RecurrentClassifier(num_outputs=2))
    tagger = RecurrentTagger(num_outputs=6, cell="rnn", features=(5,))
    variables = variables_of(tagger, x, LENGTHS)
    steps = apply(tagger, variables, x, LENGTHS)
    classifier = RecurrentClassifier(num_outputs=6, cell="rnn", features=(5,), representation="last")
    last = apply(classifier, variables, x, LENGTHS)  # the two have the same parameters
    for row, length in enumerate(LENGTHS):
        if length:
            np.testing.assert_allclose(last[row], steps[row, length - 1], atol=1e-6)
    # The mean commutes with the affine layer: what is left is its average over the steps.
    mean = RecurrentClassifier(num_outputs=6, cell="rnn", features=(5,), representation="mean")
    np.testing.assert_allclose(apply(mean, variables, x, LENGTHS)[0], steps[0].mean(axis=0), atol=1e-6)
    first = RecurrentClassifier(num_outputs=6, cell="rnn", features=(5,), representation="first")
    np.testing.assert_allclose(apply(first, variables, x, LENGTHS)[0], steps[0, 0], atol=1e-6)
    final = RecurrentClassifier(num_outputs=6, cell="rnn", features=(5,), representation="final")
    np.testing.assert_allclose(apply(final, variables, x, LENGTHS), last, atol=1e-6)


@pytest.mark.parametrize("representation", ["attention", "final", "log_sum_exp"])
def test_a_representation_sees_every_real_step_and_no_other(representation):
    model = RecurrentClassifier(num_outputs=6, bidirectional=True, representation=representation, **RECURRENT)
    x = inputs(model)
    variables = variables_of(model, x, LENGTHS)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(model.apply(variables, x, LENGTHS) ** 2)))(x)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(np.any(gradient[row] != 0, axis=-1), np.arange(x.shape[1]) < length)


def test_a_conv_net_halves_the_image_in_each_block():
    model = ConvNet2D(num_outputs=10, features=(4, 6), hidden_features=5)
    x = np.random.default_rng(0).normal(size=(3, 8, 12, 2)).astype(np.float32)
    params = variables_of(model, x)["params"]
    assert apply(model, {"params": params}, x).shape == (3, 10)
    assert params["hidden"]["kernel"].shape == (2 * 3 * 6, 5)


@pytest.mark.parametrize(
    ("model", "shape", "said"),
    [
        (ConvNet2D(num_outputs=2, features=(4,) * 4), (1, 8, 8, 1), "halve each side to nothing"),
        (RecurrentClassifier(num_outputs=2, cell="lsmt"), (1, 3, 2), "cell is 'lsmt'; allowed: rnn, lstm, gru"),
        (RecurrentClassifier(num_outputs=2, features=()), (1, 3, 2), "allowed: one int >= 1 per layer"),
        (
            RecurrentClassifier(num_outputs=2, representation="end"),
            (1, 3, 2),
            "allowed: first, last, log_sum_exp, max, mean, att",
        ),
        (RecurrentTagger(num_outputs=2, cell_options={"forget_bia": 1}), (1, 3, 2), "forget_bia"),
        (RecurrentTagger(num_outputs=2, output="crt"), (1, 3, 2), "output is 'crt'; allowed: crf, softmax"),
    ],
)
def test_what_does_not_fit_is_refused(model, shape, said):
    with pytest.raises(ValueError, match=said):
        model.init(jax.random.key(0), jnp.ones(shape))


@pytest.mark.parametrize("name", MODELS)
def test_a_row_can_be_called_as_the_trainer_calls_it(name):
    names = inspect.signature(MODELS[name].__call__).parameters
    assert list(names)[2] == "lengths_B"
    assert names["train"].kind is inspect.Parameter.KEYWORD_ONLY
