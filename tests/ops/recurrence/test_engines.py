"""Every engine on every cell against a plain Python loop in float64: lengths, resets, noise, chunks, derivatives."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import ENGINES, Call, Params, Start, Steps, cells
from sequence_lab.ops.recurrence.remat import in_chunks
from tests.ops.recurrence.variants import (
    LINEAR,
    VARIANTS,
    C,
    assert_close,
    draw,
    draw_all,
    plain_dot,
    weighted_sum,
)

LENGTHS = (5, 2, 0)
RESETS = np.zeros((3, 5), bool)
RESETS[0, [2, 4]] = RESETS[1, [1, 3]] = RESETS[2, 0] = True  # (1, 3) and (2, 0) stand in the padding


def runs(engine: str, name: str) -> bool:
    """Whether the engine runs that cell here, in float64 and with everything a call may have."""
    call = Call(VARIANTS[name], (3,), 5, C, np.float64, jax.default_backend(), True, True, True)
    return ENGINES[engine].refusal(call) is None


PAIRS = [(engine, name) for name in VARIANTS for engine in ENGINES if runs(engine, name)]
every_engine = pytest.mark.parametrize(  # on one cell that it runs
    ("engine", "name"), [(e, "lstm" if (e, "lstm") in PAIRS else "min_gru") for e in dict(PAIRS)]
)
# Linear cells differ in what a step computes, not in how steps are run. JAX differentiates scan_plain by itself.
# Newton's programs take long to compile. What is left out here are slow tests.
OTHERS = tuple(name for name in VARIANTS if name not in LINEAR)
QUICK = {
    "scan": (*OTHERS, "lru_everything"),
    "scan_plain": ("rnn", "lstm_everything", "gru_before_everything", "min_gru"),
    "associative": ("min_gru", *(name for name in LINEAR if name.endswith("everything"))),
    "newton": ("gru",),
}
# Their options are those of the variant with everything, which has them all at once.
ALL_IN_EVERYTHING = (
    "rnn",
    "lstm_peephole",
    "lstm_coupled",
    "lstm_projection",
    "lstm_layer_norm",
    "gru_before",
)


def pair(engine: str, name: str, *more: Any, quick: bool = True) -> Any:
    """An engine and a cell to test it with."""
    is_quick = quick and (name in QUICK.get(engine, VARIANTS))
    return pytest.param(engine, name, *more, marks=() if is_quick else pytest.mark.slow)


def start_of(cell: cells.Cell, fresh: Any) -> Start:
    """The start of a pass of training."""
    return Start(fresh, cell.context(jax.random.key(0), (3,), jnp.float32), jax.random.key_data(jax.random.key(1)))


@functools.partial(jax.jit, static_argnums=0)
def one_step(cell: cells.Cell, params: Params, memory: Any, x: Any, context: Any, t: Any, row: Any) -> Any:
    """The only compiled part of the loop, for one row."""
    noise = jax.tree.map(lambda a: a[row][None], cell.noise(jax.random.fold_in(jax.random.key(1), t), (3,)))
    dot = plain_dot(params)
    return cell.step(params.local, memory, cell.inputs(params.local, x, dot), dot, context, noise)


def python_loop(
    cell: cells.Cell, params: Params, x_BTC: Any, carry: Any, start: Start, reverse: bool
) -> tuple[Any, Any]:
    """Row by row, step by step, over real steps only: no mask anywhere."""
    rows, carries = [], []
    for row, length in enumerate(LENGTHS):

        def own(tree: Any, row: int = row) -> Any:
            return jax.tree.map(lambda a: a[row : row + 1], tree)

        memory = own(carry)
        ys: list[Any] = [jnp.zeros((1, cell.out_features))] * x_BTC.shape[1]
        for t in reversed(range(length)) if reverse else range(length):
            starts = t + 1 < length and RESETS[row, t + 1] if reverse else RESETS[row, t]
            memory = own(start.carry) if starts else memory
            memory, ys[t] = one_step(cell, params, memory, x_BTC[row : row + 1, t], own(start.context), t, row)
        rows.append(jnp.stack(ys, axis=1))
        carries.append(memory)
    return jnp.concatenate(rows), jax.tree.map(lambda *a: jnp.concatenate(a), *carries)


def with_start(name: str) -> Any:
    """Everything a loss depends on: parameters, inputs, carry, and the carry of a new sequence."""
    params, x, carry = draw_all(name)
    return params, x, carry, jax.tree.map(lambda a: draw(a.shape, 55), carry)


@functools.cache
def loop_and_gradients(name: str, reverse: bool) -> Any:
    cell = VARIANTS[name]

    def loss(params: Params, x: Any, carry: Any, fresh: Any) -> Any:
        out = python_loop(cell, params, x, carry, start_of(cell, fresh), reverse)
        return weighted_sum(out), out

    with jax.enable_x64(True):
        return jax.grad(loss, (0, 1, 2, 3), has_aux=True)(*with_start(name))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("engine", "name", "chunks"),
    [pair(*own, chunks) for own in PAIRS for chunks in ((False, True) if own[1] == "lstm_everything" else (False,))],
)
def test_engine_equals_python_loop(engine: str, name: str, chunks: bool, reverse: bool) -> None:
    """Values and gradients, under lengths, resets and noise; in chunks of 3 that are computed again, too."""
    cell = VARIANTS[name]
    run = in_chunks(ENGINES[engine]) if chunks else ENGINES[engine]
    valid_TB = np.arange(5)[:, None] < np.array(LENGTHS)
    resets = np.roll(RESETS, -1, axis=1) & np.array([True] * 4 + [False]) if reverse else RESETS
    reset_TB = resets.T & valid_TB & (np.roll(valid_TB, -1, axis=0) if reverse else True)

    def loss(params: Params, x: Any, carry: Any, fresh: Any) -> Any:
        steps = Steps(jnp.moveaxis(x, 1, 0), jnp.asarray(valid_TB), jnp.asarray(reset_TB), jnp.arange(5))
        y_TBD, carry = run(cell, params, steps, carry, start_of(cell, fresh), reverse=reverse)
        out = jnp.moveaxis(y_TBD, 0, 1), carry
        return weighted_sum(out), out

    with jax.enable_x64(True):
        gradients, out = jax.jit(jax.grad(loss, (0, 1, 2, 3), has_aux=True))(*with_start(name))
    expected_gradients, expected = loop_and_gradients(name, reverse)
    assert out[0].dtype == np.float64
    assert_close(out, expected, rtol=1e-12, atol=1e-14)
    assert_close(gradients, expected_gradients, rtol=1e-11, atol=1e-13)


@every_engine
@pytest.mark.parametrize("reverse", [False, True])
def test_run_hands_lengths_and_resets_to_the_engine(engine: str, name: str, reverse: bool) -> None:
    """The same loop through ``run``, which turns resets to the direction and leaves out those in the padding."""
    params, x, carry, fresh = with_start(name)
    with jax.enable_x64(True):
        run = functools.partial(recurrence.run, VARIANTS[name], reverse=reverse, engine=engine)
        out = jax.jit(run)(params, x, jnp.array(LENGTHS), carry, resets_BT=RESETS, start_carry=fresh)
    assert_close(out, loop_and_gradients(name, reverse)[1], rtol=1e-12, atol=1e-14)


def test_run_resets_split_a_row_into_its_sequences() -> None:
    """Two sequences packed into one row give what each gives alone, in both directions."""
    params, x, _ = jax.tree.map(np.float32, draw_all("gru"))
    resets = np.zeros((3, 5), bool)
    resets[:, 2] = True
    for reverse in (False, True):
        run = jax.jit(functools.partial(recurrence.run, VARIANTS["gru"], reverse=reverse))
        packed, _ = run(params, x, resets_BT=resets)
        for part in (slice(None, 2), slice(2, None)):
            alone, _ = run(params, x[:, part])
            np.testing.assert_allclose(packed[:, part], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("engine", "name"),
    # JAX differentiates scan_plain by itself: one cell will do.
    [
        pair(engine, name, quick=name not in ALL_IN_EVERYTHING)
        for engine, name in PAIRS
        if engine != "scan_plain" or name == "lstm_everything"
    ],
)
def test_run_has_second_derivatives(engine: str, name: str) -> None:
    """``jvp`` of ``grad`` and ``grad`` of ``grad`` along a direction, against central differences of the gradient."""
    params, x, carry = draw_all(name, batch=1, steps=2)
    everything = (params, x, carry)
    direction = jax.tree.map(lambda a: draw(a.shape, 77), everything)

    def loss(everything: Any) -> Any:
        params, x, carry = everything
        cell, key = VARIANTS[name], jax.random.key(0)
        return weighted_sum(recurrence.run(cell, params, x, jnp.array([2]), carry, key=key, engine=engine))

    @jax.jit
    def gradients(everything: Any) -> Any:
        def along(point: Any) -> Any:
            slopes = jax.tree.leaves(jax.grad(loss)(point))
            return sum(jnp.vdot(a, b) for a, b in zip(slopes, jax.tree.leaves(direction), strict=True))

        forward = jax.jvp(jax.grad(loss), (everything,), (direction,))
        return *forward, jax.grad(along)(everything)

    with jax.enable_x64(True):
        size = 1e-5
        after, before = (
            gradients(jax.tree.map(lambda a, d, s=sign: a + s * size * d, everything, direction))[0] for sign in (1, -1)
        )
        differences = jax.tree.map(lambda a, b: (a - b) / (2 * size), after, before)
        _, jvp_of_grad, grad_of_grad = gradients(everything)
    assert_close(jvp_of_grad, differences, rtol=1e-5, atol=1e-6)
    assert_close(grad_of_grad, jvp_of_grad, rtol=1e-9, atol=1e-11)


@every_engine
@pytest.mark.parametrize("reverse", [False, True])
def test_run_is_causal_by_gradient(engine: str, name: str, reverse: bool) -> None:
    params, x, _ = draw_all(name)

    def outputs(x: Any) -> Any:
        return recurrence.run(VARIANTS[name], params, x, jnp.array(LENGTHS), reverse=reverse, engine=engine)[0]

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
def test_run_takes_several_batch_axes_and_none(engine: str, name: str) -> None:
    params, x, carry = jax.tree.map(np.float32, draw_all(name, batch=4))
    run = jax.jit(functools.partial(recurrence.run, VARIANTS[name], engine=engine))
    lengths = np.array([5, 0, 2, 3])
    y, last = run(params, x, lengths, carry)

    def fold(a: Any) -> Any:
        return a.reshape(2, 2, *a.shape[1:])

    folded = run(params, fold(x), fold(lengths), jax.tree.map(fold, carry))
    assert_close(folded, jax.tree.map(fold, (y, last)), rtol=1e-6)
    alone = run(params, x[3], np.array(3), jax.tree.map(lambda a: a[3], carry))
    assert_close(alone, jax.tree.map(lambda a: a[3], (y, last)), rtol=1e-5, atol=1e-6)


def test_run_auto_is_one_of_the_engines() -> None:
    params, x, _ = jax.tree.map(np.float32, draw_all("lstm"))
    expected = recurrence.run(VARIANTS["lstm"], params, x, engine="scan_plain")
    assert_close(recurrence.run(VARIANTS["lstm"], params, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_remat_without_lengths_runs_every_step_and_no_other(reverse: bool) -> None:
    """One step, whole chunks, and a last chunk that is not full."""
    params, x, carry = jax.tree.map(np.float32, draw_all("gru", steps=7))
    for steps in (0, 1, 4, 7):
        expected = recurrence.run(VARIANTS["gru"], params, x[:, :steps], None, carry, reverse=reverse)
        actual = recurrence.run(VARIANTS["gru"], params, x[:, :steps], None, carry, reverse=reverse, remat=True)
        assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_remat_keeps_memory_of_order_sqrt_t() -> None:
    """Bytes that the compiled gradient needs beside what goes in and comes out, noise included."""
    params, _, _ = jax.tree.map(np.float32, draw_all("lstm_everything"))

    @functools.cache
    def memory(steps: int, remat: bool) -> int:
        def loss(params: Params, x: Any, lengths: Any) -> Any:
            key = jax.random.key(0)
            cell = VARIANTS["lstm_everything"]
            return jnp.sum(recurrence.run(cell, params, x, lengths, key=key, remat=remat)[1].h)

        x, lengths = jax.ShapeDtypeStruct((8, steps, C), jnp.float32), jax.ShapeDtypeStruct((8,), jnp.int32)
        compiled = jax.jit(jax.grad(loss, (0, 1))).lower(params, x, lengths).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(16384, remat=False) > 3.5 * memory(4096, remat=False)
    assert memory(16384, remat=True) < 2.5 * memory(4096, remat=True)
    assert memory(16384, remat=True) < memory(16384, remat=False) / 8


def test_remat_has_no_forward_mode_and_says_so() -> None:
    params, x, _ = draw_all("lstm_everything")

    def outputs(x: Any) -> Any:
        return recurrence.run(VARIANTS["lstm_everything"], params, x, engine="scan_plain", remat=True)[0]

    with jax.enable_x64(True), pytest.raises(TypeError, match=r"no forward mode; allowed .*: scan_plain without remat"):
        jax.jvp(outputs, (x,), (x,))


def test_scan_names_the_engine_that_has_forward_mode() -> None:
    params, x, carry = draw_all("gru")

    def outputs(x: Any, engine: str) -> Any:
        return recurrence.run(VARIANTS["gru"], params, x, None, carry, engine=engine)[0]

    with jax.enable_x64(True):
        with pytest.raises(TypeError, match=r"the engine is scan, which has no forward mode; allowed .*: scan_plain"):
            jax.jvp(functools.partial(outputs, engine="scan"), (x,), (x,))
        plain, scan = (functools.partial(outputs, engine=engine) for engine in ("scan_plain", "scan"))
        along = jax.jit(lambda x: jax.jvp(plain, (x,), (x,))[1])(x)
        (pulled,) = jax.jit(lambda x, along: jax.vjp(scan, x)[1](along))(x, along)
        np.testing.assert_allclose(np.vdot(along, along), np.vdot(pulled, x), rtol=1e-12)


@pytest.mark.parametrize(
    ("engine", "name", "remat"),
    [("scan", "lstm_everything", False), ("scan", "gru", True), ("associative", "qrnn_everything", False)],
)
def test_engine_under_vmap_equals_one_at_a_time(engine: str, name: str, remat: bool) -> None:
    """Values and gradients over two models, each with lengths, resets and noise of its own."""
    both = [jax.tree.map(lambda a, s=sign: s * a, with_start(name)) for sign in (1, -1)]
    lengths, resets = np.array([LENGTHS, (4, 5, 3)]), np.stack([RESETS, RESETS[::-1]])
    keys = jax.random.split(jax.random.key(2), 2)

    def loss(everything: Any, lengths: Any, resets: Any, key: Any) -> Any:
        params, x, carry, fresh = everything
        options: Any = {"resets_BT": resets, "start_carry": fresh, "key": key, "engine": engine, "remat": remat}
        return weighted_sum(recurrence.run(VARIANTS[name], params, x, lengths, carry, **options))

    with jax.enable_x64(True):
        one = jax.jit(jax.value_and_grad(loss))
        expected = [one(*each) for each in zip(both, lengths, resets, keys, strict=True)]
        stacked = jax.tree.map(lambda *each: np.stack(each), *both)
        together = jax.jit(jax.vmap(jax.value_and_grad(loss)))(stacked, lengths, resets, keys)
    assert_close(together, jax.tree.map(lambda *each: np.stack(each), *expected), rtol=1e-11, atol=1e-13)


def test_associative_refuses_cells_that_are_not_linear() -> None:
    params, x, _ = draw_all("lstm")
    refusal = "engine associative cannot run this call: LSTMCell is not linear in what it remembers; allowed here: scan"
    with pytest.raises(ValueError, match=refusal):
        recurrence.run(VARIANTS["lstm"], params, x, engine="associative")


def test_run_refuses_unknown_engines_wrong_carries_lengths_and_resets() -> None:
    params, x, carry = jax.tree.map(np.float32, draw_all("lstm"))
    cell = VARIANTS["lstm"]
    with pytest.raises(ValueError, match=r"engine is 'cuda'; allowed: auto, tuned, scan, scan_plain, "):
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
    with pytest.raises(ValueError, match=r"lengths reach from 2 to 6; allowed: 0 to 5"):
        recurrence.run(cell, params, x, np.array([5, 2, 6]))
    for resets in (RESETS[:2], RESETS.astype(int), RESETS[:, :4]):
        with pytest.raises(ValueError, match=r"resets have shape .* type .*; allowed: \(3, 5\) and bool"):
            recurrence.run(cell, params, x, resets_BT=resets)


def test_run_noise_of_a_step_does_not_depend_on_how_many_there_are() -> None:
    params, x, carry = jax.tree.map(np.float32, draw_all("lstm_everything"))
    run, key = jax.jit(functools.partial(recurrence.run, VARIANTS["lstm_everything"])), jax.random.key(3)
    longer = np.concatenate([x, x], axis=1)
    y, last = run(params, x, None, carry, key=key)
    padded, padded_last = run(params, longer, np.full(3, 5), carry, key=key)
    assert_close((padded[:, :5], padded_last), (y, last), rtol=1e-5, atol=1e-6)
    other, _ = run(params, x, None, carry, key=jax.random.key(4))
    assert np.any(other != y)
