"""Recurrent layers: whole, step by step, chunk by chunk; learned carries, noise, types, transforms, errors."""

import functools
from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import masking
from sequence_lab.ops.recurrence.cells import HiddenCarry, LSTMCarry

LENGTHS = np.array([6, 2, 3, 0], np.int32)
EVERYTHING: dict[str, Any] = {"layer_norm": True, "zoneout_hidden": 0.3, "recurrent_dropout": 0.3, "drop_connect": 0.3}
CAUSAL: dict[str, Any] = {
    "rnn": nn.RNN(3, recurrent_init="identity", spectral_radius=0.9),
    "lstm": nn.LSTM(3),
    "lstm_everything": nn.LSTM(
        3, peephole=True, projection=2, zoneout_cell=0.3, learn_initial_carry=True, remat=True, **EVERYTHING
    ),
    "gru": nn.GRU(3),
    "gru_before": nn.GRU(3, reset_after=False, learn_initial_carry=True, **EVERYTHING),
    "stacked": nn.Stacked((nn.LSTM(3), nn.RNN(2), nn.GRU(3)), dropout=0.5),
    "residual": nn.Stacked((nn.LSTM(3), nn.GRU(3)), connection="residual"),
    "highway": nn.Stacked((nn.LSTM(3), nn.GRU(3)), connection="highway"),
    "skip": nn.Stacked((nn.LSTM(3, learn_initial_carry=True), nn.GRU(2)), connection="skip"),
    "linear": nn.Stacked(
        (
            nn.LRU(3, learn_initial_carry=True),
            nn.RGLRU(3, zoneout=0.3, remat=True),
            nn.QRNN(2, kernel_size=3, engine="associative"),
        )
    ),
}
BOTH_WAYS: dict[str, Any] = {
    **{merge: nn.Bidirectional(nn.GRU(3), merge) for merge in ("concat", "sum", "mean", "gate")},
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


def initial_carry(name: str, batch_shape: tuple[int, ...] = (4,)) -> Any:
    return LAYERS[name].apply(random_params(name), batch_shape, method="initial_carry")


def assert_close(actual: Any, expected: Any, rtol: float = 1e-5, atol: float = 2e-6) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", CAUSAL)
def test_layer_whole_equals_step_by_step(name: str) -> None:
    layer, params = CAUSAL[name], random_params(name)
    carry = draw(initial_carry(name), 3)
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
    first = draw(initial_carry(name), 3)
    y, carry = apply(name, params, X, LENGTHS, first)
    y_1, between = apply(name, params, X[:, :3], np.minimum(LENGTHS, 3), first)
    y_2, last = apply(name, params, X[:, 3:], np.maximum(LENGTHS - 3, 0), between)
    assert_close((jnp.concatenate([y_1, y_2], axis=1), last), (y, carry))
    for a, b, c in zip(*map(jax.tree.leaves, (first, between, last)), strict=True):
        np.testing.assert_array_equal(b[1:], c[1:])
        np.testing.assert_array_equal(a[3], c[3])
        assert np.any(a[1] != b[1])


@pytest.mark.parametrize("name", LAYERS)
def test_layer_starts_from_its_initial_carry(name: str) -> None:
    """A learned one where there is: other parameters than zeros, other outputs."""
    params = random_params(name)
    y, carry = apply(name, params, X, LENGTHS)
    assert_close(apply(name, params, X, LENGTHS, initial_carry(name)), (y, carry))
    assert jax.tree.structure(carry) == jax.tree.structure(initial_carry(name))
    zeros = jax.tree.map(jnp.zeros_like, carry)
    learned = any("initial" in jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params))
    assert learned == np.any(apply(name, params, X, LENGTHS, zeros)[0] != y)
    assert learned == any(np.any(leaf) for leaf in jax.tree.leaves(initial_carry(name)))


