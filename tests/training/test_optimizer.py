"""The optimizer chain against closed forms and NumPy loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.training.optimizer import RULES, SCHEDULES, OptimizerConfig, optimizer, schedule


def updates(config, grads, params, num_steps=10):
    tx = optimizer(config, num_steps)
    state, found = tx.init(params), []
    for grad in grads:
        update, state = tx.update(grad, state, params)
        found.append(update)
    return found


def random_tree(seed):
    keys = jax.random.split(jax.random.key(seed))
    return {"w": jax.random.normal(keys[0], (3, 2)), "b": jax.random.normal(keys[1], (2,))}


def test_clipping_comes_before_the_rule_and_scales_the_whole_gradient():
    grads = random_tree(0)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in jax.tree.leaves(grads)))
    config = OptimizerConfig(name="sgd", learning_rate=0.5, clip_norm=float(norm) / 4)
    (update,) = updates(config, [grads], random_tree(1))
    for name in grads:
        np.testing.assert_allclose(update[name], -0.5 * grads[name] / 4, rtol=1e-5)


def test_a_clip_norm_of_zero_clips_nothing():
    grads = jax.tree.map(lambda g: 1e6 * g, random_tree(0))
    (update,) = updates(OptimizerConfig(name="sgd", learning_rate=1.0, clip_norm=0.0), [grads], random_tree(1))
    np.testing.assert_allclose(update["w"], -grads["w"], rtol=1e-6)


def numpy_rule(name, grads, rate, c):
    """Each rule's updates for one array, from its paper, as PyTorch writes them."""
    m = v = d = np.zeros_like(grads[0])
    found = []
    for t, g in enumerate(grads, 1):
        if name == "sgd":
            step = g
        elif name == "momentum":
            m = c.momentum * m + g
            step = m
        elif name in ("adam", "adamw"):
            m, v = c.b1 * m + (1 - c.b1) * g, c.b2 * v + (1 - c.b2) * g**2
            step = (m / (1 - c.b1**t)) / (np.sqrt(v / (1 - c.b2**t)) + c.eps)
        elif name == "rmsprop":
            v = c.momentum * v + (1 - c.momentum) * g**2
            step = g / np.sqrt(v + c.eps)
        elif name == "adagrad":
            v = v + g**2
            step = g / np.sqrt(v + c.eps)
        elif name == "adadelta":
            v = c.momentum * v + (1 - c.momentum) * g**2
            step = g * np.sqrt(d + c.eps) / np.sqrt(v + c.eps)
            d = c.momentum * d + (1 - c.momentum) * step**2
        found.append(-rate * step)
    return found


@pytest.mark.parametrize("name", list(RULES))
def test_rule_follows_its_equations(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, clip_norm=0.0, eps=1e-6)
    params = {"w": jax.random.normal(jax.random.key(9), (3, 2))}
    grads = [{"w": jax.random.normal(jax.random.key(i), (3, 2))} for i in range(4)]
    expected = numpy_rule(name, [np.asarray(g["w"], np.float64) for g in grads], 0.1, config)
    for update, wanted in zip(updates(config, grads, params), expected, strict=True):
        np.testing.assert_allclose(update["w"], wanted, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", list(RULES))
def test_weight_decay_shrinks_matrices_and_leaves_vectors_alone(name):
    params = {"w": jnp.full((2, 2), 3.0), "b": jnp.full(2, 3.0)}
    zeros = jax.tree.map(jnp.zeros_like, params)
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.01, eps=1e-6)
    (update,) = updates(config, [zeros], params)
    assert (update["w"] < 0).all()
    np.testing.assert_array_equal(update["b"], 0)


def test_adamw_decay_is_decoupled_from_the_gradient():
    params, grads = {"w": jnp.full((2, 2), 3.0)}, {"w": jnp.full((2, 2), 100.0)}
    common = {"learning_rate": 0.1, "clip_norm": 0.0}
    (plain,) = updates(OptimizerConfig(name="adam", **common), [grads], params)
    (decayed,) = updates(OptimizerConfig(name="adamw", weight_decay=0.01, **common), [grads], params)
    np.testing.assert_allclose(decayed["w"] - plain["w"], -0.1 * 0.01 * 3.0, rtol=1e-3)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_schedule_starts_and_ends_where_it_should(name):
    config = OptimizerConfig(
        learning_rate=0.2, schedule=name, warmup_steps=10, final_factor=0.1, decay_every=40, decay_factor=0.5
    )
    rate = schedule(config, 100)
    start, warm, end = (float(rate(step)) for step in (0, 10, 100))
    expected = {
        "constant": (0.2, 0.2, 0.2), "plateau": (0.2, 0.2, 0.2),
        "warmup_cosine": (0.0, 0.2, 0.02), "step_decay": (0.2, 0.2, 0.05),
    }[name]  # fmt: skip
    np.testing.assert_allclose((start, warm, end), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "fields",
    [{"name": "adm"}, {"schedule": "cosin"}, {"learning_rate": -1.0}, {"clip_norm": float("nan")}, {"decay_every": 0}],
)
def test_bad_fields_are_refused(fields):
    (name,) = fields
    with pytest.raises(ValueError, match=rf"optimizer\.{name} is .*allowed"):
        OptimizerConfig(**fields)


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_max_norm_bounds_the_weights_into_each_output_of_the_head_and_nothing_else(share):
    params = {
        "head": {"kernel": jnp.array([[2.0, 0.1], [0.0, 0.2]]), "bias": jnp.ones(2)},
        "w": {"kernel": jnp.ones((2, 2))},
    }
    grads = jax.tree.map(lambda x: jnp.full_like(x, -4.0), params)
    config = OptimizerConfig(name="sgd", learning_rate=1.0, clip_norm=0.0, max_norm=3.0)
    (update,) = updates(config, [grads], params)
    moved = jax.tree.map(lambda p, u: p + share * u, params, update)
    assert (jnp.linalg.norm(moved["head"]["kernel"], axis=0) <= 3.0 + 1e-5).all()
    np.testing.assert_allclose(update["head"]["bias"], 4.0)
    np.testing.assert_allclose(update["w"]["kernel"], 4.0)
    full = params["head"]["kernel"] + 4
    expected = full * 3 / np.linalg.norm(full, axis=0)
    np.testing.assert_allclose(params["head"]["kernel"] + update["head"]["kernel"], expected, rtol=1e-5)
    (small,) = updates(config, [jax.tree.map(lambda g: 0.01 * g, grads)], params)
    np.testing.assert_allclose(small["head"]["kernel"], 0.04, rtol=1e-4)
