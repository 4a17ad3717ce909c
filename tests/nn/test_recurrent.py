"""Recurrent layers: whole, step by step, chunk by chunk; against Flax and PyTorch; types, errors."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops.recurrence.cells import HiddenCarry, LSTMCarry

LENGTHS = np.array([6, 2, 3, 0], np.int32)
CAUSAL: dict[str, Any] = {
    "rnn": nn.RNN(3),
    "lstm": nn.LSTM(3),
    "gru": nn.GRU(3),
    "stacked": nn.Stacked((nn.LSTM(3), nn.RNN(2), nn.GRU(3)), dropout=0.5),
}
BOTH_WAYS: dict[str, Any] = {
    "bidirectional": nn.Bidirectional(nn.GRU(3)),
    "mixed": nn.Stacked((nn.Bidirectional(nn.LSTM(2)), nn.RNN(3, reverse=True))),
}
LAYERS = CAUSAL | BOTH_WAYS


def draw(tree: Any, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda a: generator.normal(size=a.shape, scale=0.8).astype(np.float32), tree)


X = draw(jnp.empty((4, 6, 2)), 0)


@functools.cache
def random_params(name: str, seed: int = 1) -> Any:
    return draw(jax.eval_shape(LAYERS[name].init, jax.random.key(0), X), seed)


@functools.partial(jax.jit, static_argnums=0)
def apply(name: str, params: Any, x: Any, lengths: Any = None, carry: Any = None) -> Any:
    return LAYERS[name].apply(params, x, lengths, carry)


def assert_close(actual: Any, expected: Any, rtol: float = 1e-5, atol: float = 2e-6) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", CAUSAL)
def test_layer_whole_equals_step_by_step(name: str) -> None:
    layer, params = CAUSAL[name], random_params(name)
    carry = draw(layer.initial_carry((4,)), 3)
    whole = apply(name, params, X, None, carry)
    step = jax.jit(lambda carry, x: layer.apply(params, carry, x, method="step"))
    outputs = []
    for t in range(X.shape[1]):
        y, carry = step(carry, X[:, t])
        outputs.append(y)
    assert_close((jnp.stack(outputs, axis=1), carry), whole)


@pytest.mark.parametrize("name", CAUSAL)
def test_layer_whole_equals_chunk_by_chunk(name: str) -> None:
    """The second row ends inside the first chunk and the third with it: their carries wait."""
    params = random_params(name)
    first = draw(CAUSAL[name].initial_carry((4,)), 3)
    y, carry = apply(name, params, X, LENGTHS, first)
    y_1, between = apply(name, params, X[:, :3], np.minimum(LENGTHS, 3), first)
    y_2, last = apply(name, params, X[:, 3:], np.maximum(LENGTHS - 3, 0), between)
    assert_close((jnp.concatenate([y_1, y_2], axis=1), last), (y, carry))
    for a, b, c in zip(*map(jax.tree.leaves, (first, between, last)), strict=True):
        np.testing.assert_array_equal(b[1:], c[1:])
        np.testing.assert_array_equal(a[3], c[3])
        assert np.any(a[1] != b[1])


@pytest.mark.parametrize("name", ["stacked", "mixed"])
def test_layer_starts_from_its_initial_carry(name: str) -> None:
    params = random_params(name)
    initial = LAYERS[name].initial_carry((4,))
    explicit = apply(name, params, X, LENGTHS, initial)
    assert_close(apply(name, params, X, LENGTHS), explicit)
    assert jax.tree.structure(explicit[1]) == jax.tree.structure(initial)


@pytest.mark.parametrize("name", ["lstm", "mixed"])
def test_layer_under_jit_equals_no_jit_and_compiles_once(name: str) -> None:
    params = random_params(name)
    traces = []

    @jax.jit
    def compiled(params: Any, x: Any, lengths: Any) -> Any:
        traces.append(name)
        return LAYERS[name].apply(params, x, lengths)

    first = compiled(params, X, LENGTHS)
    compiled(params, X + 1, LENGTHS[::-1].copy())
    assert len(traces) == 1
    assert_close(first, LAYERS[name].apply(params, X, LENGTHS))


@pytest.mark.parametrize("name", ["lstm", "bidirectional"])
def test_layer_under_vmap_equals_each_model(name: str) -> None:
    models = [random_params(name, seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    together = jax.jit(jax.vmap(lambda params: LAYERS[name].apply(params, X, LENGTHS)))(stacked)
    for index, params in enumerate(models):
        alone = apply(name, params, X, LENGTHS)
        assert_close(jax.tree.map(lambda a, index=index: a[index], together), alone)


@pytest.mark.parametrize("name", ["stacked", "mixed"])
def test_layer_takes_several_batch_axes(name: str) -> None:
    params = random_params(name)

    def fold(a: Any) -> Any:
        return a.reshape(2, 2, *a.shape[1:])

    expected = jax.tree.map(fold, apply(name, params, X, LENGTHS))
    assert_close(apply(name, params, fold(X), fold(LENGTHS)), expected)
    assert_close(apply(name, params, fold(X), fold(LENGTHS), LAYERS[name].initial_carry((2, 2))), expected)


@pytest.mark.parametrize(
    ("layer", "cell", "gates", "bias"),
    [
        (nn.LSTM(3), flax.linen.OptimizedLSTMCell(3), "ifgo", "h"),
        (nn.GRU(3), flax.linen.GRUCell(3), "rzn", "i"),
    ],
    ids=["lstm", "gru"],
)
def test_layer_equals_flax_cell(layer: Any, cell: Any, gates: str, bias: str) -> None:
    rnn = flax.linen.RNN(cell, return_carry=True)
    theirs = draw(jax.eval_shape(rnn.init, jax.random.key(0), X), 4)
    cell_params = theirs["params"]["cell"]
    ours = {
        "input": np.concatenate([cell_params[f"i{gate}"]["kernel"] for gate in gates], axis=1),
        "recurrent": np.concatenate([cell_params[f"h{gate}"]["kernel"] for gate in gates], axis=1),
        "bias": np.concatenate([cell_params[f"{bias}{gate}"]["bias"] for gate in gates]),
    }
    if gates == "rzn":
        ours["recurrent_bias"] = cell_params["hn"]["bias"]
    carry, expected = rnn.apply(theirs, X)
    y, last = layer.apply({"params": ours}, X)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    expected_leaves = carry if gates == "ifgo" else (carry,)
    np.testing.assert_allclose(tuple(last), expected_leaves, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_stacked_bidirectional_layers_equal_torch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(2, 3, num_layers=2, bidirectional=True, batch_first=True)
    weights = {name: w.detach().numpy() for name, w in theirs.named_parameters()}

    def direction(layer: int, suffix: str) -> dict[str, np.ndarray]:
        w_ih, w_hh, b_ih, b_hh = (
            weights[f"{name}_l{layer}{suffix}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        params = {"input": w_ih.T, "recurrent": w_hh.T, "bias": b_ih + b_hh}
        if kind == "GRU":
            params["bias"] = b_ih + np.where(np.arange(9) < 6, b_hh, 0)
            params["recurrent_bias"] = b_hh[6:]
        return params

    params = {f"layers_{i}": {"forward": direction(i, ""), "backward": direction(i, "_reverse")} for i in range(2)}
    make = getattr(nn, kind)
    ours = nn.Stacked(tuple(nn.Bidirectional(make(3)) for _ in range(2)))
    lengths = np.array([6, 2, 3, 1])
    y, carry = jax.jit(ours.apply)({"params": params}, X, lengths)
    pack = torch.nn.utils.rnn.pack_padded_sequence
    packed, last = theirs(pack(torch.from_numpy(X), torch.from_numpy(lengths), batch_first=True, enforce_sorted=False))
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    expected_h = (last[0] if kind == "LSTM" else last).detach().numpy()
    np.testing.assert_allclose([way.h for pair in carry for way in pair], expected_h, rtol=1e-5, atol=1e-6)


def test_bidirectional_backward_half_is_each_row_reversed() -> None:
    params = random_params("bidirectional")["params"]
    y, (forward, backward) = apply("bidirectional", {"params": params}, X, LENGTHS)
    for row, length in enumerate(LENGTHS[:3]):
        own = X[row : row + 1, :length]
        there, last = apply("gru", {"params": params["forward"]}, own)
        back, first = apply("gru", {"params": params["backward"]}, own[:, ::-1])
        expected = np.concatenate([there, back[:, ::-1]], axis=-1)
        np.testing.assert_allclose(y[row, :length], expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(forward.h[row], last.h[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(backward.h[row], first.h[0], rtol=1e-5, atol=1e-6)


def test_bidirectional_directions_start_from_different_parameters() -> None:
    layer = nn.Bidirectional(nn.LSTM(3, name="named"))
    params = jax.jit(layer.init)(jax.random.key(0), X)["params"]
    assert set(params) == {"forward", "backward"}
    assert np.any(params["forward"]["recurrent"] != params["backward"]["recurrent"])


def test_reversed_layer_equals_forward_layer_on_reversed_rows() -> None:
    params = random_params("lstm")
    y, last = jax.jit(nn.LSTM(3, reverse=True).apply)(params, X)
    expected, expected_last = apply("lstm", params, X[:, ::-1].copy())
    assert_close((y[:, ::-1], last), (expected, expected_last))


def test_stacked_dropout_acts_between_layers_in_training_alone() -> None:
    layer, params = LAYERS["stacked"], random_params("stacked")

    @jax.jit
    def train(key: Any) -> Any:
        return layer.apply(params, X, LENGTHS, train=True, rngs={"dropout": key})

    (y, carry), (other, other_carry) = train(jax.random.key(1)), train(jax.random.key(2))
    assert np.any(y != other)
    assert_close(carry[0], other_carry[0])  # below the first dropout
    assert_close(carry[0], apply("stacked", params, X, LENGTHS)[1][0])
    np.testing.assert_array_equal(y[3], 0)
    np.testing.assert_array_equal(y[1, 2:], 0)


@pytest.mark.parametrize("name", LAYERS)
def test_layer_computes_in_its_dtype_with_float32_params(name: str) -> None:
    def low(layer: Any) -> Any:
        if isinstance(layer, nn.Stacked):
            return layer.clone(layers=tuple(map(low, layer.layers)))
        if isinstance(layer, nn.Bidirectional):
            return layer.clone(layer=low(layer.layer))
        return layer.clone(dtype=jnp.bfloat16)

    layer = low(LAYERS[name])

    def types(tree: Any) -> set[Any]:
        return {leaf.dtype for leaf in jax.tree.leaves(tree)}

    params = jax.eval_shape(layer.init, jax.random.key(0), X, LENGTHS)
    assert types(params) == {jnp.dtype(jnp.float32)}
    assert types(layer.initial_carry((4,))) == {jnp.dtype(jnp.bfloat16)}
    for carry in (None, layer.initial_carry((4,)), LAYERS[name].initial_carry((4,))):
        out = jax.eval_shape(layer.apply, params, X, LENGTHS, carry)
        assert types(out) == {jnp.dtype(jnp.bfloat16)}
    if name in CAUSAL:
        step = functools.partial(layer.apply, method="step")
        assert types(jax.eval_shape(step, params, carry, X[:, 0])) == {jnp.dtype(jnp.bfloat16)}


def test_layer_stores_parameters_in_param_dtype() -> None:
    layer = nn.LSTM(3, param_dtype=jnp.bfloat16)
    params = jax.jit(layer.init)(jax.random.key(0), X)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.bfloat16)}


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "engine": (lambda: nn.LSTM(3, engine="fast"), "engine is 'fast'; allowed: auto, "),
    "reverse twice": (
        lambda: nn.Bidirectional(nn.LSTM(3, reverse=True)),
        "has reverse=True; allowed: the forward",
    ),
}
STEP_REFUSALS: dict[str, tuple[Any, str]] = {
    "reverse": (nn.GRU(3, reverse=True), "reverse=True has no step"),
    "bidirectional": (nn.Bidirectional(nn.GRU(3)), "a bidirectional layer has no step"),
    "stacked reverse": (nn.Stacked((nn.GRU(3), nn.GRU(3, reverse=True))), "reverse=True has no step"),
    "stacked bidirectional": (
        nn.Stacked((nn.Bidirectional(nn.GRU(3)), nn.GRU(3))),
        "a bidirectional layer has no step",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_layer_refuses_wrong_options(name: str) -> None:
    make, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(make().init, jax.random.key(0), X)


@pytest.mark.parametrize("name", STEP_REFUSALS)
def test_step_is_refused_where_the_first_output_needs_the_last_input(name: str) -> None:
    layer, message = STEP_REFUSALS[name]
    params = jax.eval_shape(layer.init, jax.random.key(0), X)
    step = functools.partial(layer.apply, method="step")
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(step, params, layer.initial_carry((4,)), X[:, 0])


def test_layer_refuses_carries_and_lengths_that_are_not_its_own() -> None:
    zeros = jnp.zeros((4, 3))
    one_too_few = LAYERS["stacked"].initial_carry((4,))[:2]
    for name, carry, message in [
        ("lstm", HiddenCarry(zeros), "initial_carry has .*; LSTMCell needs LSTMCarry"),
        ("lstm", LSTMCarry(zeros, zeros[:2]), "initial_carry has .*; LSTMCell needs LSTMCarry"),
        ("gru", zeros, "initial_carry has .*; GRUCell needs HiddenCarry"),
        ("stacked", one_too_few, "the carry is of 2 layers; allowed: 3, one for each"),
    ]:
        with pytest.raises(ValueError, match=message):
            apply(name, random_params(name), X, None, carry)
    with pytest.raises(ValueError, match="the carry is of 2 layers"):
        LAYERS["stacked"].apply(random_params("stacked"), one_too_few, X[:, 0], method="step")
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(4,\), one per row"):
        apply("lstm", random_params("lstm"), X, LENGTHS[:3])