def test_learned_initial_carry_is_asked_for_with_the_parameters() -> None:
    fresh = jax.jit(LAYERS["skip"].init)(jax.random.key(0), X)["params"]["levels_0"]
    np.testing.assert_array_equal(fresh["initial_c"], 0)
    for name in ("gru_before", "skip"):
        with pytest.raises(ValueError, match="initial carry of this layer is learned; allowed: to ask for it with"):
            LAYERS[name].initial_carry((4,))
    params = random_params("gru_before")
    np.testing.assert_array_equal(initial_carry("gru_before", (2, 1)).h[1, 0], params["params"]["initial_h"])


def test_layer_with_remat_equals_the_layer_without() -> None:
    """Outputs and gradients; the noise of training too."""
    without = LAYERS["lstm_everything"].clone(remat=False)

    def gradients(layer: Any) -> Any:
        def loss(params: Any, x: Any) -> Any:
            y, carry = layer.apply(params, x, LENGTHS, train=True, rngs={"dropout": jax.random.key(7)})
            return jnp.sum(jnp.sin(y)) + sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(carry))

        return jax.jit(jax.value_and_grad(loss, (0, 1)))(random_params("lstm_everything"), X)

    assert_close(gradients(LAYERS["lstm_everything"]), gradients(without))


@pytest.mark.parametrize("name", ["lstm_everything", "gru_before"])
def test_layer_is_noisy_in_training_alone(name: str) -> None:
    params = random_params(name)

    @jax.jit
    def train(key: Any) -> Any:
        return LAYERS[name].apply(params, X, LENGTHS, train=True, rngs={"dropout": key})

    (y, carry), (other, _), (again, _) = (train(jax.random.key(seed)) for seed in (1, 2, 1))
    assert np.any(y != other)
    np.testing.assert_array_equal(y, again)
    assert_close(carry.h[3], initial_carry(name).h[3])
    for row, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(y[row, length:], 0)
    assert np.any(y != apply(name, params, X, LENGTHS)[0])


@pytest.mark.parametrize("option", ["zoneout_hidden", "zoneout_cell", "recurrent_dropout", "drop_connect"])
def test_every_kind_of_noise_acts_on_its_own(option: str) -> None:
    layer, params = nn.LSTM(3, **{option: 0.5}), random_params("lstm")
    y, _ = layer.apply(params, X, train=True, rngs={"dropout": jax.random.key(0)})
    plain, _ = apply("lstm", params, X)
    assert np.any(np.abs(y - plain) > 1e-3)
    outside, _ = layer.apply(params, X)
    assert np.any(np.abs(outside - plain) > 1e-3) == option.startswith("zoneout")  # its expectation


def test_layer_without_noise_needs_no_rng_in_training() -> None:
    y, _ = LAYERS["gru"].apply(random_params("gru"), X, LENGTHS, train=True)
    np.testing.assert_allclose(y, apply("gru", random_params("gru"), X, LENGTHS)[0], rtol=1e-6)


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


