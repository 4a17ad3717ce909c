"""The chain of labels against every path there is, one by one."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import crf

K, STEPS = 3, 4
LENGTHS = np.array([4, 3, 1, 0], np.int32)
RANDOM = np.random.default_rng(0)
POTENTIALS = (2 * RANDOM.normal(size=(len(LENGTHS), STEPS, K, K))).astype(np.float32)
LABELS = RANDOM.integers(0, K, (len(LENGTHS), STEPS))
POISONED = np.where((np.arange(STEPS) < LENGTHS[:, None])[..., None, None], POTENTIALS, np.nan)


def paths(row):
    """Every path of a row, and its score, in float64."""
    found = {}
    for path in itertools.product(range(K), repeat=LENGTHS[row]):
        before = (0, *path[:-1])
        found[path] = sum(float(POTENTIALS[row, t, i, j]) for t, (i, j) in enumerate(zip(before, path, strict=False)))
    return found


ALL = [paths(row) for row in range(len(LENGTHS))]
PARTITIONS = np.array([np.log(np.sum(np.exp(list(found.values())))) for found in ALL])

log_partition, score, viterbi, marginals, log_likelihood = map(
    jax.jit, (crf.log_partition, crf.score, crf.viterbi, crf.marginals, crf.log_likelihood)
)


def test_the_partition_is_the_sum_over_all_paths():
    found = log_partition(POISONED, LENGTHS)
    np.testing.assert_allclose(found, PARTITIONS, rtol=1e-5)
    np.testing.assert_allclose(log_partition(POTENTIALS[:1], None)[0], PARTITIONS[0], rtol=1e-5)


def test_the_score_and_the_likelihood_are_those_of_the_path():
    expected = np.array([ALL[row][tuple(LABELS[row, :length])] for row, length in enumerate(LENGTHS)])
    labels = np.where(np.arange(STEPS) < LENGTHS[:, None], LABELS, 99)
    np.testing.assert_allclose(score(POISONED, labels, LENGTHS), expected, rtol=1e-5)
    np.testing.assert_allclose(log_likelihood(POISONED, labels, LENGTHS), expected - PARTITIONS, rtol=1e-5)


def test_the_likelihood_sums_over_labels_that_are_not_known():
    observed = np.array([[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)

    def fits(row, path):
        return all(not observed[row, t] or path[t] == LABELS[row, t] for t in range(LENGTHS[row]))

    sums = [np.log(sum(np.exp(s) for path, s in ALL[row].items() if fits(row, path))) for row in range(4)]
    found = log_likelihood(POISONED, LABELS, LENGTHS, observed)
    np.testing.assert_allclose(found, np.array(sums) - PARTITIONS, rtol=1e-5, atol=1e-6)
    everywhere = log_likelihood(POISONED, LABELS, LENGTHS, np.ones_like(observed))
    np.testing.assert_allclose(everywhere, log_likelihood(POISONED, LABELS, LENGTHS), rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda x: jnp.sum(crf.log_likelihood(x, LABELS, LENGTHS, observed)))(POISONED)
    assert np.isfinite(gradient).all()


def test_marginals_are_shares_of_all_paths():
    expected = np.zeros(POTENTIALS.shape)
    for row, found in enumerate(ALL):
        for path, value in found.items():
            for t, (i, j) in enumerate(zip((0, *path[:-1]), path, strict=False)):
                expected[row, t, i, j] += np.exp(value - PARTITIONS[row])
    np.testing.assert_allclose(marginals(POISONED, LENGTHS), expected, atol=1e-6)


def test_viterbi_finds_the_likeliest_path():
    found, scores = viterbi(POISONED, LENGTHS)
    assert found.dtype == np.int32
    for row, length in enumerate(LENGTHS):
        best = max(ALL[row], key=ALL[row].get)
        np.testing.assert_array_equal(found[row], (*best, *[0] * (STEPS - length)))
        np.testing.assert_allclose(scores[row], ALL[row][best], rtol=1e-5)


def test_any_number_of_batch_axes_and_a_single_step():
    grid = POTENTIALS.reshape(2, 2, STEPS, K, K)
    np.testing.assert_allclose(log_partition(grid, LENGTHS.reshape(2, 2)).ravel(), PARTITIONS, rtol=1e-5)
    path, best = viterbi(POTENTIALS[0, :1], None)
    assert path.shape == (1,)
    np.testing.assert_allclose(best, POTENTIALS[0, 0, 0].max())


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"potentials have shape \(2, 3\)"):
        crf.log_partition(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"labels have shape \(4,\); allowed: \(4, 4\)"):
        crf.score(POTENTIALS, LABELS[0])
    with pytest.raises(ValueError, match="observed has shape"):
        crf.log_likelihood(POTENTIALS, LABELS, None, np.ones(3, bool))
