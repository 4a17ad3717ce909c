"""Batch normalisation: PyTorch's numbers, padding that counts nothing, eight devices that do what one does."""

import functools

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.training.parallel import AXIS, KINDS, REPLICATED, SHARDED, Parallel

RANDOM = np.random.default_rng(0)
C = 3
VARIABLES = {
    "params": {name: RANDOM.normal(size=C).astype(np.float32) for name in ("scale", "bias")},
    "batch_stats": {
        "mean": RANDOM.normal(size=C).astype(np.float32),
        "var": RANDOM.uniform(0.5, 2, C).astype(np.float32),
    },
}
CASES = {  # shape, lengths
    "vectors": ((6, C), np.array([1, 0, 4, 1, 0, 1])),
    "sequences": ((4, 5, C), np.array([5, 2, 0, 1])),
    "spectrograms": ((3, 4, 5, C), np.array([4, 1, 0])),
    "images": ((3, 4, 5, C), np.array([[4, 5], [2, 3], [3, 0]])),
}


def draw(shape, seed=1):
    return (np.random.default_rng(seed).normal(size=shape) * 2 + 5).astype(np.float32)


def real(shape, lengths):
    """Where positions are real: booleans, without the channels."""
    mask = np.zeros(shape[:-1], bool)
    for row, length in enumerate(lengths):
        inside = (slice(size) for size in np.atleast_1d(length)) if len(shape) > 2 else (...,)
        mask[(row, *inside)] = np.all(length > 0)
    return mask


@functools.partial(jax.jit, static_argnames="train")
def run(variables, x, lengths, weights, train):
    """Outputs, statistics, and the gradients of a weighted sum of outputs."""

    def loss(params, x):
        y, changed = nn.BatchNorm().apply(
            {**variables, "params": params}, x, lengths, train=train, mutable=["batch_stats"]
        )
        return jnp.sum(y * weights), (y, changed["batch_stats"])

    gradients, (y, statistics) = jax.grad(loss, (0, 1), has_aux=True)(variables["params"], x)
    return y, statistics, gradients


def agree(found, expected, tolerance=2e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), found, expected)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_batch_norm_of_the_real_positions_is_pytorchs(name, train):
    torch = pytest.importorskip("torch")
    shape, lengths = CASES[name]
    x, weights, mask = draw(shape), draw(shape, 2), real(shape, lengths)
    layer = torch.nn.BatchNorm1d(C, momentum=0.1)
    layer.train(train)
    before = VARIABLES["batch_stats"]
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(VARIABLES["params"]["scale"]))
        layer.bias.copy_(torch.tensor(VARIABLES["params"]["bias"]))
        layer.running_mean.copy_(torch.tensor(before["mean"]))
        layer.running_var.copy_(torch.tensor(before["var"]))
    seen = torch.tensor(x[mask], requires_grad=True)
    out = layer(seen)
    (out * torch.tensor(weights[mask])).sum().backward()
    y, statistics, (params, inputs) = run(VARIABLES, np.where(mask[..., None], x, np.nan), lengths, weights, train)
    agree(y[mask], out.detach().numpy())
    np.testing.assert_array_equal(y[~mask], 0)
    agree(inputs[mask], seen.grad.numpy(), 2e-4)
    np.testing.assert_array_equal(inputs[~mask], 0)
    agree(params, {"scale": layer.weight.grad.numpy(), "bias": layer.bias.grad.numpy()}, 1e-4)
    agree(statistics["mean"], layer.running_mean.numpy())
    # PyTorch's running variance is that of a sample: n / (n - 1) times ours.
    biased = (layer.running_var.numpy() - 0.9 * before["var"]) * (mask.sum() - 1) / mask.sum() + 0.9 * before["var"]
    agree(statistics["var"], biased if train else before["var"])


def test_batch_norm_is_flaxs_on_full_rows():
    x = draw((4, 5, C))
    layer = flax.linen.BatchNorm(False, momentum=0.9, use_fast_variance=False)
    expected, changed = layer.apply(VARIABLES, x, mutable=["batch_stats"])
    y, statistics, _ = run(VARIABLES, x, None, np.ones_like(x), True)
    agree((y, statistics), (expected, changed["batch_stats"]))


