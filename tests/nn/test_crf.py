"""Potentials of a chain: what speaks for a class, and for the one after another."""

import jax
import numpy as np

from sequence_lab import nn

X = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
LENGTHS = np.array([4, 2], np.int32)


def test_potentials_are_emissions_and_transitions():
    layer = nn.ChainPotentials(3)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), X)
    random = np.random.default_rng(1)
    variables = jax.tree.map(lambda a: random.normal(size=a.shape).astype(np.float32), shapes)
    params = variables["params"]
    found = layer.apply(variables, X, LENGTHS)
    emissions = X @ params["emissions"]["kernel"] + params["emissions"]["bias"]
    np.testing.assert_allclose(found[:, 0, 0], emissions[:, 0] + params["start"], atol=1e-5)
    for t in (1, 2, 3):
        expected = emissions[0, t] + params["transitions"]
        np.testing.assert_allclose(found[0, t], expected, atol=1e-5)
    np.testing.assert_array_equal(found[1, 2:], 0)
