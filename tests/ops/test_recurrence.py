"""Every engine on every cell against a plain Python loop in float64, and the gate equations against NumPy."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import CELLS, ENGINES, Params, cells

C, D = 2, 3
LENGTHS = (5, 2, 0)
CELL_OPTIONS: dict[str, cells.Cell] = {
    **{name: make(D) for name, make in CELLS.items()},
    "rnn_relu": cells.RNNCell(D, "relu"),
}
every_cell = pytest.mark.parametrize("name", CELL_OPTIONS)
every_engine = pytest.mark.parametrize("engine", ENGINES)


def draw(shape: Any, seed: int, scale: float = 0.8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape, scale=scale)


def draw_all(name: str, batch: int = 3, steps: int = 5) -> tuple[Params, np.ndarray, Any]:
    """Random parameters, inputs and carry in float64."""
    cell = CELL_OPTIONS[name]
    seeds = iter(range(1, 99))
    declared = cell.parameters(C)
    params = Params(*({k: draw(p.shape, next(seeds)) for k, p in group.items()} for group in declared))
    carry = jax.tree.map(lambda a: draw(a.shape, next(seeds)), cell.initial_carry((batch,), jnp.float32))
    return params, draw((batch, steps, C), 0), carry


def python_loop(cell: cells.Cell, params: Params, x_BTC: Any, carry: Any, reverse: bool) -> tuple[Any, Any]:
    """Row by row, step by step, over real steps only: no mask anywhere."""

    def dot(name: str, a: Any, add: Any = None) -> Any:
        product = jnp.dot(a, params.matrices[name])
        return product if add is None else add + product

    rows, carries = [], []
    for row, length in enumerate(LENGTHS):
        own = jax.tree.map(lambda a, row=row: a[row : row + 1], carry)
        ys: list[Any] = [jnp.zeros((1, cell.features))] * x_BTC.shape[1]
        for t in reversed(range(length)) if reverse else range(length):
            u = cell.inputs(params.local, x_BTC[row : row + 1, t], dot)
            own, ys[t] = cell.step(params.local, own, u, dot)
        rows.append(jnp.stack(ys, axis=1))
        carries.append(own)
    return jnp.concatenate(rows), jax.tree.map(lambda *a: jnp.concatenate(a), *carries)


def weighted_sum(tree: Any) -> Any:
    return sum(jnp.vdot(draw(a.shape, i), jnp.sin(a)) for i, a in enumerate(jax.tree.leaves(tree)))


def assert_close(actual: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@functools.cache
def loop_and_gradients(name: str, reverse: bool) -> Any:
    params, x, carry = draw_all(name)

    def loss(params: Params, x: Any, carry: Any) -> Any:
        out = python_loop(CELL_OPTIONS[name], params, x, carry, reverse)
        return weighted_sum(out), out

    with jax.enable_x64(True):
        return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(params, x, carry)


@every_engine
@every_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_engine_equals_python_loop(name: str, engine: str, reverse: bool) -> None:
    params, x, carry = draw_all(name)

    def loss(params: Params, x: Any, carry: Any) -> Any:
        cell, lengths = CELL_OPTIONS[name], jnp.array(LENGTHS)
        out = recurrence.run(cell, params, x, lengths, carry, reverse=reverse, engine=engine)
        return weighted_sum(out), out

    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
        gradients, out = gradient(params, x, carry)
    expected_gradients, expected = loop_and_gradients(name, reverse)
    assert out[0].dtype == np.float64
    assert_close(out, expected, rtol=1e-12, atol=1e-14)
    assert_close(gradients, expected_gradients, rtol=1e-11, atol=1e-14)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rnn_equations(p: dict[str, np.ndarray], x: np.ndarray, carry: Any) -> tuple[np.ndarray, ...]:
    return (np.tanh(p["input"].T @ x + p["recurrent"].T @ carry[0] + p["bias"]),)


def lstm_equations(p: dict[str, np.ndarray], x: np.ndarray, carry: Any) -> tuple[np.ndarray, ...]:
    c, h = carry
    pre = {
        gate: p["input"][:, at : at + D].T @ x + p["recurrent"][:, at : at + D].T @ h + p["bias"][at : at + D]
        for gate, at in zip("ifgo", range(0, 4 * D, D), strict=True)
    }
    c = sigmoid(pre["f"]) * c + sigmoid(pre["i"]) * np.tanh(pre["g"])
    return c, sigmoid(pre["o"]) * np.tanh(c)


def gru_equations(p: dict[str, np.ndarray], x: np.ndarray, carry: Any) -> tuple[np.ndarray, ...]:
    (h,) = carry
    w = {gate: p["input"][:, at : at + D].T for gate, at in zip("rzn", range(0, 3 * D, D), strict=True)}
    u = {gate: p["recurrent"][:, at : at + D].T for gate, at in zip("rzn", range(0, 3 * D, D), strict=True)}
    b_r, b_z, b_n = np.split(p["bias"], 3)
    r = sigmoid(w["r"] @ x + u["r"] @ h + b_r)
    z = sigmoid(w["z"] @ x + u["z"] @ h + b_z)
    n = np.tanh(w["n"] @ x + b_n + r * (u["n"] @ h + p["recurrent_bias"]))
    return ((1 - z) * n + z * h,)


@pytest.mark.parametrize(
    ("name", "equations"), [("rnn", rnn_equations), ("lstm", lstm_equations), ("gru", gru_equations)]
)
def test_cell_equals_its_equations(name: str, equations: Callable[..., tuple[np.ndarray, ...]]) -> None:
    params, x, carry = draw_all(name)
    with jax.enable_x64(True):
        y, last = recurrence.run(CELL_OPTIONS[name], params, x, None, carry)
    for row in range(len(x)):
        own = tuple(leaf[row] for leaf in carry)
        for t in range(x.shape[1]):
            own = equations({**params.matrices, **params.local}, x[row, t], own)
            np.testing.assert_allclose(y[row, t], own[-1], rtol=1e-12)
        np.testing.assert_allclose([leaf[row] for leaf in last], own, rtol=1e-12)


@every_engine
@every_cell
def test_run_has_second_derivatives(name: str, engine: str) -> None:
    """Hessian times vector against central differences of the gradient; and reverse over reverse agrees."""
    params, x, carry = draw_all(name, batch=1, steps=3)
    everything = (params, x, carry)
    direction = jax.tree.map(lambda a: draw(a.shape, 77), everything)

    def loss(everything: Any) -> Any:
        params, x, carry = everything
        out = recurrence.run(CELL_OPTIONS[name], params, x, jnp.array([2]), carry, engine=engine)
        return weighted_sum(out)

    @jax.jit
    def gradient(everything: Any) -> Any:
        return jax.grad(loss)(everything)

    @jax.jit
    def grad_of_grad(everything: Any) -> Any:
        def along(point: Any) -> Any:
            slopes = jax.tree.leaves(jax.grad(loss)(point))
            return sum(jnp.vdot(a, b) for a, b in zip(slopes, jax.tree.leaves(direction), strict=True))

        return jax.grad(along)(everything)

    with jax.enable_x64(True):
        size = 1e-5
        after, before = (
            gradient(jax.tree.map(lambda a, d, s=sign: a + s * size * d, everything, direction)) for sign in (1, -1)
        )
        differences = jax.tree.map(lambda a, b: (a - b) / (2 * size), after, before)
        assert_close(grad_of_grad(everything), differences, rtol=1e-5, atol=1e-7)


@every_engine
@pytest.mark.parametrize("reverse", [False, True])
def test_run_is_causal_by_gradient(engine: str, reverse: bool) -> None:
    params, x, _ = draw_all("lstm")

    def outputs(x: Any) -> Any:
        return recurrence.run(CELL_OPTIONS["lstm"], params, x, jnp.array(LENGTHS), reverse=reverse, engine=engine)[0]

    with jax.enable_x64(True):
        influence = np.abs(jax.jit(jax.jacrev(outputs))(x)).sum(axis=(2, 5))  # y_BT by x_BT
    for row, length in enumerate(LENGTHS):
        own = influence[row, :, row]
        for t, s in np.ndindex(own.shape):
            sees = max(t, s) < length and (t <= s if reverse else s <= t)
            assert (own[t, s] > 0) == sees, f"y at {t} by x at {s} in a row of {length}"
        influence[row, :, row] = 0
    np.testing.assert_array_equal(influence, 0, err_msg="one row sees another")


@every_engine
def test_run_takes_several_batch_axes_and_none(engine: str) -> None:
    params, x, carry = jax.tree.map(np.float32, draw_all("gru", batch=4))
    cell, lengths = CELL_OPTIONS["gru"], np.array([5, 0, 2, 3])
    y, last = recurrence.run(cell, params, x, lengths, carry, engine=engine)

    def fold(a: Any) -> Any:
        return a.reshape(2, 2, *a.shape[1:])

    folded = recurrence.run(cell, params, fold(x), fold(lengths), jax.tree.map(fold, carry), engine=engine)
    assert_close(folded, jax.tree.map(fold, (y, last)), rtol=1e-6)
    alone = recurrence.run(cell, params, x[3], np.array(3), jax.tree.map(lambda a: a[3], carry), engine=engine)
    assert_close(alone, jax.tree.map(lambda a: a[3], (y, last)), rtol=1e-5, atol=1e-6)


def test_run_auto_is_one_of_the_engines() -> None:
    params, x, _ = jax.tree.map(np.float32, draw_all("lstm"))
    cell = CELL_OPTIONS["lstm"]
    expected = recurrence.run(cell, params, x, engine="scan_plain")
    assert_close(recurrence.run(cell, params, x), expected, rtol=1e-5, atol=1e-6)


def test_run_refuses_unknown_engines_wrong_carries_and_wrong_lengths() -> None:
    params, x, carry = jax.tree.map(np.float32, draw_all("lstm"))
    cell = CELL_OPTIONS["lstm"]
    with pytest.raises(ValueError, match=r"engine is 'cuda'; allowed: auto, scan_plain"):
        recurrence.run(cell, params, x, engine="cuda")
    for wrong in (
        carry._replace(c=carry.c[:2]),
        tuple(carry),
        cells.HiddenCarry(carry.h),
        cells.HiddenCarry(carry),
        carry.h,
    ):
        with pytest.raises(ValueError, match=r"initial_carry has .*; LSTMCell needs LSTMCarry\(c=\(3, 3\)"):
            recurrence.run(cell, params, x, None, wrong)
    for lengths in (np.array([5, 2]), np.array(5), np.ones((3, 5), int)):
        with pytest.raises(ValueError, match=r"lengths have shape .*; allowed: \(3,\), one per row"):
            recurrence.run(cell, params, x, lengths)
    with pytest.raises(ValueError, match="activation is 'sin'; allowed: tanh, relu"):
        cells.RNNCell(3, "sin")


@every_cell
def test_cell_declares_parameters_by_gate(name: str) -> None:
    """One orthogonal matrix per gate, biases zero; cells are hashable options."""
    cell = CELL_OPTIONS[name]
    assert hash(cell) == hash(type(cell)(**cell.__dict__))
    declared = cell.parameters(C)
    recurrent = declared.matrices["recurrent"]
    blocks = np.split(recurrent.init(jax.random.key(0), recurrent.shape, jnp.float32), recurrent.shape[1] // D, 1)
    for block in blocks:
        np.testing.assert_allclose(block.T @ block, np.eye(D), atol=1e-5)
    assert len({np.asarray(block).tobytes() for block in blocks}) == len(blocks), "gates drawn alike"
    for parameter in declared.local.values():
        assert not np.any(parameter.init(jax.random.key(0), parameter.shape, jnp.float32))


def test_lstm_forget_bias_sets_the_forget_gate_alone() -> None:
    bias = cells.LSTMCell(D, forget_bias=1.5).parameters(C).local["bias"]
    expected = np.repeat([0, 1.5, 0, 0], D)
    np.testing.assert_array_equal(bias.init(jax.random.key(0), bias.shape, jnp.float32), expected)
