"""The gate equations against NumPy, written out gate by gate; Greff's backward pass; the options of a cell."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import Params, cells
from tests.ops.recurrence.variants import LINEAR, VARIANTS, C, D, draw, draw_all, plain_dot

every_cell = pytest.mark.parametrize("name", [name for name in VARIANTS if name not in LINEAR])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


class Equations:
    """One row, one step: ``(cell, parameters by name, x, carry, mask of h, zoneout) -> carry``."""

    def __init__(self, cell: Any, p: dict[str, np.ndarray], gates: str) -> None:
        self.cell, self.p, self.gates = cell, p, gates

    def of(self, name: str, gate: str, rows: bool = True) -> Any:
        """The block of one gate: W as [D, in], or a vector; 0 for a bias that is not there."""
        if name not in self.p:
            return 0.0
        at = D * self.gates.index(gate)
        block = self.p[name][..., at : at + D]
        return block.T if rows else block

    def product(self, name: str, a: np.ndarray, gates: str) -> dict[str, np.ndarray]:
        """Products with the matrix of that name for ``gates``, normalised together where the cell normalises."""
        parts = np.concatenate([self.of(name, gate) @ a for gate in gates])
        if self.cell.layer_norm:
            parts = layer_norm(parts) * np.concatenate([self.of(f"{name}_scale", g, False) for g in gates])
        return dict(zip(gates, np.split(parts, len(gates)), strict=True))

    def zone(self, new: np.ndarray, old: np.ndarray, rate: float, keep: Any) -> np.ndarray:
        if keep is None:
            return rate * old + (1 - rate) * new
        return np.where(keep, old, new)


class Elman(Equations):
    def __call__(self, x: np.ndarray, carry: Any, mask: Any, keep: Any) -> tuple[np.ndarray, ...]:
        (h,) = carry
        a = self.p["input"].T @ x + self.p["recurrent"].T @ (h * mask)
        a = layer_norm(a) * self.p["scale"] if self.cell.layer_norm else a
        a = a + self.p.get("bias", 0.0)
        new = np.tanh(a) if self.cell.activation == "tanh" else np.maximum(a, 0)
        return (self.zone(new, h, self.cell.zoneout_hidden, keep.h),)


class LSTM(Equations):
    def __call__(self, x: np.ndarray, carry: Any, mask: Any, keep: Any) -> tuple[np.ndarray, ...]:
        c, h = carry
        w, u = self.product("input", x, self.gates), self.product("recurrent", h * mask, self.gates)
        a = {gate: w[gate] + u[gate] + self.of("bias", gate, False) for gate in self.gates}
        peepholes = dict.fromkeys("ifo", 0.0)
        if self.cell.peephole:
            seeing = [gate for gate in self.gates if gate != "g"]
            peepholes |= dict(zip(seeing, np.split(self.p["peephole"], len(seeing)), strict=True))
        i = sigmoid(a["i"] + peepholes["i"] * c)
        f = 1 - i if self.cell.coupled else sigmoid(a["f"] + peepholes["f"] * c)
        new_c = f * c + i * np.tanh(a["g"])
        o = sigmoid(a["o"] + peepholes["o"] * new_c)
        read = new_c
        if self.cell.layer_norm:
            read = layer_norm(new_c) * self.p["cell_scale"] + self.p.get("cell_bias", 0.0)
        new_h = o * np.tanh(read)
        if self.cell.projection is not None:
            new_h = self.p["projection"].T @ new_h
        return (
            self.zone(new_c, c, self.cell.zoneout_cell, keep.c),
            self.zone(new_h, h, self.cell.zoneout_hidden, keep.h),
        )


class GRU(Equations):
    def __call__(self, x: np.ndarray, carry: Any, mask: Any, keep: Any) -> tuple[np.ndarray, ...]:
        (h,) = carry
        x, context = np.split(x, [len(x) - self.cell.context_features])
        w = self.product("input", x, "rz") | self.product("input", x, "n")
        inside = 0.0
        if self.cell.context_features:
            c = self.product("context", context, "rzn")
            w |= {gate: w[gate] + c[gate] for gate in "rz"}
            inside = c["n"]
        b = {gate: self.of("bias", gate, False) for gate in "rzn"}
        u = self.product("recurrent", h * mask, "rz")
        r, z = (sigmoid(w[gate] + u[gate] + b[gate]) for gate in "rz")
        if self.cell.reset_after:
            candidate = self.product("recurrent", h * mask, "n")["n"]
            n = np.tanh(w["n"] + b["n"] + r * (candidate + inside + self.p.get("recurrent_bias", 0.0)))
        else:
            candidate = self.p["candidate"].T @ (r * (h * mask))
            if self.cell.layer_norm:
                candidate = layer_norm(candidate) * self.p["candidate_scale"]
            n = np.tanh(w["n"] + b["n"] + candidate)
        return (self.zone((1 - z) * n + z * h, h, self.cell.zoneout_hidden, keep.h),)


def equations(name: str, params: Params) -> Equations:
    cell: Any = VARIANTS[name]
    kind, gates = {
        cells.RNNCell: (Elman, "h"),
        cells.LSTMCell: (LSTM, "igo" if getattr(cell, "coupled", False) else "ifgo"),
        cells.GRUCell: (GRU, "rzn"),
    }[type(cell)]
    return kind(cell, {**params.matrices, **params.local}, gates)


@every_cell
@pytest.mark.parametrize("training", [False, True])
def test_cell_step_equals_its_equations(name: str, training: bool) -> None:
    """With the noise of training, and with its expectation outside."""
    params, x, carry = draw_all(name)
    cell = VARIANTS[name]
    own = equations(name, params)
    with jax.enable_x64(True):
        context = cell.context(jax.random.key(4), (3,), jnp.float64) if training else None
        noise = cell.noise(jax.random.key(2), (3,)) if training else None
    if training and "everything" in name:
        assert len(np.unique(context)) == 2, "nothing was dropped"
        assert all(0 < np.mean(keep) < 1 for keep in jax.tree.leaves(noise)), "nothing was kept"
    with jax.enable_x64(True):
        dot = plain_dot(jax.tree.map(jnp.asarray, params))
        u = cell.inputs(params.local, x[:, 0], dot)
        new_carry, y = jax.jit(lambda u, carry: cell.step(params.local, carry, u, dot, context, noise))(u, carry)
    for row in range(3):
        keep = cells.Zoneout() if noise is None else jax.tree.map(lambda a, row=row: np.asarray(a[row]), noise)
        mask = 1.0 if context is None else np.asarray(context[row])
        expected = own(x[row, 0], [np.asarray(a[row]) for a in carry], mask, keep)
        np.testing.assert_allclose(y[row], expected[-1], rtol=1e-12)
        for actual, wanted in zip(new_carry, expected, strict=True):
            np.testing.assert_allclose(actual[row], wanted, rtol=1e-12)


def test_peephole_lstm_equals_greff_forwards_and_backwards() -> None:
    """A float64 NumPy loop over the equations of Greff et al. (2015), forward pass and backward pass."""
    params, x_BTC, carry = draw_all("lstm_peephole", batch=1, steps=6)
    x = x_BTC[0]
    w, r, b = params.matrices["input"], params.matrices["recurrent"], params.local["bias"]
    W, R, B = ({g: a[..., i * D : (i + 1) * D].T for i, g in enumerate("ifzo")} for a in (w, r, b))
    p = dict(zip("ifo", np.split(params.local["peephole"], 3), strict=True))
    c, y = [carry.c[0]], [carry.h[0]]
    gates: list[dict[str, np.ndarray]] = []
    for x_t in x:
        bar = {g: W[g] @ x_t + R[g] @ y[-1] + B[g] for g in "ifzo"}
        gate = {"i": sigmoid(bar["i"] + p["i"] * c[-1]), "f": sigmoid(bar["f"] + p["f"] * c[-1])}
        gate["z"] = np.tanh(bar["z"])
        c.append(gate["z"] * gate["i"] + c[-1] * gate["f"])
        gate["o"] = sigmoid(bar["o"] + p["o"] * c[-1])
        y.append(np.tanh(c[-1]) * gate["o"])
        gates.append(gate)

    given = draw((6, D), 7)  # what comes from above: dL/dy_t
    zero = dict.fromkeys("ifzo", np.zeros(D))
    later, later_c, later_f = zero, np.zeros(D), np.zeros(D)
    deltas: list[dict[str, np.ndarray]] = []
    for t in reversed(range(6)):
        gate = gates[t]
        dy = given[t] + sum(R[g].T @ later[g] for g in "ifzo")
        do = dy * np.tanh(c[t + 1]) * gate["o"] * (1 - gate["o"])
        dc = dy * gate["o"] * (1 - np.tanh(c[t + 1]) ** 2) + p["o"] * do + p["i"] * later["i"] + p["f"] * later["f"]
        dc = dc + later_c * later_f
        df = dc * c[t] * gate["f"] * (1 - gate["f"])
        di = dc * gate["z"] * gate["i"] * (1 - gate["i"])
        dz = dc * gate["i"] * (1 - gate["z"] ** 2)
        later, later_c, later_f = {"i": di, "f": df, "z": dz, "o": do}, dc, gate["f"]
        deltas.insert(0, later)
    stacked = {g: np.stack([delta[g] for delta in deltas]) for g in "ifzo"}
    side_by_side = np.concatenate([stacked[g] for g in "ifzo"], axis=1)
    expected = Params(
        {"input": x.T @ side_by_side, "recurrent": np.stack(y[:-1]).T @ side_by_side},
        {
            "bias": side_by_side.sum(0),
            "peephole": np.concatenate(
                [
                    *(np.sum(np.stack(c[:-1]) * stacked[g], axis=0) for g in "if"),
                    np.sum(np.stack(c[1:]) * stacked["o"], axis=0),
                ]
            ),
        },
    )

    def loss(params: Params, x_BTC: Any) -> Any:
        y_BTD, _ = recurrence.run(VARIANTS["lstm_peephole"], params, x_BTC, None, carry)
        return jnp.vdot(y_BTD[0], given), y_BTD[0]

    with jax.enable_x64(True):
        (gradients, of_x), y_TD = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, x_BTC)
    np.testing.assert_allclose(y_TD, y[1:], rtol=1e-12)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-10), gradients, expected)
    np.testing.assert_allclose(of_x[0], side_by_side @ w.T, rtol=1e-10)


def test_lstm_equals_the_four_equations_of_the_course() -> None:
    """f, i, o = sigmoid(W [h, x] + b), C~ = tanh(W_C [h, x] + b_C), C = f C + i C~, h = o tanh(C)."""
    params, x, carry = draw_all("lstm")
    joined = np.concatenate([params.matrices["recurrent"], params.matrices["input"]])
    W = dict(zip("ifCo", np.split(joined.T, 4), strict=True))
    b = dict(zip("ifCo", np.split(params.local["bias"], 4), strict=True))
    with jax.enable_x64(True):
        y, last = recurrence.run(VARIANTS["lstm"], params, x, None, carry)
    for row in range(3):
        C_t, h_t = carry.c[row], carry.h[row]
        for t in range(5):
            hx = np.concatenate([h_t, x[row, t]])
            f_t, i_t, o_t = (sigmoid(W[gate] @ hx + b[gate]) for gate in "fio")
            C_t = f_t * C_t + i_t * np.tanh(W["C"] @ hx + b["C"])
            h_t = o_t * np.tanh(C_t)
            np.testing.assert_allclose(y[row, t], h_t, rtol=1e-12)
        np.testing.assert_allclose(last.c[row], C_t, rtol=1e-12)


@pytest.mark.parametrize(("forget", "expected"), [(1e4, "kept"), (-1e4, "gone")])
def test_lstm_with_forced_gates_keeps_or_loses_its_memory(forget: float, expected: str) -> None:
    """f = 1 and i = 0 keep the cell state exactly, over any number of steps; f = 0 and i = 0 empty it at once."""
    params, x, carry = jax.tree.map(np.float32, draw_all("lstm", steps=50))
    bias = np.concatenate([np.full(D, -1e4), np.full(D, forget), np.zeros(2 * D)]).astype(np.float32)
    _, last = recurrence.run(VARIANTS["lstm"], params._replace(local={"bias": bias}), x, None, carry)
    np.testing.assert_array_equal(last.c, carry.c if expected == "kept" else np.zeros_like(carry.c))


@every_cell
def test_cell_declares_parameters_by_gate(name: str) -> None:
    """One orthogonal matrix per gate, biases zero but for those of chrono, scales one; cells are hashable."""
    cell = VARIANTS[name]
    assert hash(cell) == hash(type(cell)(**cell.__dict__))
    declared = cell.parameters(C)
    for matrix in [declared.matrices["recurrent"], *filter(None, [declared.matrices.get("candidate")])]:
        drawn = matrix.init(jax.random.key(0), matrix.shape, jnp.float32)
        blocks = np.split(np.asarray(drawn), matrix.shape[1] // D, 1)
        for block in blocks:
            product = block @ block.T if block.shape[0] < block.shape[1] else block.T @ block
            np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5)
        assert len({block.tobytes() for block in blocks}) == len(blocks), "gates drawn alike"
    for key, parameter in declared.local.items():
        value = parameter.init(jax.random.key(0), parameter.shape, jnp.float32)
        if key == "bias" and "everything" in name and cell.use_bias and not name.startswith("rnn"):  # type: ignore[attr-defined]
            continue
        np.testing.assert_array_equal(value, 1 if "scale" in key else 0, err_msg=key)


def bias_of(cell: cells.Cell) -> np.ndarray:
    bias = cell.parameters(C).local["bias"]
    return np.asarray(bias.init(jax.random.key(0), bias.shape, jnp.float32))


def test_forget_bias_sets_the_forget_gate_alone() -> None:
    np.testing.assert_array_equal(bias_of(cells.LSTMCell(D, forget_bias=1.5)), np.repeat([0, 1.5, 0, 0], D))
    np.testing.assert_array_equal(bias_of(cells.LSTMCell(D, forget_bias=1.5, coupled=True)), np.repeat([-1.5, 0, 0], D))


def test_chrono_biases_spread_the_memory_up_to_the_longest_dependency() -> None:
    size, steps = 2000, 101
    for bias, keeps, forgets in [
        (bias_of(cells.LSTMCell(size, chrono_steps=steps)), 1, 0),
        (bias_of(cells.LSTMCell(size, chrono_steps=steps, coupled=True)), None, 0),
        (bias_of(cells.GRUCell(size, chrono_steps=steps)), 1, None),
    ]:
        blocks = np.split(bias, len(bias) // size)
        if keeps is not None and forgets is not None:
            np.testing.assert_array_equal(blocks[forgets], -blocks[keeps])
        drawn = [block for index, block in enumerate(blocks) if index in (keeps, forgets)]
        for block in drawn:
            times = np.exp(np.abs(block))
            assert 1 <= times.min() < 2
            assert 99 < times.max() <= 100
            assert np.mean(times) == pytest.approx(50.5, abs=2)
        others = [block for index, block in enumerate(blocks) if index not in (keeps, forgets)]
        assert not np.any(others)
        assert keeps is None or np.all(blocks[keeps] >= 0)
        assert forgets is None or np.all(blocks[forgets] <= 0)


def test_drop_connect_drops_recurrent_weights_and_scales_the_rest() -> None:
    cell = cells.GRUCell(40, reset_after=False, drop_connect=0.25)
    declared = cell.parameters(C)
    params = Params({name: jnp.ones(p.shape) for name, p in declared.matrices.items()}, {})
    thinned = cell.thinned(params, jax.random.key(0)).matrices
    np.testing.assert_array_equal(thinned["input"], 1)
    projected = cells.LSTMCell(40, projection=30, drop_connect=0.25).thinned(
        Params({"input": jnp.ones((2, 160)), "recurrent": jnp.ones((30, 160)), "projection": jnp.ones((40, 30))}, {}),
        jax.random.key(0),
    )
    np.testing.assert_array_equal(projected.matrices["projection"], 1)
    assert np.mean(projected.matrices["recurrent"] == 0) == pytest.approx(0.25, abs=0.05)
    for name in ("recurrent", "candidate"):
        np.testing.assert_allclose(np.unique(thinned[name]), [0, 1 / 0.75], rtol=1e-6)
        assert np.mean(thinned[name] == 0) == pytest.approx(0.25, abs=0.05)


def test_recurrent_dropout_and_zoneout_draw_at_their_rates() -> None:
    cell = cells.LSTMCell(50, recurrent_dropout=0.2, zoneout_hidden=0.1, zoneout_cell=0.4)
    context = cell.context(jax.random.key(0), (99,), jnp.float32)
    np.testing.assert_allclose(np.unique(context), [0, 1 / 0.8], rtol=1e-6)
    assert np.mean(context == 0) == pytest.approx(0.2, abs=0.02)
    noise = cell.noise(jax.random.key(0), (99,))
    assert np.mean(noise.h) == pytest.approx(0.1, abs=0.02)
    assert np.mean(noise.c) == pytest.approx(0.4, abs=0.02)
    plain = cells.LSTMCell(50)
    assert not plain.is_noisy
    assert plain.context(jax.random.key(0), (9,), jnp.float32) is None
    assert jax.tree.leaves(plain.noise(jax.random.key(0), (9,))) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.RNNCell(3, activation="sin"), "activation is 'sin'; allowed: tanh, relu"),
        (lambda: cells.RNNCell(0), "features is 0; allowed: an int >= 1"),
        (lambda: cells.GRUCell(3, recurrent_init="ortho"), "recurrent_init is 'ortho'; allowed: .*orthogonal"),
        (lambda: cells.GRUCell(3, input_init="ortho"), "input_init is 'ortho'; allowed: .*orthogonal"),
        (lambda: cells.GRUCell(3, use_bias=False, chrono_steps=9), "use_bias is False; allowed with chrono_steps"),
        (lambda: cells.LSTMCell(3, use_bias=False, forget_bias=1.0), "use_bias is False; allowed with a forget_bias"),
        (lambda: cells.LSTMCell(3, forget_bias=1.0, chrono_steps=9), "forget_bias is 1.0; allowed under chrono_steps"),
        (lambda: cells.LSTMCell(3, projection=0), "projection is 0; allowed: 1 or more, or None"),
        (lambda: cells.LSTMCell(3, chrono_steps=2), "chrono_steps is 2; allowed: 3 or more"),
        (lambda: cells.GRUCell(3, spectral_radius=-0.5), "spectral_radius is -0.5; allowed: 0 or more"),
        *(
            (lambda rate=rate: cells.LSTMCell(3, **{rate: 1.0}), f"{rate} is 1.0; allowed: 0 or more, below 1")
            for rate in ("zoneout_hidden", "zoneout_cell", "recurrent_dropout", "drop_connect")
        ),
    ],
)
def test_cell_refuses_options_that_mean_nothing(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
