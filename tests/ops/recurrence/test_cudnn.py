"""Engine cudnn without a GPU: what goes into cuDNN and comes out of it, with JAX's reference in its place."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import ENGINES, Call, CuDNN, Params, Start, Steps, cells
from sequence_lab.ops.recurrence.remat import in_chunks
from tests.ops.recurrence import reference_cudnn
from tests.ops.recurrence.variants import VARIANTS, C, D, assert_close, draw_all, weighted_sum

LENGTHS = np.array([5, 2, 0, 1])
CALL = Call(cells.LSTMCell(D), (4,), 5, C, np.dtype("float32"), backend="cuda", has_lengths=True, is_noisy=True)


@pytest.fixture(autouse=True)
def _reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rnn, "lstm", reference_cudnn.lstm)


@functools.partial(jax.jit, static_argnames=("engine", "cell", "reverse"))
def outputs(engine: Any, cell: Any, params: Any, x_BTC: Any, lengths: Any, carry: Any, reverse: bool = False) -> Any:
    """What ``run`` does around an engine, but for the question whether it can run here."""
    valid_TB = None if lengths is None else jnp.moveaxis(jnp.arange(x_BTC.shape[-2]) < lengths[..., None], -1, 0)
    return engine(cell, params, Steps(jnp.moveaxis(x_BTC, -2, 0), valid_TB), carry, Start(carry), reverse=reverse)


@pytest.mark.parametrize(
    ("reverse", "lengths", "run"),
    [
        (False, LENGTHS, CuDNN()),
        (True, LENGTHS, CuDNN()),
        (False, None, CuDNN()),
        (True, None, CuDNN()),
        (True, LENGTHS, in_chunks(CuDNN())),
    ],
)
def test_cudnn_equals_scan_plain(reverse: bool, lengths: Any, run: Any) -> None:
    """Values and gradients, of an empty row's carry too; in chunks that are computed again; without a bias if full."""
    params, x, carry = draw_all("lstm", batch=4)
    cell = cells.LSTMCell(D, use_bias=lengths is not None)
    params = params if cell.use_bias else params._replace(local={})

    def derived(engine: Any) -> Any:
        def loss(params: Params, x: Any, carry: Any) -> Any:
            out = outputs(engine, cell, params, x, lengths, carry, reverse)
            return weighted_sum(out), out

        with jax.enable_x64(True):
            return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(params, x, carry)

    assert_close(derived(run), derived(ENGINES["scan_plain"]), rtol=1e-11, atol=1e-13)


def test_cudnn_takes_several_batch_axes_and_none() -> None:
    params, x, carry = draw_all("lstm", batch=4)
    cell = VARIANTS["lstm"]

    def fold(a: Any) -> Any:
        return a.reshape(2, 2, *a.shape[1:])

    with jax.enable_x64(True):
        y_TBD, last = outputs(ENGINES["scan_plain"], cell, params, x, LENGTHS, carry)
        folded = outputs(CuDNN(), cell, params, fold(x), fold(LENGTHS), jax.tree.map(fold, carry))
        assert_close(folded, (y_TBD.reshape(5, 2, 2, D), jax.tree.map(fold, last)), rtol=1e-12)
        alone = outputs(CuDNN(), cell, params, x[1], LENGTHS[1], jax.tree.map(lambda a: a[1], carry))
        assert_close(alone, (y_TBD[:, 1], jax.tree.map(lambda a: a[1], last)), rtol=1e-12)


