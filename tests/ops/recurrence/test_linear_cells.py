"""Linear cells against NumPy, written from the papers over whole rows; precision over long ones; options."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import Params, associative, cells
from sequence_lab.ops.recurrence.associative import Associative
from tests.ops.recurrence.variants import LINEAR, VARIANTS, C, assert_close, draw_all, weighted_sum

Row = np.ndarray
Keep = Any  # at every step what zoneout keeps: booleans, or 0.0 where it is off


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def blocks(array: np.ndarray, count: int) -> list[np.ndarray]:
    return np.split(array, count, axis=-1)


def affine(cell: Any, p: dict[str, Row], x_TC: Row, count: int) -> list[Row]:
    return blocks(x_TC @ p["input"] + p.get("bias", 0.0), count)


def positive(v: Row) -> Row:
    return np.where(v >= 0, v + 0.5, sigmoid(v))


def remember(a_T: Row, b_T: Row, h: Row, keep_T: Keep) -> Row:
    """h = a * h + b, of which zoneout keeps the old h so often."""
    h_T = []
    for a, b, keep in zip(np.broadcast_to(a_T, b_T.shape), b_T, keep_T, strict=True):
        h = keep * h + (1 - keep) * (a * h + b)
        h_T.append(h)
    return np.stack(h_T)


def min_gru(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    z, n = affine(cell, p, x_TC, 2)
    h_T = remember(1 - sigmoid(z), sigmoid(z) * (positive(n) if cell.positive else n), carry.h, keep_T)
    return h_T, (h_T[-1],)


def min_lstm(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    i, f, g = affine(cell, p, x_TC, 3)
    i, f = sigmoid(i), sigmoid(f)
    h_T = remember(f / (f + i), i / (f + i) * (positive(g) if cell.positive else g), carry.h, keep_T)
    return h_T, (h_T[-1],)


def lru(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    states = len(carry.real)
    B = p["input"][:, :states] + 1j * p["input"][:, states : 2 * states]
    # The matrix acts on (Re s, Im s): Re(C s) = Re(C) Re(s) - Im(C) Im(s).
    output = p["output"][:states] - 1j * p["output"][states:]
    nu, theta, gamma = np.exp(blocks(p["diagonal"], 3))
    s_T = remember(np.exp(-nu + 1j * theta), gamma * (x_TC @ B), carry.real + 1j * carry.imag, keep_T)
    y_TD = (s_T @ output).real + x_TC @ p["input"][:, 2 * states :] + p.get("bias", 0.0)
    return y_TD, (s_T[-1].real, s_T[-1].imag)


def rg_lru(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    own = x_TC.shape[1] == cell.features
    r, i, *v = blocks(x_TC @ p["input"], 2 if own else 3)
    b_r, b_i = blocks(p["bias"], 2)
    a = (1 / (1 + np.exp(p["lambda"]))) ** (8 * sigmoid(r + b_r))  # exp(-softplus(L)) = 1 / (1 + exp(L))
    h_T = remember(a, np.sqrt(1 - a**2) * sigmoid(i + b_i) * (x_TC if own else v[0]), carry.h, keep_T)
    return h_T, (h_T[-1],)


def qrnn(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    gates, size = 1 + len(cell.pooling), cell.kernel_size
    pre = np.tile(p["bias"], (len(x_TC), 1))
    taps = blocks(p["input"], size)
    to_come = blocks(carry.past, size - 1) if size > 1 else []
    later = [np.zeros_like(p["bias"]) for _ in range(size - 1)]
    for t in range(len(x_TC)):
        pre[t] += sum(x_TC[t - k] @ taps[k] for k in range(size) if k <= t)
        if t < size - 1:
            pre[t] += to_come[t]
    for j in range(size - 1):  # what the last inputs, and the carry if the row is that short, still add
        later[j] = sum(x_TC[len(x_TC) - 1 - i] @ taps[i + j + 1] for i in range(len(x_TC)) if i + j + 1 < size)
        if len(x_TC) + j < size - 1:
            later[j] = later[j] + to_come[len(x_TC) + j]
    z, f, *more = blocks(pre, gates)
    i = sigmoid(more[1]) if cell.pooling == "ifo" else 1 - sigmoid(f)
    c_T = remember(sigmoid(f), i * np.tanh(z), carry.c, keep_T)
    y_TD = c_T if cell.pooling == "f" else sigmoid(more[0]) * c_T
    return y_TD, (c_T[-1], np.concatenate(later)) if size > 1 else (c_T[-1],)


def sru(cell: Any, p: dict[str, Row], x_TC: Row, carry: Any, keep_T: Keep) -> tuple[Row, Any]:
    own = x_TC.shape[1] == cell.features
    v, f, r, *through = blocks(x_TC @ p["input"], 3 if own else 4)
    b_f, b_r = blocks(p["bias"], 2)
    f, r = sigmoid(f + b_f), sigmoid(r + b_r)
    c_T = remember(f, (1 - f) * v, carry.c, keep_T)
    x = (x_TC if own else through[0]) * (math.sqrt(1 + 2 * math.exp(cell.highway_bias)) if cell.rescale else 1)
    return r * (np.tanh(c_T) if cell.activation == "tanh" else c_T) + (1 - r) * x, (c_T[-1],)


EQUATIONS: dict[type, Callable[..., tuple[Row, Any]]] = {
    cells.MinGRUCell: min_gru,
    cells.MinLSTMCell: min_lstm,
    cells.LRUCell: lru,
    cells.RGLRUCell: rg_lru,
    cells.QRNNCell: qrnn,
    cells.SRUCell: sru,
}


@pytest.mark.parametrize(
    ("name", "training"),
    [*((name, False) for name in LINEAR), *((name, True) for name in LINEAR if VARIANTS[name].is_noisy)],
)
def test_linear_cell_equals_its_equations(name: str, training: bool) -> None:
    """Outputs and last carry, with the noise of training and with its expectation; rows shorter than a window, too."""
    cell: Any = VARIANTS[name]
    params, x, carry = draw_all(name)
    p = {**params.matrices, **params.local}
    key = jax.random.key(2)
    with jax.enable_x64(True):
        options: Any = {"engine": "associative", "key": key} if training else {"engine": "scan_plain"}
        run = jax.jit(lambda x: recurrence.run(cell, params, x, None, carry, **options))
        for steps in (5, 1) if cell.delay else (5,):
            y_BTD, last = run(x[:, :steps])
            keep_TB = np.full((steps, 3, 1), cell.zoneout)
            if training:
                step_key = jax.random.split(key, 3)[2]
                keep_TB = np.stack([cell.noise(jax.random.fold_in(step_key, t), (3,)) for t in range(steps)])
                assert steps == 1 or 0 < keep_TB.mean() < 1
            for row in range(3):
                own = jax.tree.map(lambda a, row=row: a[row], carry)
                y_TD, carries = EQUATIONS[type(cell)](cell, p, x[row, :steps], own, keep_TB[:, row])
                np.testing.assert_allclose(y_BTD[row], y_TD, rtol=1e-11, atol=1e-13)
                for actual, wanted in zip(last, carries, strict=True):
                    np.testing.assert_allclose(actual[row], wanted, rtol=1e-11, atol=1e-13)


def test_min_gru_equals_the_parallel_scan_of_its_paper() -> None:
    """Appendix B: cumulated sums of logarithms, and log-sum-exp of what they leave, from a positive carry."""
    params, x, carry = draw_all("min_gru")
    cell, first = cells.MinGRUCell(3, positive=True), np.abs(carry.h)
    z, n = np.split(x @ params.matrices["input"] + params.local["bias"], 2, axis=-1)
    log_coefficients = np.cumsum(-np.logaddexp(0, z), axis=1)
    log_values = -np.logaddexp(0, -z) + np.log(np.where(n >= 0, n + 0.5, 1 / (1 + np.exp(-n))))
    terms = np.concatenate([np.log(first)[:, None], log_values - log_coefficients], axis=1)
    expected = np.exp(log_coefficients + np.logaddexp.accumulate(terms, axis=1)[:, 1:])
    with jax.enable_x64(True):
        y, _ = recurrence.run(cell, params, x, None, cells.HiddenCarry(first), engine="associative")
    np.testing.assert_allclose(y, expected, rtol=1e-12)


@functools.cache
def started(name: str, features: int, steps: int, channels: int) -> Any:
    """Parameters as they start in float32, and inputs."""
    cell = (recurrence.CELLS | {"slow_lru": functools.partial(cells.LRUCell, r_min=0.9, r_max=0.999)})[name](features)
    keys = iter(jax.random.split(jax.random.key(5), 9))
    declared = cell.parameters(channels)
    params = Params(*({k: p.init(next(keys), p.shape, jnp.float32) for k, p in group.items()} for group in declared))
    return cell, params, np.float32(np.random.default_rng(0).normal(size=(1, steps, channels)))


LONG = ["min_gru", "slow_lru", "rg_lru"]


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, "scan") for name in LONG), ("slow_lru", "associative_scan"), ("min_gru", "logarithms")],
)
def test_associative_over_4096_steps_stays_close_to_float64(name: str, method: str) -> None:
    cell, params, x = started(name, 8, 4096, 4)
    p = jax.tree.map(np.float64, {**params.matrices, **params.local})
    carry = jax.tree.map(lambda a: np.zeros(a.shape), cell.initial_carry((), jnp.float32))
    expected, _ = EQUATIONS[type(cell)](cell, p, np.float64(x[0]), carry, np.zeros((4096, 1)))
    y, _ = jax.jit(lambda x: recurrence.run(cell, params, x, engine=Associative(method)))(x)
    np.testing.assert_allclose(y[0], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", LONG)
def test_linear_cell_in_bfloat16_stays_close_over_2000_steps(name: str) -> None:
    """Within the rounding of inputs and products: it does not grow with time, though memory lasts for long."""
    cell, params, x = started(name, 8, 2000, 4)
    run = jax.jit(lambda x: recurrence.run(cell, params, x, engine="associative")[0])
    y, low = run(x)[0], run(x.astype(jnp.bfloat16))[0]
    assert low.dtype == jnp.bfloat16
    error = np.abs(low.astype(np.float32) - y)
    assert np.sqrt(np.mean(error**2)) < 0.02 * np.std(y)
    assert error[-500:].mean() < 2 * error[:500].mean()


@pytest.mark.parametrize("name", ["min_gru", "min_lstm", "rg_lru", "qrnn", "sru"])
def test_linear_cell_with_gates_shut_or_open_to_rounding_is_finite(name: str) -> None:
    """Gates of 0 and 1 at random: outputs, carries and gradients, alike in both engines."""
    cell, params, x = started(name, 8, 256, 4)
    extreme = np.random.default_rng(1).choice(np.float32([-1e4, -40, 40, 1e4]), x.shape)

    def loss(params: Any, x: Any, engine: str) -> Any:
        y, carry = recurrence.run(cell, params, x, engine=engine)
        return jnp.mean(y) + sum(jnp.mean(leaf) for leaf in jax.tree.leaves(carry))

    evaluate = jax.jit(jax.value_and_grad(loss, (0, 1)), static_argnums=2)
    plain, associative = (evaluate(params, extreme, engine) for engine in ("scan_plain", "associative"))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(plain))
    for a, b in zip(*map(jax.tree.leaves, (associative, plain)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(b).max())


@pytest.mark.parametrize("gate", [-1e4, 1e4])
def test_min_gru_keeps_or_replaces_its_memory_exactly(gate: float) -> None:
    cell, params, x = started("min_gru", 8, 4096, 4)
    shut = params._replace(local={"bias": np.repeat(np.float32([gate, 0]), 8)})
    carry = cells.HiddenCarry(np.full((1, 8), 0.3, np.float32))
    y, last = recurrence.run(cell, shut, x, None, carry, engine="associative")
    if gate < 0:
        np.testing.assert_array_equal(last.h, carry.h)
    else:
        np.testing.assert_allclose(y, x @ params.matrices["input"][:, 8:], rtol=1e-5, atol=1e-6)


def test_min_lstm_shares_between_gates_that_are_both_zero() -> None:
    """sigmoid(-200) is 0 in float32; the share of i in i + f is not."""
    cell, params, x = started("min_lstm", 8, 3, 4)
    both = params._replace(local={"bias": np.repeat(np.float32([-200, -201, 1]), 8)})
    flat = jax.tree.map(np.zeros_like, both.matrices)
    _, last = recurrence.run(cell, both._replace(matrices=flat), x)
    np.testing.assert_allclose(last.h, 1 - (1 - 1 / (1 + math.exp(-1))) ** 3, rtol=1e-6)


def test_associative_in_chunks_equals_all_steps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 2 steps, the last one not full, backwards: asked for, or by the rule for long inputs."""
    params, x, carry = draw_all("qrnn_everything")

    def loss(engine: Associative, params: Any, x: Any, carry: Any) -> Any:
        cell, key = VARIANTS["qrnn_everything"], jax.random.key(1)
        out = recurrence.run(cell, params, x, np.array([5, 3, 0]), carry, reverse=True, engine=engine, key=key)
        return weighted_sum(out), out

    def results(engine: Associative) -> Any:
        with jax.enable_x64(True):
            of = functools.partial(loss, engine)
            return jax.jit(jax.grad(of, (0, 1, 2), has_aux=True))(params, x, carry)

    whole = results(Associative())
    assert_close(results(Associative(chunk=2)), whole, rtol=1e-12, atol=1e-14)
    products = 5 * 3 * params.matrices["input"].shape[-1]  # numbers: steps, rows
    monkeypatch.setattr(associative, "LONG", products)
    monkeypatch.setattr(associative, "CHUNK", products * 2 // 5)
    sizes: list[int] = []
    monkeypatch.setattr(associative, "in_chunks", lambda engine, size: sizes.append(size) or engine)
    assert_close(results(Associative()), whole, rtol=1e-12, atol=1e-14)
    assert sizes == [2]
    monkeypatch.setattr(associative, "LONG", products + 1)
    jax.eval_shape(functools.partial(loss, Associative()), params, x, carry)
    jax.eval_shape(functools.partial(loss, Associative("associative_scan")), params, x, carry)
    assert sizes == [2]


def init(cell: Any, name: str, channels: int = C) -> np.ndarray:
    parameter = {**cell.parameters(channels).matrices, **cell.parameters(channels).local}[name]
    return np.asarray(parameter.init(jax.random.key(0), parameter.shape, jnp.float32), np.float64)


def test_lru_starts_on_its_ring_with_the_variance_of_its_inputs() -> None:
    cell = cells.LRUCell(50, state_features=4000, r_min=0.5, r_max=0.9, max_phase=1.0)
    nu, theta, gamma = np.exp(np.split(init(cell, "diagonal"), 3))
    radius = np.exp(-nu)
    assert 0.5 <= radius.min() < 0.51
    assert 0.89 < radius.max() <= 0.9
    assert np.mean(radius**2) == pytest.approx((0.25 + 0.81) / 2, abs=0.01), "not uniform by area"
    assert 0 <= theta.min() < 0.01
    assert 0.99 < theta.max() <= 1
    np.testing.assert_allclose(gamma, np.sqrt(1 - radius**2), rtol=1e-4)
    matrix = init(cell, "input", 50)
    parts, skip = matrix[:, :8000], matrix[:, 8000:]
    assert np.var(parts) == pytest.approx(0.5 / 50, rel=0.02)
    assert np.var(skip) == pytest.approx(1 / 50, rel=0.1)
    assert np.var(init(cell, "output")) == pytest.approx(1 / 4000, rel=0.02)
    for extreme in (cells.LRUCell(9999), cells.LRUCell(9999, r_min=1.0), cells.LRUCell(9999, r_min=0.9, r_max=0.9)):
        assert np.isfinite(init(extreme, "diagonal")).all()


def test_rg_lru_starts_with_memories_of_10_to_1000_steps() -> None:
    slow = np.exp(-8 * np.log1p(np.exp(init(cells.RGLRUCell(4000), "lambda"))))
    assert 0.9 <= slow.min() < 0.901
    assert 0.998 < slow.max() <= 0.9991
    assert np.mean(slow) == pytest.approx(0.9495, abs=0.002)


def test_linear_cells_draw_gates_apart_and_biases_as_asked() -> None:
    for name in LINEAR:
        cell = VARIANTS[name]
        assert hash(cell) == hash(type(cell)(**cell.__dict__))
    forget = init(cells.MinLSTMCell(2, forget_bias=1.5), "bias")
    np.testing.assert_array_equal(forget, [0, 0, 1.5, 1.5, 0, 0])
    np.testing.assert_array_equal(init(cells.SRUCell(2, highway_bias=-2.0), "bias"), [0, 0, -2, -2])
    one, other = np.split(init(cells.MinGRUCell(300), "input", 200), 2, axis=1)
    assert np.any(one != other)
    assert np.var(one) == pytest.approx(1 / 200, rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.MinGRUCell(3, zoneout=1.0), "zoneout is 1.0; allowed: 0 or more, below 1"),
        (lambda: cells.MinGRUCell(3, input_init="ortho"), "input_init is 'ortho'; allowed: .*orthogonal"),
        (
            lambda: cells.MinLSTMCell(3, use_bias=False, forget_bias=1.0),
            "use_bias is False; allowed with a forget_bias",
        ),
        (lambda: cells.LRUCell(3, state_features=0), "state_features is 0; allowed: 1 or more, or None"),
        (
            lambda: cells.LRUCell(3, r_min=0.9, r_max=0.5),
            "r_min and r_max are 0.9 and 0.5; allowed: 0 <= r_min <= r_max",
        ),
        (lambda: cells.LRUCell(3, max_phase=7.0), "max_phase is 7.0; allowed: above 0, up to 2 pi"),
        (lambda: cells.QRNNCell(3, kernel_size=0), "kernel_size is 0; allowed: an int >= 1"),
        (lambda: cells.QRNNCell(3, pooling="max"), "pooling is 'max'; allowed: f, fo, ifo"),
        (
            lambda: Associative(method="blelloch"),
            "method is 'blelloch'; allowed: scan, associative_scan, logarithms, or None",
        ),
        (lambda: Associative(chunk=0), "chunk is 0; allowed: 1 or more, or None"),
        (lambda: cells.SRUCell(3, activation="relu"), "activation is 'relu'; allowed: identity, tanh"),
        (lambda: cells.SRUCell(3, use_bias=False, highway_bias=1.0), "use_bias is False; allowed with a highway_bias"),
    ],
)
def test_linear_cell_refuses_options_that_mean_nothing(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
