"""Newton's method over the whole trajectory: iterations, damping, giving up, Jacobians, derivatives in every form."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import Call, Params, Start, Steps, cells
from sequence_lab.ops.recurrence.newton import Newton
from sequence_lab.ops.recurrence.newton.solvers import matrix_solver
from sequence_lab.ops.recurrence.newton.system import diagonal_jacobian, full_jacobian, system_of
from tests.ops.recurrence.variants import VARIANTS, C, D, assert_close, draw, draw_all, weighted_sum

every_jacobian = pytest.mark.parametrize("jacobian", ["full", "diagonal"])


def with_gain(cell: cells.Cell, gain: float, steps: int, dtype: Any = np.float64) -> tuple[Params, Any]:
    """Orthogonal recurrent matrices times ``gain``, and inputs, for two rows."""
    keys = iter(jax.random.split(jax.random.key(0), 9))
    declared = cell.parameters(C)
    params = Params(*({k: np.asarray(p.init(next(keys), p.shape), dtype) for k, p in g.items()} for g in declared))
    matrices = {k: m if k == "input" else dtype(gain) * m for k, m in params.matrices.items()}
    return params._replace(matrices=matrices), draw((2, steps, C), 1, scale=1).astype(dtype)


@functools.partial(jax.jit, static_argnums=(0, 1))
def solve(engine: Newton, cell: cells.Cell, params: Params, x_BTC: Any) -> Any:
    carry = cell.initial_carry((x_BTC.shape[0],), x_BTC.dtype)
    y_TBD, last, diagnostics = engine.solve(cell, params, Steps(jnp.moveaxis(x_BTC, 1, 0)), carry, Start(carry))
    return jnp.moveaxis(y_TBD, 0, 1), last, diagnostics


@every_jacobian
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_newton_converges_in_few_iterations_however_long(jacobian: str, dtype: Any) -> None:
    cell, engine = VARIANTS["gru"], Newton(jacobian)
    with jax.enable_x64(dtype == np.float64):
        params, x = with_gain(cell, 1, steps=300, dtype=dtype)
        y, last, diagnostics = solve(engine, cell, params, x)
        expected = recurrence.run(cell, params, x, engine="scan_plain")
    rounding = np.finfo(dtype).eps
    assert diagnostics.converged
    assert diagnostics.residual <= 32 * rounding
    assert diagnostics.iterations.dtype == np.int32
    assert diagnostics.iterations <= (7 if jacobian == "full" else 30)
    assert_close((y, last), expected, rtol=0, atol=200 * rounding)


@every_jacobian
def test_newton_is_exact_after_as_many_iterations_as_steps(jacobian: str) -> None:
    """Of a chaotic cell: T iterations, and one more to see that nothing is left to do. One fewer is too few."""
    cell, steps = cells.RNNCell(8), 20
    with jax.enable_x64(True):
        params, x = with_gain(cell, 4, steps)
        *out, diagnostics = solve(Newton(jacobian, max_iterations=steps + 1), cell, params, x)
        expected = recurrence.run(cell, params, x, engine="scan_plain")
        early = solve(Newton(jacobian, max_iterations=8), cell, params, x)[2]
    assert diagnostics.converged
    assert diagnostics.residual <= 32 * np.finfo(float).eps
    assert not early.converged
    assert_close(tuple(out), expected, rtol=1e-7)


@every_jacobian
def test_newton_gives_up_on_chaos_and_steps(jacobian: str) -> None:
    cell = cells.RNNCell(8)
    params, x = with_gain(cell, 4, steps=200, dtype=np.float32)
    y, last, diagnostics = solve(Newton(jacobian, max_iterations=20), cell, params, x)
    assert not diagnostics.converged
    assert diagnostics.iterations == 20
    assert np.isfinite(diagnostics.residual)
    h = np.concatenate([np.zeros_like(y[:, :1]), y], axis=1)
    inputs = x @ params.matrices["input"] + params.local["bias"]
    np.testing.assert_allclose(h[:, 1:], np.tanh(inputs + h[:, :-1] @ params.matrices["recurrent"]), atol=1e-5)
    np.testing.assert_array_equal(last.h, y[:, -1])


def test_newton_damped_converges_where_undamped_overflows() -> None:
    """Layer normalisation of the zeros it starts from has slopes of 1 / sqrt(1e-5)."""
    cell = cells.LSTMCell(6, layer_norm=True)
    with jax.enable_x64(True):
        params, x = with_gain(cell, 1, steps=200)
        *out, damped = solve(Newton(), cell, params, x)
        *stepped, undamped = solve(Newton(damping=0), cell, params, x)
    assert damped.converged
    assert not undamped.converged
    assert damped.iterations < 60
    assert_close(out, stepped, rtol=1e-9, atol=1e-11)


@functools.partial(jax.jit, static_argnums=(0, 1))
def derivatives(engine: Any, remat: bool, everything: Any, direction: Any) -> Any:
    """``jvp`` of ``grad``, and without remat ``jvp``, under lengths, resets, ``reverse`` and the noise of training."""
    noise = dict.fromkeys(("zoneout_hidden", "zoneout_cell", "recurrent_dropout", "drop_connect"), 0.4)
    cell = cells.LSTMCell(D, peephole=True, **noise)
    resets = draw((3, 5), 2) > 0.5

    def outputs(everything: Any) -> Any:
        params, x, carry, fresh = everything
        options: Any = {"start_carry": fresh, "key": jax.random.key(0), "reverse": True, "remat": remat}
        lengths = jnp.array([5, 3, 0])
        return recurrence.run(cell, params, x, lengths, carry, resets_BT=resets, engine=engine, **options)

    gradient = jax.grad(lambda everything: weighted_sum(outputs(everything)))
    return tuple(jax.jvp(f, (everything,), (direction,)) for f in ((gradient,) if remat else (gradient, outputs)))


@pytest.mark.parametrize(("engine", "remat"), [(Newton("diagonal"), False), (Newton(max_iterations=1), True)])
def test_newton_has_the_derivatives_of_the_scan(engine: Newton, remat: bool) -> None:
    """By the diagonal, and given up, in chunks."""
    params, x, carry = draw_all("lstm_peephole")
    everything = params, x, carry, jax.tree.map(lambda a: draw(a.shape, 55), carry)
    direction = jax.tree.map(lambda a: draw(a.shape, 77), everything)
    with jax.enable_x64(True):
        expected = derivatives("scan_plain", False, everything, direction)
        actual = derivatives(engine, remat, everything, direction)
        assert_close(actual, expected[: len(actual)], rtol=1e-11, atol=1e-12)


def test_newton_maps_over_models_of_which_one_is_given_up() -> None:
    cell = cells.RNNCell(8)
    with jax.enable_x64(True):
        models = [with_gain(cell, gain, steps=30) for gain in (0.5, 4, 1)]
        params, x = jax.tree.map(lambda *a: np.stack(a), *models)
        engine = Newton(max_iterations=12)
        y, _, diagnostics = jax.vmap(functools.partial(solve, engine, cell))(params, x)
        np.testing.assert_array_equal(diagnostics.converged, [True, False, True])
        assert len(set(diagnostics.iterations.tolist())) == 3
        for model, (own, own_x) in enumerate(models):
            alone = solve(engine, cell, own, own_x)
            np.testing.assert_allclose(y[model], alone[0], rtol=1e-7)
            assert alone[2].iterations == diagnostics.iterations[model]


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (1, 2), (3, 0)])
def test_newton_takes_no_steps_one_step_and_no_rows(steps: int, batch: int) -> None:
    params, x, carry = jax.tree.map(lambda a: a.astype(np.float32), draw_all("gru", batch, steps))
    outs = [
        jax.jit(lambda params, x, carry, e=engine: recurrence.run(VARIANTS["gru"], params, x, None, carry, engine=e))(
            params, x, carry
        )
        for engine in (Newton(), Newton("diagonal"), "scan_plain")
    ]
    for out in outs[:2]:
        assert_close(out, outs[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 9])
def test_matrix_solver_equals_loop(size: int) -> None:
    for steps in (1, 7):
        J, b = draw((steps, 2, size, size), 1), draw((steps, 2, size), 2)
        x = [np.zeros((2, size))]
        for J_t, b_t in zip(J, b, strict=True):
            x.append(np.einsum("bij,bj->bi", J_t, x[-1]) + b_t)
        with jax.enable_x64(True):
            np.testing.assert_allclose(jax.jit(lambda J, b: matrix_solver(J)(b))(J, b), x[1:], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, cell in VARIANTS.items() if cell.is_unitwise])
def test_diagonal_jacobian_is_the_diagonal_of_the_full_one(name: str) -> None:
    """Padding and resets included."""
    cell = VARIANTS[name]
    params, x, carry = draw_all(name)
    previous = jax.tree.map(lambda a: draw((5, *a.shape), 9), carry)
    valid, reset = draw((5, 3), 1) > -0.5, draw((5, 3), 2) > 0.5

    @jax.jit
    def both(params: Params, x: Any, previous: Any) -> Any:
        start = Start(carry, draw(carry.h.shape, 3))  # of recurrent dropout: it scales h unit by unit
        system = system_of(cell, params, Steps(jnp.moveaxis(x, 1, 0), valid, reset), carry, start, reverse=False)
        return full_jacobian(cell, system, previous), diagonal_jacobian(cell, system, previous)

    with jax.enable_x64(True):
        (new, J), (same, diagonal) = both(params, x, previous)
    assert_close(new, same, rtol=1e-13)
    np.testing.assert_allclose(
        np.concatenate(jax.tree.leaves(diagonal), -1), np.diagonal(J, axis1=-2, axis2=-1), rtol=1e-11
    )


def test_newton_is_an_option_of_layers() -> None:
    x = draw((2, 6, C), 0).astype(np.float32)
    layer, plain = (
        nn.GRU(features=4, engine=Newton("diagonal", tolerance=1e-6)),
        nn.GRU(features=4, engine="scan_plain"),
    )
    variables = plain.init(jax.random.key(0), x)
    assert_close(jax.jit(layer.apply)(variables, x), plain.apply(variables, x), rtol=1e-4, atol=1e-6)


def test_newton_refuses_what_it_cannot_run_and_options_that_mean_nothing() -> None:
    def call(name: str, dtype: Any = jnp.float32) -> Call:
        return Call(VARIANTS[name], (2,), 5, C, dtype, "cpu")

    for name in ("rnn_everything", "lstm_layer_norm", "lstm_projection", "gru_before"):
        assert Newton().refusal(call(name)) is None
        assert "units of its cell meet outside" in str(Newton("diagonal").refusal(call(name)))
    assert Newton("diagonal").refusal(call("lstm_peephole")) is None
    assert "bfloat16 are too coarse" in str(Newton().refusal(call("gru", jnp.bfloat16)))
    for options, message in [
        ({"jacobian": "diag"}, "jacobian is 'diag'; allowed: full, diagonal"),
        ({"damping": -1.0}, "damping is -1.0; allowed: 0 or more"),
        ({"tolerance": 0.0}, "tolerance is 0.0; allowed: a finite number above 0, or None"),
        ({"tolerance": np.inf}, "tolerance is inf; allowed: a finite number above 0"),
        ({"max_iterations": 0}, "max_iterations is 0; allowed: 1 or more"),
    ]:
        with pytest.raises(ValueError, match=message):
            Newton(**options)
