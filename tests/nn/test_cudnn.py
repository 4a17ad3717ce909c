"""Stacks and both directions as one call of cuDNN, in whose place JAX's reference runs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

from sequence_lab import nn
from tests.nn.test_encoders import LENGTHS, X, draw, with_params
from tests.ops.recurrence import reference_cudnn

ONE_CALL = {
    "forward": nn.Stacked((nn.LSTM(3, learn_initial_carry=True), nn.LSTM(3, use_bias=False)), dropout=0.5),
    "both": nn.Stacked((nn.Bidirectional(nn.LSTM(3)),) * 2),
}


def with_engine(layer: Any, engine: str) -> Any:
    """``layer`` with that engine in every recurrent layer."""
    match layer:
        case nn.Stacked():
            return layer.clone(layers=tuple(with_engine(level, engine) for level in layer.layers))
        case nn.Bidirectional():
            return layer.clone(layer=with_engine(layer.layer, engine))
    return layer.clone(engine=engine)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """(layers, both directions) of each call of cuDNN, in whose place JAX's reference runs, as if there were a GPU."""
    made = []

    def counted(*args: Any, **options: Any) -> Any:
        made.append((args[7], options["bidirectional"]))
        return reference_cudnn.lstm(*args, **options)

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(rnn, "lstm", counted)
    return made


@pytest.mark.parametrize("name", ONE_CALL)
def test_layers_in_one_call_of_cudnn_equal_each_alone(name: str, calls: list[tuple[int, bool]]) -> None:
    """Parameters, values and gradients, under lengths and carries, padding unread."""
    layer, one_call = (with_engine(ONE_CALL[name], engine) for engine in ("scan_plain", "cudnn"))
    params, _ = with_params(layer)
    x = np.where(np.arange(6)[:, None] < LENGTHS[:, None, None], X, np.nan)
    carry = draw(layer.initial_carry((4,)), 3) if name == "both" else None

    def derived(layer: Any) -> Any:
        def loss(params: Any, x: Any, carry: Any) -> Any:
            out = layer.apply({"params": params}, x, LENGTHS, carry)
            return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(out)), out

        return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(params, x, carry)

    expected = derived(layer)
    assert calls == []
    actual = derived(one_call)
    assert calls == [(2, name == "both")]
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    declared = [jax.eval_shape(way.init, jax.random.key(0), X) for way in (layer, one_call)]
    assert declared[0] == declared[1]


@pytest.mark.parametrize(
    ("layer", "train", "made"),
    [
        (nn.Stacked((nn.LSTM(3), nn.LSTM(3)), dropout=0.5), True, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.LSTM(3)), connection="residual"), False, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.LSTM(4))), False, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.LSTM(3, reverse=True))), False, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.LSTM(3, drop_connect=0.5))), True, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.LSTM(3, remat=True))), False, {(1, False)}),
        (nn.Stacked((nn.LSTM(3), nn.Bidirectional(nn.LSTM(3)))), False, {(1, False), (1, True)}),
        (nn.Stacked((nn.Bidirectional(nn.LSTM(3), "sum"),) * 2), False, {(1, True)}),
    ],
)
def test_layers_that_are_not_one_call_of_cudnn_run_each_alone(
    layer: Any, train: bool, made: set[tuple[int, bool]], calls: list[tuple[int, bool]]
) -> None:
    params, _ = with_params(layer)

    def outputs(engine: str) -> Any:
        own, rngs = with_engine(layer, engine), {"dropout": jax.random.key(0)}
        return jax.jit(lambda x: own.apply({"params": params}, x, LENGTHS, train=train, rngs=rngs))(X)

    expected, actual = outputs("scan_plain"), outputs("cudnn")
    assert set(calls) == made
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_layers_in_one_call_of_cudnn_check_what_they_are_given(calls: list[tuple[int, bool]]) -> None:
    layer = with_engine(ONE_CALL["forward"], "cudnn")
    params, _ = with_params(layer)
    calls.clear()
    carry = layer.clone(layers=(nn.LSTM(3, engine="cudnn"), nn.LSTM(4))).initial_carry((4,))
    with pytest.raises(ValueError, match=r"initial_carry has shapes .* LSTMCell needs"):
        layer.apply({"params": params}, X, LENGTHS, carry)
    with pytest.raises(ValueError, match="lengths reach from 0 to 7; allowed: 0 to 6"):
        layer.apply({"params": params}, X, LENGTHS + (LENGTHS > 0))
    with pytest.raises(ValueError, match="engine cudnn cannot run this call: there are resets"):
        layer.apply({"params": params}, X, LENGTHS, resets_BT=np.zeros((4, 6), bool))
    assert calls == []
