"""Initialisers of recurrent matrices against NumPy's linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops.recurrence import cells, initializers

KEY = jax.random.key(0)


def radius(matrix: jax.Array) -> float:
    return np.abs(np.linalg.eigvals(np.asarray(matrix, np.float64))).max()


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_initializer_rescales_to_a_spectral_radius(name: str) -> None:
    init = initializers.INITIALIZERS[name]
    for wanted in (0.5, 1.3):
        matrix = jax.jit(lambda key, wanted=wanted: initializers.with_spectral_radius(init, wanted)(key, (20, 20)))(KEY)
        assert radius(matrix) == pytest.approx(wanted, rel=1e-5)
        plain = init(KEY, (20, 20), jnp.float32)
        np.testing.assert_allclose(matrix, plain * (wanted / radius(plain)), rtol=1e-4, atol=1e-7)


def test_spectral_radius_equals_numpy_on_hard_matrices() -> None:
    rotation = np.array([[0.0, -2.0], [2.0, 0.0]])
    far_from_normal = np.triu(np.full((6, 6), 50.0), 1) + np.diag([0.1, 0.5, -0.9, 0.2, 0.3, 0.4])
    for matrix in (rotation, far_from_normal, np.diag([1e-20, 3e-20]), np.diag([1e15, 2e15]), np.array([[-0.3]])):
        own = jax.jit(initializers.spectral_radius)(jnp.asarray(matrix, jnp.float32))
        assert own == pytest.approx(radius(matrix), rel=1e-4)
    nilpotent = jnp.array([[0.0, 1.0], [0.0, 0.0]])
    assert initializers.spectral_radius(nilpotent) == 0
    kept = initializers.with_spectral_radius(lambda key, shape, dtype: nilpotent, 0.9)(KEY, (2, 2), jnp.float32)
    np.testing.assert_array_equal(kept, nilpotent)


def test_sparse_gives_every_unit_its_connections() -> None:
    matrix = initializers.sparse(5)(KEY, (400, 300), jnp.float32)
    np.testing.assert_array_equal(np.sum(matrix != 0, axis=0), 5)
    assert np.std(matrix[matrix != 0]) == pytest.approx(5**-0.5, rel=0.05)
    assert len(np.unique(np.sum(matrix != 0, axis=1))) > 3, "the same inputs for every unit"
    np.testing.assert_array_equal(np.sum(initializers.sparse(5)(KEY, (3, 4), jnp.float32) != 0, axis=0), 3)


def test_uniform_is_that_of_torch_recurrent_layers() -> None:
    matrix = initializers.uniform()(KEY, (300, 100), jnp.float32)
    assert np.abs(matrix).max() == pytest.approx(0.1, rel=1e-3)
    assert np.var(matrix) == pytest.approx(0.01 / 3, rel=0.05)
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.GRU(300, 100).weight_ih_l0.detach().numpy()
    assert np.abs(matrix).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)


def test_identity_starts_from_a_copy_of_the_state() -> None:
    np.testing.assert_array_equal(initializers.identity(0.5)(KEY, (3, 3), jnp.float32), 0.5 * np.eye(3))


def test_cell_draws_each_gate_by_the_initialiser_it_is_given() -> None:
    cell = cells.GRUCell(30, recurrent_init=initializers.sparse(4), input_init="uniform", spectral_radius=0.8)
    recurrent = cell.parameters(5).matrices["recurrent"]
    blocks = np.split(np.asarray(recurrent.init(KEY, recurrent.shape, jnp.float32)), 3, axis=1)
    for block in blocks:
        np.testing.assert_array_equal(np.sum(block != 0, axis=0), 4)
        assert radius(block) == pytest.approx(0.8, rel=1e-4)
    low = recurrent.init(KEY, recurrent.shape, jnp.bfloat16)
    np.testing.assert_array_equal(low, np.concatenate(blocks, axis=1).astype(jnp.bfloat16))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: initializers.sparse(0), "connections is 0; allowed: 1 or more"),
        (lambda: initializers.chrono(2), "chrono_steps is 2; allowed: 3 or more"),
        (
            lambda: initializers.with_spectral_radius(initializers.uniform(), 0.9)(KEY, (3, 4)),
            r"shape \(3, 4\) has no spectral radius; allowed: a square one",
        ),
    ],
)
def test_initializer_refuses_what_it_cannot_mean(use: object, message: str) -> None:
    assert callable(use)
    with pytest.raises(ValueError, match=message):
        use()
