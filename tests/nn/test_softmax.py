"""Softmax by groups of symbols: distributions, equal to a loop over the classes and to PyTorch's."""

import jax
import numpy as np
import pytest

from sequence_lab import nn

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 3, 16)).astype(np.float32)


def drawn(layer):
    shapes = jax.eval_shape(layer.init, jax.random.key(0), X)
    return jax.tree.map(lambda a: RANDOM.normal(size=a.shape).astype(np.float32), shapes)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@pytest.mark.parametrize("layer", [nn.ClassSoftmax((1, 4, 9, 30)), nn.AdaptiveSoftmax((5, 12, 30))])
def test_probabilities_sum_to_one(layer):
    log_probs = layer.apply(drawn(layer), X)
    assert log_probs.shape == (2, 3, 30)
    np.testing.assert_allclose(np.exp(log_probs).sum(-1), 1, rtol=1e-5)


def test_a_class_then_a_symbol_of_it():
    bounds = (1, 4, 9, 30)
    layer = nn.ClassSoftmax(bounds)
    variables = drawn(layer)
    classes, symbols = (
        X @ variables["params"][name]["kernel"] + variables["params"][name]["bias"] for name in ("classes", "symbols")
    )
    expected = np.zeros((2, 3, 30))
    for number, end in enumerate(bounds):
        first = bounds[number - 1] if number else 0
        expected[..., first:end] = log_softmax(classes)[..., [number]] + log_softmax(symbols[..., first:end])
    np.testing.assert_allclose(layer.apply(variables, X), expected, rtol=1e-4, atol=1e-4)


def test_adaptive_softmax_is_pytorchs():
    torch = pytest.importorskip("torch")
    layer = nn.AdaptiveSoftmax((5, 12, 30))
    variables = drawn(layer)
    reference = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 30, [5, 12])

    def put(target, name):
        with torch.no_grad():
            target.weight.copy_(torch.from_numpy(variables["params"][name]["kernel"].T))

    put(reference.head, "head")
    for number in range(2):
        put(reference.tail[number][0], f"projection_{number}")
        put(reference.tail[number][1], f"group_{number}")
    expected = reference.log_prob(torch.from_numpy(X.reshape(6, 16))).detach().numpy().reshape(2, 3, 30)
    np.testing.assert_allclose(layer.apply(variables, X), expected, rtol=1e-4, atol=1e-4)


ZIPF = 10**7 // np.arange(1, 1001)  # the first one is worth 13 % of the text


@pytest.mark.parametrize("counts", [ZIPF, ZIPF[::-1], np.ones(1000, int), 10**9 // np.arange(1, 1001) ** 2])
@pytest.mark.parametrize("classes", [1, 2, 10, 100, 999, 1000])
def test_there_are_as_many_classes_as_asked_for_and_none_is_empty(counts, classes):
    bounds = nn.frequency_classes(counts, classes)
    assert len(bounds) == classes
    assert bounds[-1] == 1000
    assert min(np.diff([0, *bounds])) >= 1


@pytest.mark.parametrize("classes", [10, 100])
def test_classes_are_those_of_the_rnnlm_toolkit(classes):
    """Against its loop over the words, where frequent ones are worth more than a class."""
    number, share, class_V = 0, 0.0, []
    for count in ZIPF:
        share += count / ZIPF.sum()
        class_V.append(number)
        if share > (number + 1) / classes and number < classes - 1:
            number += 1
    ends = np.flatnonzero(np.diff([*class_V, classes])) + 1
    np.testing.assert_array_equal(nn.frequency_classes(ZIPF, classes), ends)


def test_classes_of_several_symbols_have_about_equal_shares_of_the_text():
    counts = 10**7 // np.arange(20, 1020)
    bounds = np.array([0, *nn.frequency_classes(counts, 20)])
    shares = np.diff(np.concatenate([[0], np.cumsum(counts)])[bounds]) / counts.sum()
    assert np.abs(shares - 1 / 20).max() <= counts.max() / counts.sum()
    assert nn.frequency_classes((1, 1, 1, 1), 2) == (2, 4)


@pytest.mark.parametrize(("counts", "classes"), [((3, 2), 0), ((3, 2), 3), ((0, 0), 1), ((), 1)])
def test_classes_that_cannot_be_made_are_refused(counts, classes):
    with pytest.raises(ValueError, match=f"classes is {classes}; allowed"):
        nn.frequency_classes(counts, classes)


@pytest.mark.parametrize("cutoffs", [(5,), (0, 4), (4, 4), (5, 3)])
def test_cutoffs_that_are_none_are_refused(cutoffs):
    with pytest.raises(ValueError, match="cutoffs is"):
        nn.AdaptiveSoftmax(cutoffs).init(jax.random.key(0), X)