@pytest.mark.parametrize("name", ["lstm_everything", "concat", "highway"])
def test_layer_under_vmap_equals_each_model(name: str) -> None:
    models = [random_params(name, seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    together = jax.jit(jax.vmap(lambda params: LAYERS[name].apply(params, X, LENGTHS)))(stacked)
    for index, params in enumerate(models):
        alone = apply(name, params, X, LENGTHS)
        assert_close(jax.tree.map(lambda a, index=index: a[index], together), alone)


@pytest.mark.parametrize("name", ["lstm_everything", "stacked", "mixed", "gate"])
def test_layer_takes_several_batch_axes(name: str) -> None:
    params = random_params(name)

    def fold(a: Any) -> Any:
        return a.reshape(2, 2, *a.shape[1:])

    expected = jax.tree.map(fold, apply(name, params, X, LENGTHS))
    assert_close(apply(name, params, fold(X), fold(LENGTHS)), expected)
    assert_close(apply(name, params, fold(X), fold(LENGTHS), initial_carry(name, (2, 2))), expected)


def test_layer_takes_one_row_one_step_and_one_unit() -> None:
    x = X[:1, :1, :1]
    layer = nn.LSTM(1, layer_norm=True, peephole=True, coupled=True)
    params = draw(jax.eval_shape(layer.init, jax.random.key(0), x), 1)
    y, carry = jax.jit(layer.apply)(params, x, np.array([1]))
    assert y.shape == (1, 1, 1)
    assert np.isfinite(y).all()
    np.testing.assert_array_equal(carry.h, y[:, 0])
    gradient = jax.jit(jax.grad(lambda params: jnp.sum(layer.apply(params, x)[0])))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_reversed_layer_equals_forward_layer_on_reversed_rows() -> None:
    params = random_params("lstm")
    y, last = jax.jit(nn.LSTM(3, reverse=True).apply)(params, X)
    expected, expected_last = apply("lstm", params, X[:, ::-1].copy())
    assert_close((y[:, ::-1], last), (expected, expected_last))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_layer_computes_in_its_dtype_with_float32_params(name: str, dtype: Any) -> None:
    def low(layer: Any) -> Any:
        if isinstance(layer, nn.Stacked):
            return layer.clone(layers=tuple(map(low, layer.layers)))
        if isinstance(layer, nn.Bidirectional):
            return layer.clone(layer=low(layer.layer))
        return layer.clone(dtype=dtype)

    layer = low(LAYERS[name])

    def types(tree: Any) -> set[Any]:
        return {leaf.dtype for leaf in jax.tree.leaves(tree)}

    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    params = jax.eval_shape(functools.partial(layer.init, train=True), rngs, X, LENGTHS)
    assert types(params) == {jnp.dtype(jnp.float32)}
    own_carry = functools.partial(layer.apply, method="initial_carry")
    carry = own_carry(random_params(name), (4,))
    float32 = {jnp.dtype(jnp.float32)}
    assert types(carry) == float32, "a sum over time"
    train = functools.partial(layer.apply, train=True, rngs={"dropout": jax.random.key(1)})
    for given in (None, carry, jax.tree.map(lambda a: a.astype(dtype), carry)):
        for function in (layer.apply, train):
            y, last = jax.eval_shape(function, params, X, LENGTHS, given)
            assert (types(y), types(last)) == ({jnp.dtype(dtype)}, float32)
    if name in CAUSAL:
        y, last = jax.eval_shape(functools.partial(layer.apply, method="step"), params, carry, X[:, 0])
        assert (types(y), types(last)) == ({jnp.dtype(dtype)}, float32)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "MinGRU", "LRU"])
def test_layer_in_low_precision_sums_over_time_in_float32(kind: str) -> None:
    """Gradients over 1000 steps, and a cell state that grows by one at each of them."""
    layer = getattr(nn, kind)(4)
    x = draw(jnp.empty((4, 1000, 3)), 0)
    params = jax.jit(layer.init)(jax.random.key(0), x)

    def gradient(layer: Any) -> Any:
        return jax.jit(jax.grad(lambda params: jnp.mean(layer.apply(params, x)[0].astype(jnp.float32) ** 2)))(params)

    low, full = gradient(layer.clone(dtype=jnp.bfloat16)), gradient(layer)
    for a, b in zip(jax.tree.leaves(low), jax.tree.leaves(full), strict=True):
        assert np.linalg.norm(a - b) < 0.05 * np.linalg.norm(b)
    if kind == "LSTM":
        bias = {"bias": np.repeat(np.float32([1e4, 1e4, 1e4, 0]), 4)}
        _, carry = layer.clone(dtype=jnp.bfloat16).apply({"params": params["params"] | bias}, x)
        np.testing.assert_array_equal(carry.c, 1000)


@pytest.mark.parametrize("engine", ["scan", "scan_plain", "newton"])
def test_no_steps_with_the_noise_of_training(engine: str) -> None:
    layer = nn.LSTM(3, zoneout_hidden=0.3, engine=engine)
    params = jax.jit(layer.init)(jax.random.key(0), jnp.ones((2, 1, 2)))
    rngs = {"recurrent": jax.random.key(1), "dropout": jax.random.key(2)}
    assert layer.apply(params, jnp.ones((2, 0, 2)), train=True, rngs=rngs)[0].shape == (2, 0, 3)


