"""A recurrent language model's options: tied logits, dropout of symbols and units, one draw for a row."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import RecurrentLanguageModel
from sequence_lab.ops import dropout

RANDOM = np.random.default_rng(0)
LENGTHS = np.array([7, 3, 0], np.int32)
V = 11
BASE = {"vocabulary_size": V, "embedding_features": 4, "cell": "gru", "features": (5, 4)}


def text():
    return RANDOM.integers(0, V, (3, 7)).astype(np.int32)


@functools.partial(jax.jit, static_argnames=("model", "train"))
def apply(model, variables, *inputs, **options):
    return model.apply(variables, *inputs, **options)


def initial(model, x):
    return jax.jit(model.init)(jax.random.key(0), x)


@pytest.mark.parametrize("features", [(5, 4), (5,)])
def test_tied_logits_are_products_with_the_symbols_vectors(features):
    plain, tied = (
        RecurrentLanguageModel(**{**BASE, "features": features}, tied=t, with_hidden=True) for t in (False, True)
    )
    x = text()
    variables = initial(tied, x)
    params = variables["params"]
    assert ("projection" in params) == (features == (5,))
    assert "head" not in params
    params = {**params, "bias": jnp.asarray(RANDOM.normal(size=V), jnp.float32)}
    outputs, _ = apply(tied, {"params": params}, x, LENGTHS)
    y = outputs["hidden"]
    y = y @ params["projection"]["kernel"] if features == (5,) else y
    expected = y @ params["embedding"]["table"].T + params["bias"]
    real = np.arange(7) < LENGTHS[:, None]
    np.testing.assert_allclose(outputs["symbols"][real], expected[real], atol=1e-5)
    np.testing.assert_array_equal(outputs["symbols"][~real], 0)
    sizes = [sum(a.size for a in jax.tree.leaves(initial(model, x))) for model in (plain, tied)]
    assert sizes[0] - sizes[1] == features[-1] * V - (5 * 4 if features == (5,) else 0)


def test_penalties_find_what_the_top_layer_puts_out_as_it_is_and_as_dropout_leaves_it_to_the_logits():
    model = RecurrentLanguageModel(**{**BASE, "features": (4,)}, dropout=0.5, tied=True, with_hidden=True)
    x = text()
    variables = initial(model, x)
    calm, _ = apply(model, variables, x)
    np.testing.assert_array_equal(calm["hidden"], calm["dropped"])
    noisy, _ = apply(model, variables, x, train=True, rngs={"dropout": jax.random.key(1)})
    np.testing.assert_allclose(noisy["hidden"], calm["hidden"], rtol=1e-6)
    kept = np.asarray(noisy["dropped"]) != 0
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(noisy["dropped"], np.where(kept, 2 * calm["hidden"], 0), rtol=1e-5)
    expected = noisy["dropped"] @ variables["params"]["embedding"]["table"].T
    np.testing.assert_allclose(noisy["symbols"], expected, atol=1e-5)


def test_a_locked_draw_is_the_same_at_every_step_of_a_row_and_another_in_another():
    x = jnp.ones((3, 50, 20))
    kept = dropout.dropout(jax.random.key(0), x, 0.5, locked=True)
    assert set(np.unique(kept)) == {0.0, 2.0}
    np.testing.assert_array_equal(kept, jnp.broadcast_to(kept[:, :1], kept.shape))
    assert not np.array_equal(kept[0], kept[1])
    loose = dropout.dropout(jax.random.key(0), x, 0.5)
    assert not np.array_equal(loose, jnp.broadcast_to(loose[:, :1], loose.shape))


@pytest.mark.parametrize("option", ["input_dropout", "symbol_dropout", "dropout"])
def test_noise_acts_in_training_alone(option):
    x = text()
    model = RecurrentLanguageModel(**BASE, **{option: 0.5}, locked=True)
    variables = initial(model, x)
    calm, _ = apply(model, variables, x)
    quiet, _ = apply(RecurrentLanguageModel(**BASE), variables, x)
    np.testing.assert_array_equal(calm, quiet)
    noisy = [apply(model, variables, x, train=True, rngs={"dropout": jax.random.key(s)})[0] for s in (1, 2)]
    assert not np.array_equal(*noisy)
    with pytest.raises(ValueError, match=r"dropout is 1\.0; allowed: 0 or more, below 1"):
        RecurrentLanguageModel(**BASE, **{option: 1.0}).init(jax.random.key(0), x)


def test_vectors_start_within_the_scale():
    table = initial(RecurrentLanguageModel(**BASE, table_scale=0.1), text())["params"]["embedding"]["table"]
    assert 0.05 < np.abs(table).max() <= 0.1


@pytest.mark.parametrize("options", [{"classes": 3, "symbol_counts": tuple(range(11, 0, -1))}, {"cutoffs": (3, 6)}])
def test_logits_by_groups_are_log_probabilities_also_step_by_step(options):
    model = RecurrentLanguageModel(**BASE, **options)
    x = text()
    variables = initial(model, x)
    log_probs, _ = apply(model, variables, x)
    np.testing.assert_allclose(np.exp(log_probs).sum(-1), 1, rtol=1e-5)
    carry = model.initial_carry((3,))
    for step in range(3):
        found, carry = model.apply(variables, carry, x[:, step], method="step")
        np.testing.assert_allclose(found, log_probs[:, step], rtol=1e-4, atol=1e-5)


def test_only_one_kind_of_logits_can_be_asked_for():
    with pytest.raises(ValueError, match="allowed: one of the three"):
        initial(RecurrentLanguageModel(**BASE, tied=True, cutoffs=(3,)), text())


def test_classes_need_counts():
    with pytest.raises(ValueError, match="classes is 3; allowed on a text whose symbols are not counted: 0"):
        initial(RecurrentLanguageModel(**BASE, classes=3), text())
