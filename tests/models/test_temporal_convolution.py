"""Causal convolution: whole, in chunks and step by step the same; what is seen, and what is not."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import (
    ConvolutionalLanguageModel,
    TemporalConvClassifier,
    TemporalConvLanguageModel,
    TemporalConvTagger,
)
from sequence_lab.models.temporal_convolution import TemporalConvNet

RANDOM = np.random.default_rng(0)
LENGTHS = np.array([9, 4, 0, 1], np.int32)
T, V = 9, 11
LANGUAGE = {
    "window": ConvolutionalLanguageModel(V, 3, window=4, hidden_features=5),
    "stack": TemporalConvLanguageModel(V, 3, features=(4, 4), kernel_size=2),
    "gated": TemporalConvLanguageModel(V, 3, features=(3, 5), kernel_size=3, gated=True),
}
SEEN = {"window": 3, "stack": 1 + 2 * 1 * (1 + 2), "gated": 1 + 2 * 2 * (1 + 2)}  # symbols, its own among them


@functools.partial(jax.jit, static_argnums=0)
def variables_of(model, x, lengths=None):
    return model.init(jax.random.key(0), x, lengths)


@functools.partial(jax.jit, static_argnames=("model", "method"))
def apply(model, variables, *inputs, method=None):
    return model.apply(variables, *inputs, method=method)


def text():
    return RANDOM.integers(0, V, (4, T)).astype(np.int32)


@pytest.mark.parametrize("name", LANGUAGE)
def test_a_text_whole_in_chunks_and_step_by_step_is_the_same(name):
    model, x = LANGUAGE[name], text()
    variables = variables_of(model, x)
    whole, carry = apply(model, variables, x)
    first, between = apply(model, variables, x[:, :4])
    rest, chunked = apply(model, variables, x[:, 4:], None, between)
    np.testing.assert_allclose(np.concatenate([first, rest], axis=1), whole, atol=1e-5)
    stepped = model.initial_carry((4,))
    for t in range(T):
        logits, stepped = apply(model, variables, stepped, x[:, t], method="step")
        np.testing.assert_allclose(logits, whole[:, t], atol=1e-5)
    for other in (chunked, stepped):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), carry, other)


@pytest.mark.parametrize("name", LANGUAGE)
def test_padding_changes_nothing_and_the_carry_is_that_after_the_last_symbol(name):
    model, x = LANGUAGE[name], text()
    variables = variables_of(model, x)
    padded = np.where(np.arange(T) < LENGTHS[:, None], x, -1)
    logits, carry = apply(model, variables, padded, LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone, after = apply(model, variables, x[[row], :length]) if length else (None, model.initial_carry((1,)))
        np.testing.assert_array_equal(logits[row, length:], 0)
        if length:
            np.testing.assert_allclose(logits[row, :length], alone[0], atol=1e-5)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a[row], b[0], atol=1e-5), carry, after)  # noqa: B023


@pytest.mark.parametrize("name", LANGUAGE)
def test_an_output_sees_the_last_symbols_and_no_others(name):
    """Symbols count from the output's own backwards; in some rows a ReLU hides one."""
    model = LANGUAGE[name]
    x = RANDOM.integers(0, V, (16, 20)).astype(np.int32)
    variables = variables_of(model, x)
    whole, _ = apply(model, variables, x)
    differs = []
    for back in range(20):
        changed = x.copy()
        changed[:, 19 - back] = (changed[:, 19 - back] + 1) % V
        differs.append(not np.array_equal(apply(model, variables, changed)[0][:, 19], whole[:, 19]))
    assert differs == [back < SEEN[name] for back in range(20)]