@pytest.mark.parametrize("layer", [nn.GRU(3), nn.MinGRU(3), nn.LRU(3)])
def test_layers_are_exported_with_any_number_of_rows_and_steps(layer: Any) -> None:
    x = draw(jnp.empty((2, 5, 4)), 0)
    params = layer.init(jax.random.key(0), x)
    rows, steps = jax.export.symbolic_shape("b, t")
    exported = jax.export.export(jax.jit(lambda x: layer.apply(params, x)[0]))(
        jax.ShapeDtypeStruct((rows, steps, 4), x.dtype)
    )
    np.testing.assert_allclose(exported.call(x), layer.apply(params, x)[0], atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_bias_gradients_in_low_precision_are_summed_over_time_in_float32(kind: str) -> None:
    """Terms of one sign, whose sum soon is too large for bfloat16 to take the next."""
    layer = getattr(nn, kind)(3)
    x = 1 + 0.1 * draw(jnp.empty((4, 1000, 1)), 0)
    params = jax.jit(layer.init)(jax.random.key(0), x)

    def gradient(layer: Any) -> Any:
        return jax.jit(jax.grad(lambda params: jnp.sum(layer.apply(params, x)[0].astype(jnp.float32))))(params)

    low, full = gradient(layer.clone(dtype=jnp.bfloat16)), gradient(layer)
    for a, b in zip(jax.tree.leaves(low), jax.tree.leaves(full), strict=True):
        assert np.linalg.norm(a - b) < 0.01 * np.linalg.norm(b)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_layer_in_low_precision_is_close_to_float32(dtype: Any) -> None:
    """Also where the products before a layer norm are large enough for their squares to overflow float16."""
    for name, scale in [("lstm_everything", 1), ("gru_before", 1), ("lstm_everything", 300)]:
        layer = LAYERS[name].clone(dtype=dtype)
        y, _ = jax.jit(layer.apply)(random_params(name), scale * X, LENGTHS)
        assert y.dtype == dtype
        expected, _ = apply(name, random_params(name), scale * X, LENGTHS)
        np.testing.assert_allclose(y.astype(np.float32), expected, atol=0.1)


def test_layer_computes_in_float64_under_x64() -> None:
    with jax.enable_x64(True):
        layer = LAYERS["lstm_everything"].clone(param_dtype=jnp.float64)
        params = jax.tree.map(np.float64, random_params("lstm_everything"))
        y, carry = jax.jit(layer.apply)(params, X.astype(np.float64), LENGTHS)
    assert y.dtype == carry.c.dtype == np.float64
    np.testing.assert_allclose(y, apply("lstm_everything", random_params("lstm_everything"), X, LENGTHS)[0], rtol=1e-4)


def test_layer_stores_parameters_in_param_dtype() -> None:
    layer = nn.LSTM(3, param_dtype=jnp.bfloat16, learn_initial_carry=True, chrono_steps=9, spectral_radius=0.9)
    params = jax.jit(layer.init)(jax.random.key(0), X)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.bfloat16)}


STEP_REFUSALS: dict[str, tuple[Any, str]] = {
    "reverse": (nn.GRU(3, reverse=True), "reverse=True has no step"),
    "bidirectional": (nn.Bidirectional(nn.GRU(3)), "a bidirectional layer has no step"),
    "stacked reverse": (nn.Stacked((nn.GRU(3), nn.GRU(3, reverse=True))), "reverse=True has no step"),
    "stacked bidirectional": (
        nn.Stacked((nn.Bidirectional(nn.GRU(3)), nn.GRU(3))),
        "a bidirectional layer has no step",
    ),
}


