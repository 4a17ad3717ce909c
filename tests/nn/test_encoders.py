"""Both directions, several layers, one vector for a sequence."""

import functools
from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.nn import BothWays

LENGTHS = np.array([6, 2, 3, 0], np.int32)


def draw(tree: Any, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda a: generator.normal(size=a.shape, scale=0.8).astype(np.float32), tree)


X = draw(jnp.empty((4, 6, 2)), 0)


def with_params(layer: Any, x: np.ndarray = X, seed: int = 1) -> tuple[Any, Any]:
    params = draw(jax.eval_shape(layer.init, jax.random.key(0), x), seed)
    return params["params"], jax.jit(layer.apply)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@functools.partial(jax.jit, static_argnums=0)
def alone(layer: Any, params: Any, x: Any, lengths: Any = None) -> Any:
    return layer.apply({"params": params}, x, lengths)


def test_bidirectional_backward_half_is_each_row_reversed() -> None:
    params, apply = with_params(nn.Bidirectional(nn.GRU(3)))
    y, (forward, backward) = apply({"params": params}, X, LENGTHS)
    for row, length in enumerate(LENGTHS[:3]):
        own = X[row : row + 1, :length]
        there, last = alone(nn.GRU(3), params["forward"], own)
        back, first = alone(nn.GRU(3), params["backward"], own[:, ::-1])
        expected = np.concatenate([there, back[:, ::-1]], axis=-1)
        np.testing.assert_allclose(y[row, :length], expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(forward.h[row], last.h[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(backward.h[row], first.h[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("merge", ["sum", "mean", "gate"])
def test_bidirectional_merges_both_directions(merge: str) -> None:
    layer = nn.Bidirectional(nn.GRU(3), merge)
    params, apply = with_params(layer)
    forward = alone(nn.GRU(3), params["forward"], X, LENGTHS)[0]
    backward = alone(nn.GRU(3, reverse=True), params["backward"], X, LENGTHS)[0]
    y, _ = apply({"params": params}, X, LENGTHS)
    if merge == "gate":
        both = np.concatenate([forward, backward], axis=-1)
        gate = sigmoid(both @ params["gate"]["kernel"] + params["gate"]["bias"])
        expected = gate * forward + (1 - gate) * backward
    else:
        expected = (forward + backward) / (2 if merge == "mean" else 1)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    assert layer.out_features == y.shape[-1] == 3


def test_bidirectional_directions_start_from_different_parameters() -> None:
    layer = nn.Bidirectional(nn.LSTM(3, name="named"))
    params = jax.jit(layer.init)(jax.random.key(0), X)["params"]
    assert set(params) == {"forward", "backward"}
    assert np.any(params["forward"]["recurrent"] != params["backward"]["recurrent"])


def test_stacked_layers_connect_as_named() -> None:
    """Each connection against the two layers run by hand; the first one always reads the input as it is."""
    for connection in ("plain", "residual", "highway", "skip"):
        layers = (nn.LSTM(3), nn.Bidirectional(nn.GRU(3), "sum"))
        stack = nn.Stacked(layers, connection=connection)
        params, apply = with_params(stack)
        y, carry = apply({"params": params}, X, LENGTHS)
        below, first = alone(layers[0], params["levels_0"], X, LENGTHS)
        inputs = np.concatenate([below, X], axis=-1) if connection == "skip" else below
        above, second = alone(layers[1], params["levels_1"], inputs, LENGTHS)
        expected = np.asarray(above)
        if connection == "residual":
            expected = above + below
        elif connection == "highway":
            t = sigmoid(below @ params["gates_0"]["kernel"] + params["gates_0"]["bias"])
            expected = t * above + (1 - t) * below
        elif connection == "skip":
            expected = np.concatenate([below, above], axis=-1)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6, err_msg=connection)
        assert stack.out_features == y.shape[-1]
        for a, b in zip(jax.tree.leaves(carry), jax.tree.leaves((first, second)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)


def test_residual_connection_is_not_dropped() -> None:
    """Above a layer that puts out zeros stands what came from below, dropout or not."""
    layer = nn.Stacked((nn.LSTM(3), nn.GRU(3)), dropout=0.5, connection="residual")
    params, _ = with_params(layer)
    params = params | {"levels_1": jax.tree.map(np.zeros_like, params["levels_1"])}
    y, _ = layer.apply({"params": params}, X, LENGTHS, train=True, rngs={"dropout": jax.random.key(0)})
    np.testing.assert_allclose(y, alone(nn.LSTM(3), params["levels_0"], X, LENGTHS)[0], rtol=1e-5, atol=1e-6)


def test_highway_starts_by_carrying_its_input_on() -> None:
    stack = nn.Stacked((nn.LSTM(3), nn.GRU(3)), connection="highway")
    params = jax.jit(stack.init)(jax.random.key(0), X)["params"]
    np.testing.assert_array_equal(params["gates_0"]["bias"], -1)


def test_stacked_dropout_acts_between_layers_in_training_alone() -> None:
    layer = nn.Stacked((nn.LSTM(3), nn.RNN(2), nn.GRU(3)), dropout=0.5)
    params, apply = with_params(layer)

    @jax.jit
    def train(key: Any) -> Any:
        return layer.apply({"params": params}, X, LENGTHS, train=True, rngs={"dropout": key})

    (y, carry), (other, other_carry) = train(jax.random.key(1)), train(jax.random.key(2))
    assert np.any(y != other)
    below = apply({"params": params}, X, LENGTHS)[1][0]
    for a, b, c in zip(carry[0], other_carry[0], below, strict=True):  # below the first dropout
        np.testing.assert_allclose(a, b, rtol=1e-6)
        np.testing.assert_allclose(a, c, rtol=1e-6)
    np.testing.assert_array_equal(y[3], 0)
    np.testing.assert_array_equal(y[1, 2:], 0)


def test_stacked_dropout_does_not_depend_on_the_amount_of_padding() -> None:
    layer = nn.Stacked((nn.LSTM(3, zoneout_hidden=0.3), nn.GRU(3)), dropout=0.5)
    params, _ = with_params(layer)
    longer = np.concatenate([X, np.full_like(X, np.nan)], axis=1)

    def train(x: Any) -> Any:
        return layer.apply({"params": params}, x, LENGTHS, train=True, rngs={"dropout": jax.random.key(0)})

    (y, carry), (padded, padded_carry) = jax.jit(train)(X), jax.jit(train)(longer)
    np.testing.assert_allclose(padded[:, :6], y, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(padded[:, 6:], 0)
    for a, b in zip(jax.tree.leaves(padded_carry), jax.tree.leaves(carry), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_stacked_layers_have_their_own_parameters_wherever_they_are_made() -> None:
    """In a compact parent as outside of one, and where the same layer stands twice."""

    class Parent(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x: Any) -> Any:
            both = nn.Bidirectional(nn.GRU(3), "sum")
            return nn.Stacked((both, both, nn.LSTM(3)), name="encoder")(x)[0]

    params = jax.eval_shape(Parent().init, jax.random.key(0), X)["params"]
    assert set(params) == {"encoder"}
    assert set(params["encoder"]) == {"levels_0", "levels_1", "levels_2"}
    assert params["encoder"]["levels_1"]["forward"]["input"].shape == (3, 9)


def test_stacked_hands_noise_of_training_and_resets_to_its_layers() -> None:
    layer = nn.Stacked((nn.Bidirectional(nn.LSTM(3, zoneout_hidden=0.5)), nn.GRU(3)))
    params, _ = with_params(layer)
    y, _ = layer.apply({"params": params}, X, train=True, rngs={"dropout": jax.random.key(0)})
    assert np.any(y != alone(layer, params, X)[0])
    resets = np.zeros((4, 6), bool)
    resets[:, 2] = True
    packed, _ = layer.apply({"params": params}, X, resets_BT=resets)
    for part in (slice(None, 2), slice(2, None)):
        np.testing.assert_allclose(packed[:, part], alone(layer, params, X[:, part])[0], rtol=1e-5, atol=2e-6)


def test_final_hidden_is_what_each_row_puts_out_last() -> None:
    """Forwards at the last real step, backwards at the first; of a stack that of the top layer."""
    layers = {
        "lstm": nn.LSTM(3, projection=2),
        "bidirectional": nn.Bidirectional(nn.GRU(3), "mean"),
        "stacked": nn.Stacked((nn.RNN(2), nn.Bidirectional(nn.LSTM(3)))),
    }
    for name, layer in layers.items():
        params, apply = with_params(layer)
        _, carry = apply({"params": params}, X, LENGTHS)
        vector = np.asarray(nn.final_hidden(carry))
        np.testing.assert_array_equal(vector[3], 0)
        for row, length in enumerate(LENGTHS[:3]):
            y, own = alone(layer, params, X[row : row + 1, :length])
            np.testing.assert_allclose(vector[row], nn.final_hidden(own)[0], rtol=1e-5, atol=1e-6)
            if name == "lstm":
                np.testing.assert_allclose(vector[row], y[0, -1], rtol=1e-5)
            elif name == "stacked":
                np.testing.assert_allclose(vector[row], [*y[0, -1, :3], *y[0, 0, 3:]], rtol=1e-5, atol=1e-6)
        gradient = jax.jit(
            jax.grad(lambda x: jnp.sum(nn.final_hidden(apply({"params": params}, x, LENGTHS)[1])))  # noqa: B023
        )(X)
        for row, length in enumerate(LENGTHS):
            np.testing.assert_array_equal(np.any(gradient[row] != 0, axis=-1), np.arange(6) < length)


def test_final_hidden_of_both_directions_stands_side_by_side() -> None:
    carry = BothWays(nn.GRU(3).initial_carry((2,)), nn.GRU(3).initial_carry((2,))._replace(h=jnp.ones((2, 3))))
    np.testing.assert_array_equal(nn.final_hidden(carry), np.repeat([[0, 1]], 3, axis=1).repeat(2, axis=0))


def test_final_hidden_refuses_carries_without_what_was_put_out() -> None:
    with pytest.raises(ValueError, match="carry is LRUCarry, which holds no output; allowed: to pool the outputs"):
        nn.final_hidden((nn.GRU(3).initial_carry((2,)), nn.LRU(3).initial_carry((2,))))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Bidirectional(nn.LSTM(3, reverse=True)), "has reverse=True; allowed: the forward"),
        (nn.Bidirectional(nn.LSTM(3), "max"), "merge is 'max'; allowed: concat, sum, mean, gate"),
        (nn.Stacked(()), r"layers are \[\]; allowed: one or more recurrent layers"),
        (nn.Stacked((nn.GRU(3), nn.Dense(3))), r"layers are \['GRU', 'Dense'\]; allowed: one or more recurrent"),
        (nn.Bidirectional(nn.Dense(3)), "layer is a Dense; allowed: a recurrent layer"),
        (nn.Stacked((nn.GRU(3),), dropout=1.0), "dropout is 1.0; allowed: 0 or more, below 1"),
        (nn.Stacked((nn.GRU(3),), connection="dense"), "connection is 'dense'; allowed: plain, residual, highway"),
        (
            nn.Stacked((nn.GRU(3), nn.GRU(4)), connection="residual"),
            r"layers put out \[3, 4\] features; allowed under 'residual': all alike",
        ),
    ],
)
def test_encoder_refuses_options_that_mean_nothing(layer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(layer.init, jax.random.key(0), X)
