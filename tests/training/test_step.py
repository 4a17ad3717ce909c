"""The compiled step: the same numbers however it is spread, and nothing applied that should not be."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sequence_lab.training.objectives import OBJECTIVES, Task
from sequence_lab.training.optimizer import OptimizerConfig, optimizer, schedule
from sequence_lab.training.parallel import REPLICATED, SHARDED, Parallel
from sequence_lab.training.state import initial_state
from sequence_lab.training.trainer import Trainer, TrainingConfig

B, T, C, D = 8, 6, 3, 4
RANDOM = np.random.default_rng(0)


def apply(variables, batch, carry, *, train, key):
    """A recurrence with a read-out and a statistic: enough to have a carry, lengths and a gradient through time."""
    params = variables["params"]

    def step(h, x):
        h = jnp.tanh(x @ params["w"] + h @ params["u"])
        return h, h

    h, h_T = jax.lax.scan(step, carry["h"], jnp.moveaxis(batch["inputs"], 1, 0))
    seen = variables["statistics"]["steps"] + batch["inputs"].shape[1] * train
    return jnp.moveaxis(h_T, 0, 1) @ params["v"], {"h": h}, {"statistics": {"steps": seen}}


def variables(params):
    return {"params": params, "statistics": {"steps": jnp.zeros((), jnp.int32)}}


def params():
    keys = jax.random.split(jax.random.key(1), 3)
    shapes = {"w": (C, D), "u": (D, D), "v": (D, 2)}
    return {name: jax.random.normal(key, shape) for key, (name, shape) in zip(keys, shapes.items(), strict=True)}


def batch(seed=0):
    random = np.random.default_rng(seed)
    return {
        "inputs": random.normal(size=(B, T, C)).astype(np.float32),
        "labels": random.normal(size=(B, T, 2)).astype(np.float32),
        "lengths": random.integers(0, T + 1, B).astype(np.int32),
        "mask": (random.random(B) < 0.7).astype(np.float32),
        "start": np.zeros(B, bool),
    }


def trainer(kind="jit", devices=1, clip_norm=0.05, k1=0, name="adam", average_from=0):
    config = OptimizerConfig(name=name, learning_rate=0.05, clip_norm=clip_norm, average_from=average_from)
    return Trainer(
        apply=apply,
        initial_carry=lambda size: {"h": jnp.zeros((size, D))},
        tasks=[Task("task", OBJECTIVES["regression"])],
        tx=optimizer(config, 10),
        optimizer=config,
        schedule=schedule(config, 10),
        training=TrainingConfig(batch_size=B, evaluation_batch_size=B, k1=k1, k2=T),
        parallel=Parallel(kind, jax.devices()[:devices]),
    )


def steps(trainer, batches, carry=None):
    parallel = trainer.parallel
    state = parallel.put(initial_state(variables(params()), trainer.tx, jax.random.key(0)), REPLICATED)
    carry = parallel.put({"h": np.full((B, D), 0.1, np.float32)} if carry is None else carry, SHARDED)
    found = []
    for one in batches:
        state, carry, measures = trainer.train_step(state, carry, parallel.put(one, SHARDED))
        found.append(jax.device_get(measures))
    return parallel.get(state, REPLICATED), parallel.get(carry, SHARDED), found


@pytest.fixture(scope="module")
def reference():
    return steps(trainer(), [batch(i) for i in range(3)])


@pytest.mark.parametrize(("kind", "devices"), [("jit", 8), ("pmap", 1), ("pmap", 8)])
def test_devices_and_kinds_give_the_same_numbers(reference, kind, devices):
    found = steps(trainer(kind, devices), [batch(i) for i in range(3)])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), found[:2], reference[:2])
    for one, other in zip(found[2], reference[2], strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), one, other)
    assert all(measures["clipped"].total == 1 for measures in found[2])


def test_update_is_the_clipped_gradient_of_the_mean_over_all_that_counts():
    one = batch()
    weights = (np.arange(T) < one["lengths"][:, None]) * one["mask"][:, None]

    def loss(p):
        outputs, _, _ = apply(variables(p), one, {"h": jnp.full((B, D), 0.1)}, train=True, key=None)
        return jnp.sum(jnp.mean((outputs - one["labels"]) ** 2, -1) * weights) / weights.sum()

    grads = jax.grad(loss)(params())
    norm = optax.tree.norm(grads)
    state, _, (measures,) = steps(trainer(devices=8, name="sgd"), [one])
    np.testing.assert_allclose(measures["grad_norm"].total, norm, rtol=1e-5)
    expected = jax.tree.map(lambda p, g: p - 0.05 * g * 0.05 / norm, params(), grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), state.params, expected)


@pytest.mark.parametrize("devices", [1, 8])
def test_a_batch_in_which_nothing_counts_changes_nothing(devices):
    empty = {**batch(), "mask": np.zeros(B, np.float32)}
    state, carry, (measures,) = steps(trainer(devices=devices), [empty])
    jax.tree.map(np.testing.assert_array_equal, state.params, jax.device_get(params()))
    np.testing.assert_array_equal(carry["h"], np.float32(0.1))
    assert state.statistics["statistics"]["steps"] == 0
    assert measures["finite"].total == 1
    assert state.step == 1


def test_an_update_that_is_not_finite_is_left_out_whole():
    broken = batch()
    broken["labels"][0, 0, 0] = np.inf
    broken["mask"][:], broken["lengths"][:] = 1, T
    good = steps(trainer(), [batch(1)])
    found = steps(trainer(), [batch(1), broken])
    assert [m["finite"].total for m in found[2]] == [1, 0]
    jax.tree.map(np.testing.assert_array_equal, found[0].params, good[0].params)
    jax.tree.map(np.testing.assert_array_equal, found[0].opt_state, good[0].opt_state)
    jax.tree.map(np.testing.assert_array_equal, found[1], good[1])


def test_step_compiles_once():
    t = trainer(devices=8)
    steps(t, [batch(i) for i in range(3)])
    assert t.train_step._cache_size() == 1


def test_state_and_carry_are_donated():
    t = trainer()
    state = t.parallel.put(initial_state(variables(params()), t.tx, jax.random.key(0)), REPLICATED)
    carry = t.parallel.put({"h": np.zeros((B, D), np.float32)}, SHARDED)
    t.train_step(state, carry, t.parallel.put(batch(), SHARDED))
    assert all(x.is_deleted() for x in jax.tree.leaves((state.params, carry)))


@pytest.mark.parametrize("k1", [2, 6])
def test_truncation_hands_on_the_carry_after_k1_steps_and_goes_back_through_the_window(k1):
    one = {**batch(), "lengths": np.full(B, T, np.int32), "mask": np.ones((B, T), np.float32)}
    del one["lengths"]
    one["mask"][:, : T - k1] = 0  # only the last k1 steps count

    def loss(p):
        outputs, _, _ = apply(variables(p), one, {"h": jnp.full((B, D), 0.1)}, train=True, key=None)
        return jnp.mean(jnp.mean((outputs - one["labels"]) ** 2, -1)[:, T - k1 :])

    state, carry, (measures,) = steps(trainer(k1=k1), [one])
    assert state.statistics["statistics"]["steps"] == k1
    np.testing.assert_allclose(measures["grad_norm"].total, optax.tree.norm(jax.grad(loss)(params())), rtol=1e-5)
    first = {"inputs": one["inputs"][:, :k1]}
    _, expected, _ = apply(variables(params()), first, {"h": jnp.full((B, D), 0.1)}, train=True, key=None)
    np.testing.assert_allclose(carry["h"], expected["h"], rtol=1e-5)


def test_evaluation_adds_up_over_batches_and_devices():
    t = trainer(devices=8)
    batches = [batch(1), batch(2)]
    found = t.evaluate(t.parallel.put(variables(params()), REPLICATED), batches, batches[:1])
    carry, total, count = {"h": jnp.zeros((B, D))}, 0.0, 0.0
    for one in batches:
        outputs, carry, _ = apply(variables(params()), one, carry, train=False, key=None)
        weights = (np.arange(T) < one["lengths"][:, None]) * one["mask"][:, None]
        total += float(np.sum(np.mean((np.asarray(outputs) - one["labels"]) ** 2, -1) * weights))
        count += weights.sum()
    np.testing.assert_allclose(found["loss"], total / count, rtol=1e-5)


def test_a_batch_that_does_not_spread_evenly_is_refused():
    with pytest.raises(ValueError, match=r"training.batch_size is 6; allowed: a multiple of 4"):
        Parallel("jit", jax.devices()[:4]).check_batch_size("training.batch_size", 6)
    with pytest.raises(ValueError, match="parallel is 'gspmd'; allowed: jit, pmap"):
        Parallel("gspmd")


def test_from_a_step_on_the_parameters_are_averaged_and_judged_by_that():
    t = trainer(name="sgd", average_from=2)
    state = initial_state(variables(params()), t.tx, jax.random.key(0), averaged=True)
    state, carry = t.parallel.put(state, REPLICATED), t.parallel.put({"h": np.zeros((B, D), np.float32)}, SHARDED)
    seen = []
    for index in range(5):
        state, carry, _ = t.train_step(state, carry, t.parallel.put(batch(index), SHARDED))
        seen.append(jax.device_get(state.params))
        expected = jax.tree.map(lambda *each: np.mean(each, axis=0), *seen[max(0, min(index, 2)) :])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), state.average, expected)
        assert state.judged["params"] is state.average
    assert seen[-1]["w"].std() > 0