def test_a_sigmoid_network_is_a_loop_of_sigmoids() -> None:
    layer, x = nn.RNN(3, activation="sigmoid", use_bias=False), np.random.default_rng(0).normal(size=(2, 5, 4))
    params = jax.tree.map(np.asarray, layer.init(jax.random.key(1), x)["params"])
    h, expected = np.zeros((2, 3)), []
    for t in range(5):
        h = 1 / (1 + np.exp(-(x[:, t] @ params["input"] + h @ params["recurrent"])))
        expected.append(h)
    y, _ = layer.apply({"params": params}, x)
    np.testing.assert_allclose(y, np.stack(expected, axis=1), rtol=1e-5)


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
        ("stacked", one_too_few, r"initial_carry has shapes .*; allowed: a tuple of 3, one per layer"),
        ("residual", LSTMCarry(zeros, zeros), r"initial_carry has shapes LSTMCarry.*; allowed: a tuple of 2"),
        ("concat", (HiddenCarry(zeros), HiddenCarry(zeros)), "initial_carry is a tuple; allowed: BothWays"),
    ]:
        with pytest.raises(ValueError, match=message):
            apply(name, random_params(name), X, None, carry)
    with pytest.raises(ValueError, match="allowed: a tuple of 3"):
        LAYERS["stacked"].apply(random_params("stacked"), one_too_few, X[:, 0], method="step")
    with pytest.raises(ValueError, match=r"lengths have shape \(3,\); allowed: \(4,\), one per row"):
        apply("lstm", random_params("lstm"), X, LENGTHS[:3])
    with pytest.raises(ValueError, match="engine is 'fast'; allowed: auto, "):
        jax.eval_shape(nn.LSTM(3, engine="fast").init, jax.random.key(0), X)
    with pytest.raises(TypeError, match=r"LSTM\.__init__\(\) got an unexpected keyword argument 'peepholes'"):
        nn.LSTM(3, peepholes=True)


@pytest.mark.parametrize("name", ["lstm", "mixed"])
def test_layer_reports_lengths_out_of_range_under_checkified(name: str) -> None:
    checked = jax.jit(masking.checkified(lambda lengths: LAYERS[name].apply(random_params(name), X, lengths)[0]))
    error, y = checked(LENGTHS)
    error.throw()
    np.testing.assert_allclose(y, apply(name, random_params(name), X, LENGTHS)[0], rtol=1e-6)
    for wrong in (LENGTHS + 1, LENGTHS - 1):
        error, _ = checked(wrong)
        with pytest.raises(ValueError, match=rf"lengths reach from {wrong.min()} to {wrong.max()}; allowed: 0 to 6"):
            error.throw()


def test_recurrent_layer_is_a_linen_module_with_the_cell_it_was_given() -> None:
    layer = nn.LSTM(3, peephole=True, reverse=True, name="encoder")
    assert isinstance(layer, nn.LSTM)
    assert layer.cell == nn.LSTMCell(3, peephole=True)
    assert layer.clone(features=5).cell == nn.LSTMCell(5, peephole=True)
    assert (layer.name, layer.reverse, layer.out_features) == ("encoder", True, 3)
    params = random_params("lstm")
    expected = apply("lstm", params, X)
    assert_close(nn.Recurrent(nn.LSTMCell(3)).apply(params, X), expected)
    assert_close(flax.linen.remat(nn.LSTM)(3).apply(params, X), expected)  # lifted, as any Linen module
    for kind, cell in [(nn.RNN, nn.RNNCell), (nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell)]:
        assert kind(3).cell == cell(3)
        with pytest.raises(ValueError, match=r"zoneout_hidden is 1\.5; allowed: 0 or more, below 1"):
            kind(3, zoneout_hidden=1.5)
    for kind in (nn.MinGRU, nn.MinLSTM, nn.LRU, nn.RGLRU, nn.QRNN, nn.SRU):
        assert kind(3).cell == getattr(nn, f"{kind.__name__}Cell")(3)
        for option in ("zoneout", "use_bias", "reverse"):
            assert f"{option}:" in kind.__doc__ or option in nn.RecurrentLayer.__doc__
        with pytest.raises(ValueError, match=r"zoneout is 1\.5; allowed: 0 or more, below 1"):
            kind(3, zoneout=1.5)