def test_a_block_is_that_of_the_paper():
    """Against PyTorch: padded convolution, its end cut off, ReLU, twice; the input added, ReLU."""
    torch = pytest.importorskip("torch")
    network = TemporalConvNet((4, 5), 3)
    x = RANDOM.normal(size=(2, T, 3)).astype(np.float32)
    variables = variables_of(network, x)
    params = jax.device_get(variables["params"])
    h = torch.tensor(x).transpose(1, 2)
    for number, size in enumerate((4, 5)):
        own, dilation, y = params[f"block_{number}"], 2**number, h
        for layer in range(2):
            weights = own[f"layer_{layer}"]["convolution"]
            kernel = torch.tensor(weights["kernel"]).permute(2, 1, 0)
            y = torch.nn.functional.conv1d(
                y, kernel, torch.tensor(weights["bias"]), padding=2 * dilation, dilation=dilation
            )[..., :T].relu()
        around = own["around"]
        h = (
            torch.einsum("bct,cd->bdt", h, torch.tensor(around["kernel"])) + torch.tensor(around["bias"])[:, None] + y
        ).relu()
        assert h.shape[1] == size
    found, _ = apply(network, variables, x)
    np.testing.assert_allclose(found, h.transpose(1, 2).numpy(), atol=1e-5)


def test_a_classifier_reads_the_tagger_at_the_last_step():
    x = RANDOM.normal(size=(4, T, 3)).astype(np.float32)
    tagger, classifier = (kind(6, features=(4,)) for kind in (TemporalConvTagger, TemporalConvClassifier))
    variables = variables_of(tagger, x, LENGTHS)
    steps, last = apply(tagger, variables, x, LENGTHS), apply(classifier, variables, x, LENGTHS)
    for row in np.flatnonzero(LENGTHS):
        np.testing.assert_allclose(last[row], steps[row, LENGTHS[row] - 1], atol=1e-5)


def test_an_n_gram_model_is_a_hidden_layer_over_the_last_words_vectors():
    """Against the product of Bengio et al. (2003) with the vectors side by side, oldest first, zeros before them."""
    model, x = LANGUAGE["window"], text()
    variables = variables_of(model, x)
    params = jax.device_get(variables["params"])
    layer = params["decoder"]["layer"]["convolution"]
    vectors = np.concatenate([np.zeros((4, 2, 3)), params["embedding"]["table"][x]], axis=1)
    side_by_side = np.concatenate([vectors[:, i : i + T] for i in range(3)], axis=-1)
    hidden = np.tanh(side_by_side @ layer["kernel"].reshape(9, 5) + layer["bias"])
    expected = hidden @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(apply(model, variables, x)[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", LANGUAGE)
def test_dropout_of_a_language_model_acts_in_training_alone(name):
    model, x = LANGUAGE[name].clone(dropout=0.5), text()
    variables = variables_of(model, x)
    calm, _ = apply(model, variables, x)
    np.testing.assert_array_equal(calm, apply(LANGUAGE[name], variables, x)[0])
    noisy, _ = model.apply(variables, x, train=True, rngs={"dropout": jax.random.key(1)})
    assert not np.allclose(calm, noisy, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (ConvolutionalLanguageModel, {"window": 1}, "window is 1; allowed: 2 or more"),
        (ConvolutionalLanguageModel, {"dropout": 1.0}, "dropout is 1.0; allowed: 0 or more, below 1"),
        (TemporalConvLanguageModel, {"features": ()}, r"features is \(\), kernel_size is 3; allowed: one or more"),
    ],
)
def test_a_language_model_that_cannot_be_is_refused(model, fields, said):
    with pytest.raises(ValueError, match=said):
        model(V, **fields).init(jax.random.key(0), text())


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (TemporalConvTagger(2, features=()), r"features is \(\), kernel_size is 3; allowed: one or more, 2 or more"),
        (TemporalConvClassifier(2, representation="end"), "representation is 'end'; allowed: first"),
        (TemporalConvClassifier(2, dropout=1.0), "dropout is 1.0; allowed: 0 or more, below 1"),
    ],
)
def test_what_does_not_fit_is_refused(model, said):
    with pytest.raises(ValueError, match=said):
        model.init(jax.random.key(0), jnp.ones((1, T, 2)))