def test_cudnn_runs_through_run_in_float32_with_dropped_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; what stands in the padding is not read."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    params, x, carry = jax.tree.map(np.float32, draw_all("lstm", batch=4))
    x[np.arange(5) >= LENGTHS[:, None]] = np.nan
    cell, key = cells.LSTMCell(D, drop_connect=0.5), jax.random.key(0)

    def gradients(engine: str) -> Any:
        def loss(params: Params, x: Any, carry: Any) -> Any:
            out = recurrence.run(cell, params, x, LENGTHS, carry, key=key, engine=engine)
            return weighted_sum(out), out

        return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(params, x, carry)

    assert_close(gradients("cudnn"), gradients("scan_plain"), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backend": "cpu"}, "the backend is cpu, not an NVIDIA GPU"),
        ({"backend": "tpu"}, "the backend is tpu, not an NVIDIA GPU"),
        ({"cell": VARIANTS["gru"]}, "the cell is GRUCell, not LSTMCell"),
        ({"cell": cells.LSTMCell(D, layer_norm=True, peephole=True)}, "cuDNN's LSTM has no layer_norm, peephole"),
        ({"cell": cells.LSTMCell(D, coupled=True, projection=2)}, "cuDNN's LSTM has no coupled, projection"),
        ({"cell": cells.LSTMCell(D, zoneout_hidden=0.1)}, "cuDNN's LSTM has no zoneout_hidden"),
        ({"cell": cells.LSTMCell(D, zoneout_cell=0.1), "is_noisy": False}, "cuDNN's LSTM has no zoneout_cell"),
        ({"cell": cells.LSTMCell(D, recurrent_dropout=0.1)}, "cuDNN's LSTM has no recurrent_dropout"),
        ({"dtype": jnp.bfloat16}, "the type is bfloat16, not float32"),
        ({"dtype": jnp.float64}, "the type is float64, not float32"),
        ({"has_resets": True}, "there are resets within rows"),
        ({"num_steps": 0}, "the inputs are empty"),
        ({"batch_shape": (2, 0)}, "the inputs are empty"),
        ({"in_features": 0}, "the inputs are empty"),
    ],
)
def test_cudnn_refuses_with_a_reason(change: dict[str, Any], reason: str) -> None:
    assert CuDNN().refusal(CALL._replace(**change)) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "gpu"},
        {"cell": cells.LSTMCell(D, recurrent_dropout=0.1), "is_noisy": False},
        {"cell": cells.LSTMCell(D, use_bias=False, drop_connect=0.1, recurrent_init="identity")},
        {"cell": cells.LSTMCell(D, chrono_steps=9), "reverse": True, "remat": True},
        {"batch_shape": (), "has_lengths": False},
        {"batch_shape": (2, 3)},
    ],
)
def test_cudnn_runs_every_other_call(change: dict[str, Any]) -> None:
    assert CuDNN().refusal(CALL._replace(**change)) is None


def test_cudnn_knows_every_option_of_the_cell() -> None:
    """An option that is new to ``LSTMCell`` must be refused, or be known here not to change the equations."""
    harmless = {"features", "use_bias", "drop_connect", "input_init", "recurrent_init", "spectral_radius"}
    harmless |= {"forget_bias", "chrono_steps"}
    options = {option.name for option in dataclasses.fields(cells.LSTMCell)}
    refused = {"layer_norm", "peephole", "coupled", "projection", "zoneout_hidden", "zoneout_cell", "recurrent_dropout"}
    assert options == harmless | refused


def test_cudnn_refuses_amd_whose_gates_are_ordered_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        class client:  # noqa: N801
            platform_version = "rocm 60300"

    monkeypatch.setattr(jax, "local_devices", lambda: [Device])
    assert CuDNN().refusal(CALL._replace(backend="gpu")) == "the backend is gpu, not an NVIDIA GPU"


def test_cudnn_refuses_products_in_bfloat16() -> None:
    with jax.default_matmul_precision("bfloat16"):
        assert (
            CuDNN().refusal(CALL)
            == "jax_default_matmul_precision is bfloat16; cuDNN's LSTM has tensorfloat32 and float32"
        )
    with jax.default_matmul_precision("float32"):
        assert CuDNN().refusal(CALL) is None


def test_cudnn_says_that_it_is_differentiated_once_and_not_mapped_over() -> None:
    params, x, carry = draw_all("lstm", batch=4)

    def loss(x: Any) -> Any:
        return weighted_sum(outputs(CuDNN(), VARIANTS["lstm"], params, x, LENGTHS, carry))

    with jax.enable_x64(True):
        once = "engine cudnn is differentiated once; allowed for second derivatives: engine=.scan'"
        for second in (
            jax.hessian(loss),
            jax.jit(jax.grad(lambda x: jnp.sum(jax.grad(loss)(x)))),
            lambda x: jax.jvp(jax.grad(loss), (x,), (x,)),
            lambda x: jax.grad(lambda scale: jnp.sum(jax.grad(lambda x: scale * loss(x))(x)))(2.0),
        ):
            with pytest.raises(ValueError, match=once):
                second(x)
        mapped = "engine cudnn is not mapped over; allowed under jax.vmap and jax.jacrev: engine=.scan'"
        for transformed in (jax.vmap(loss), jax.jit(jax.vmap(jax.grad(loss)))):
            with pytest.raises(ValueError, match=mapped):
                transformed(np.stack([x, x]))
        with pytest.raises(ValueError, match=mapped):
            jax.jacrev(lambda x: jnp.stack([loss(x), 2 * loss(x)]))(x)
        with pytest.raises(TypeError, match="forward-mode"):
            jax.jvp(loss, (x,), (x,))
