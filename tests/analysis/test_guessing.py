"""Networks drawn at random: what one says, against a loop; that what is found is right, and counted."""

import itertools

import jax
import numpy as np

from sequence_lab.analysis import guessing

RANDOM = np.random.default_rng(0)


def test_a_network_says_what_a_loop_over_real_steps_says():
    network = guessing.network(jax.random.key(1), 2, 4, 2.0)
    assert max(abs(np.asarray(array)).max() for array in network) <= 2
    inputs, lengths = RANDOM.normal(size=(30, 6, 2)).astype(np.float32), RANDOM.integers(0, 7, 30)
    expected = []
    for x, length in zip(inputs, lengths, strict=True):
        h = np.zeros(4)
        for step in x[:length]:
            h = np.tanh(step @ network.W + h @ network.U + network.b)
        expected.append(bool(h @ network.v + network.c > 0))
    assert 0 < np.mean(expected) < 1
    inputs[np.arange(6) >= lengths[:, None]] = np.nan
    np.testing.assert_array_equal(guessing.answers(network, inputs, lengths), expected)


def first_right(inputs, labels, seed):
    """The first of networks, drawn from the same keys, that a loop over all of them finds right."""
    lengths = np.full(len(labels), inputs.shape[1])
    for number in itertools.count():
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), guessing.AT_ONCE)
        for which, network in enumerate(map(NETWORK, keys)):
            if np.array_equal(ANSWERS(network, inputs, lengths), labels > 0):
                return number * guessing.AT_ONCE + which + 1


NETWORK = jax.jit(lambda key: guessing.network(key, 1, 3, 10.0))
ANSWERS = jax.jit(guessing.answers)


def test_what_is_right_in_the_first_sequences_alone_is_not_found():
    labels = np.repeat([0, 1], [guessing.FIRST, 30])  # a network that always says no has the first ones right
    inputs = RANDOM.normal(size=(len(labels), 3, 1)).astype(np.float32)
    assert guessing.guess(inputs[: guessing.FIRST], labels[: guessing.FIRST], at_most=500) is not None
    assert guessing.guess(inputs, labels, at_most=500) is None


def test_guessing_finds_a_network_for_a_sign_held_over_a_lag_and_none_for_chance():
    labels = RANDOM.integers(0, 2, 40)
    inputs = RANDOM.normal(size=(40, 8, 1)).astype(np.float32) * 0.1
    inputs[:, 0, 0] = 2 * labels - 1
    found = guessing.guess(inputs, labels, at_most=5000)
    assert found is not None
    tries, network = found
    assert 1 <= tries <= 5000
    np.testing.assert_array_equal(guessing.answers(network, inputs, np.full(40, 8)), labels > 0)
    assert guessing.guess(inputs, labels, at_most=tries)[0] == tries
    assert tries == first_right(inputs, labels, seed=0)
    assert guessing.guess(inputs, labels, at_most=tries - 1) is None