def test_more_padding_changes_nothing():
    shape, lengths = CASES["images"]
    x, weights = draw(shape), draw(shape, 2)
    wide = [(0, 0), (0, 2), (0, 3), (0, 0)]
    y, statistics, (params, inputs) = run(VARIABLES, x, lengths, weights, True)
    found = run(VARIABLES, np.pad(x, wide, constant_values=np.nan), lengths, np.pad(weights, wide), True)
    expected = (np.pad(y, wide), statistics, (params, np.pad(inputs, wide)))
    agree(found, expected, 1e-5)


def test_where_nothing_is_real_nothing_moves():
    x = np.full((4, 5, C), np.nan, np.float32)
    y, statistics, gradients = run(VARIABLES, x, np.zeros(4, np.int32), np.ones_like(x), True)
    np.testing.assert_array_equal(y, 0)
    jax.tree.map(np.testing.assert_array_equal, statistics, VARIABLES["batch_stats"])
    for leaf in jax.tree.leaves(gradients):
        np.testing.assert_array_equal(leaf, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_eight_devices_do_what_one_does(kind):
    """Rows of few real steps, of none on some devices: each one's own mean would be another."""
    x, weights = draw((16, 5, C)), draw((16, 5, C), 2)
    lengths = np.array([5, 4, 0, 0, 1, 0, 2, 3, 0, 0, 5, 5, 1, 1, 0, 4])

    def step(variables, x, lengths, weights):
        y, statistics, (params, inputs) = run(variables, x, lengths, weights, True)
        return y, inputs, statistics, jax.lax.psum(params, AXIS)

    found = []
    for count in (1, 8):
        parallel = Parallel(kind, jax.devices()[:count])
        specs = (SHARDED, SHARDED, REPLICATED, REPLICATED)
        program = parallel.compile(step, (REPLICATED, SHARDED, SHARDED, SHARDED), specs)
        arguments = (parallel.put(array, SHARDED) for array in (x, lengths, weights))
        results = program(parallel.put(VARIABLES, REPLICATED), *arguments)
        found.append([parallel.get(tree, spec) for tree, spec in zip(results, specs, strict=True)])
    agree(found[1], found[0], 1e-4)
    y, statistics, (params, inputs) = run(VARIABLES, x, lengths, weights, True)
    agree(found[1], [y, inputs, statistics, params], 1e-4)


def test_a_named_axis_of_another_name_is_no_axis_of_devices():
    x = draw((2, 4, C))

    def alone(axis_name, x):
        layer = nn.BatchNorm(axis_name=axis_name)
        return layer.apply(VARIABLES, x, train=True, mutable=["batch_stats"])[0]

    own = [alone(None, half) for half in x]
    for name in ("data", None):
        agree(jax.vmap(functools.partial(alone, name), axis_name="other")(x), np.stack(own))
    together = jax.vmap(functools.partial(alone, "data"), axis_name="data")(x)
    agree(together.reshape(8, C), alone(None, x.reshape(8, C)))


def test_a_mean_far_from_zero_costs_no_digits():
    x = (draw((64, C)) / 100 + 1000).astype(np.float32)
    _, statistics, _ = run(
        {**VARIABLES, "batch_stats": jax.tree.map(np.zeros_like, VARIABLES["batch_stats"])},
        x,
        None,
        np.ones_like(x),
        True,
    )
    np.testing.assert_allclose(10 * statistics["var"], np.var(x.astype(np.float64), axis=0), rtol=1e-3)


def test_half_precision_comes_out_and_statistics_stay_single():
    x = draw((4, 5, C)).astype(jnp.bfloat16)
    layer = nn.BatchNorm(dtype=jnp.bfloat16)
    variables = layer.init(jax.random.key(0), x, train=True)
    jax.tree.map(np.testing.assert_array_equal, variables["batch_stats"], {"mean": np.zeros(C), "var": np.ones(C)})
    y, changed = layer.apply(variables, x, train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    wide = np.asarray(x, np.float32).reshape(-1, C)
    agree(changed["batch_stats"]["mean"], 0.1 * wide.mean(0))


@pytest.mark.parametrize(
    ("shape", "lengths", "said"),
    [
        ((C,), None, r"allowed: \[B, C\], \[B, T, C\] or \[B, H, W, C\]"),
        ((2, 4, C), np.array([1]), r"allowed: \(2,\), one per row"),
        ((2, C), np.array([1]), r"allowed: \(2,\), one per row"),
    ],
)
def test_what_does_not_fit_is_refused(shape, lengths, said):
    with pytest.raises(ValueError, match=said):
        nn.BatchNorm().init(jax.random.key(0), np.ones(shape), lengths)
