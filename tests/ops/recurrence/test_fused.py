"""Engine fused, its kernels run step by step on a CPU, one column of tiles; ``test_fused_on_gpu`` has the rest."""

import dataclasses
import functools
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import Call, cells, fused
from sequence_lab.ops.recurrence.fused import Fused, blocks
from sequence_lab.ops.recurrence.fused.tiles import SHARED_MEMORY, Shape, Tile, filled_up, problem, tile_for
from tests.ops.recurrence.variants import VARIANTS, assert_close, weighted_sum

ENGINE = Fused(Tile(16, 16, 16, stages=1), interpret=True)
LENGTHS = np.array([4, 3, 0, 1])
CELLS = {
    "rnn": cells.RNNCell(3, activation="relu"),
    "gru": cells.GRUCell(3),
    "lstm": cells.LSTMCell(3, peephole=True, zoneout_hidden=0.3, zoneout_cell=0.2),
    "lstm_coupled": cells.LSTMCell(3, coupled=True, use_bias=False),
}


def everything(cell: cells.Cell, batch: tuple[int, ...] = (4,), steps: int = 4) -> Any:
    """Random parameters, inputs and carry."""
    params = cells.Params(*({k: np.zeros(p.shape) for k, p in group.items()} for group in cell.parameters(2)))
    generator = np.random.default_rng(0)
    return jax.tree.map(
        lambda a: generator.normal(size=a.shape, scale=0.5).astype(np.float32),
        (params, np.zeros((*batch, steps, 2)), cell.initial_carry(batch)),
    )


def loss(cell: cells.Cell, engine: Any, options: Any, params: Any, x: Any, carry: Any) -> Any:
    lengths, reverse, dtype = options
    out = recurrence.run(cell, params, jnp.asarray(x, dtype), lengths, carry, reverse=reverse, engine=engine)
    return weighted_sum(out), out


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_fused_equals_scan_in_values_and_gradients(name: str, reverse: bool) -> None:
    cell = CELLS[name]
    arguments = everything(cell)

    def found(engine: Any) -> Any:
        own = functools.partial(loss, cell, engine, (LENGTHS, reverse, jnp.float32))
        return jax.jit(jax.grad(own, (0, 1, 2), has_aux=True))(*arguments)

    assert_close(found(ENGINE), found("scan"), rtol=1e-5, atol=1e-6)


def test_fused_computes_in_bfloat16_and_carries_in_float32() -> None:
    cell = CELLS["lstm"]
    arguments = everything(cell)

    def found(engine: Any) -> Any:
        return jax.jit(functools.partial(loss, cell, engine, (None, False, jnp.bfloat16)))(*arguments)[1]

    (y, carry), expected = found(ENGINE), found("scan")
    assert (y.dtype, carry.c.dtype) == (jnp.bfloat16, jnp.float32)
    assert_close(jax.tree.map(jnp.float32, (y, carry)), jax.tree.map(jnp.float32, expected), rtol=2e-2, atol=2e-2)


def test_fused_takes_several_batch_axes_and_more_rows_than_a_tile() -> None:
    cell = CELLS["gru"]
    params, x, carry = everything(cell, (3, 6), 2)
    found, expected = (recurrence.run(cell, params, x, None, carry, engine=engine) for engine in (ENGINE, "scan"))
    assert_close(found, expected, rtol=1e-5, atol=1e-6)


def hessian_product(function: Any) -> Any:
    return lambda arguments: jax.jvp(jax.grad(function), (arguments,), (arguments,))[1]


def gradient_of_gradient(function: Any) -> Any:
    return jax.grad(lambda arguments: weighted_sum(jax.grad(function)(arguments)))


def mapped(function: Any) -> Any:
    return lambda arguments: jax.vmap(jax.grad(function))(jax.tree.map(lambda a: jnp.stack([a, 2 * a]), arguments))


@pytest.mark.parametrize("transform", [hessian_product, gradient_of_gradient, mapped])
def test_fused_is_differentiated_again_and_mapped_over_as_scan(transform: Any) -> None:
    cell = CELLS["gru"]
    arguments = everything(cell, (2,), 2)

    def found(engine: Any) -> Any:
        options = (np.array([2, 1]), False, jnp.float32)
        return jax.jit(transform(lambda own: loss(cell, engine, options, *own)[0]))(arguments)

    assert_close(found(ENGINE), found("scan"), rtol=1e-5, atol=1e-6)


def test_fused_has_no_forward_mode_and_says_so() -> None:
    cell = CELLS["gru"]
    params, x, carry = everything(cell)
    with pytest.raises(TypeError, match=r"engine is fused, which has no forward mode; .* scan_plain"):
        jax.jvp(lambda x: recurrence.run(cell, params, x, None, carry, engine=ENGINE)[0], (x,), (x,))


CALL = Call(cells.GRUCell(100), (20,), 7, 5, np.float32, "cuda")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backend": "cpu"}, "the backend is cpu"),
        ({"cell": VARIANTS["gru_before"]}, "units meet"),
        ({"cell": VARIANTS["lstm_layer_norm"]}, "units meet"),
        ({"cell": VARIANTS["lstm_projection"]}, "units meet"),
        ({"cell": VARIANTS["min_gru"]}, "units meet"),
        ({"cell": cells.LSTMCell(4, zoneout_cell=0.1), "is_noisy": True}, "noise"),
        ({"dtype": np.float64}, "float64"),
        ({"has_resets": True}, "resets"),
        ({"num_steps": 0}, "empty"),
        ({"cell": cells.LSTMCell(10**5)}, "100000 units in 20 rows"),
        ({"batch_shape": (5, 13)}, "there are 65 rows; nothing was measured above 64"),
    ],
)
def test_fused_refuses_what_it_cannot_run(change: Any, reason: str) -> None:
    assert Fused().refusal(CALL) is None
    assert reason in str(Fused().refusal(CALL._replace(**change)))


class Gpu(NamedTuple):
    """What is asked of a device."""

    compute_capability: str
    platform: str = "gpu"


@pytest.mark.parametrize(
    ("devices", "reason"),
    [([Gpu("9.0")], None), ([Gpu("8.0")], "compute capability 8.0"), ([Gpu("9.0")] * 2, "there are 2 GPUs")],
)
def test_fused_runs_on_one_gpu_of_the_kind_it_was_run_on(monkeypatch, devices: Any, reason: str | None) -> None:
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    found = Fused().refusal(CALL)
    assert found is None if reason is None else reason in str(found)


def test_auto_takes_fused_on_an_nvidia_gpu_alone() -> None:
    auto = recurrence.choice.chosen_engine
    assert auto("auto", CALL) == Fused()
    assert auto("auto", CALL._replace(backend="cpu")) == recurrence.ENGINES["scan"]


@pytest.mark.parametrize("gates", [1, 3, 4])
def test_tiles_run_at_once_and_fit_the_memory_of_a_processor(gates: int) -> None:
    for rows in (1, 16, 33, 64, 200, 512):
        for units in (1, 17, 64, 65, 200, 768, 1024, 2048, 2816, 4096):
            tile = tile_for(rows, units, gates, 132)
            if tile is None:
                assert rows * units > 200 * 1024
                continue
            assert problem(tile, rows, units, 132, False) is None
            size = filled_up(units, max(tile.units, tile.chunk * tile.parts))
            columns, batches = Shape(1, filled_up(rows, tile.rows), size).grid(tile)
            assert columns == 1 or columns * batches <= 132
            assert columns * tile.units == size >= units
            assert batches * tile.rows >= rows
            assert size % (tile.chunk * tile.parts) == 0
            assert 8 * gates * tile.chunk * tile.parts * (tile.rows + tile.units) <= SHARED_MEMORY


def test_blocks_compute_what_whole_arrays_do() -> None:
    def equations(x: Any, bias: Any, c: Any) -> Any:
        a, b, g = jnp.split(x + bias, 3, axis=-1)
        wide = jnp.concatenate([jax.nn.relu(a), jnp.where(b > 0, b, c)], axis=-1)
        return jnp.pad(jax.nn.sigmoid(g), ((0, 0), (4, 0))) * wide, 1 - c**2

    generator = np.random.default_rng(0)
    arguments = [generator.normal(size=shape).astype(np.float32) for shape in ((2, 12), (12,), (2, 4))]
    jaxpr = jax.make_jaxpr(equations)(*arguments)
    parted = [tuple(jnp.split(a, a.shape[-1] // 4, axis=-1)) for a in arguments]
    found = blocks.evaluate(jaxpr.jaxpr, jaxpr.consts, parted, 4)
    assert_close([jnp.concatenate(one, axis=-1) for one in found], list(equations(*arguments)), rtol=1e-6)


@pytest.mark.parametrize(
    "equations",
    [lambda x: x - x.sum(-1, keepdims=True), lambda x: jnp.split(x, [2], -1)[1], lambda x: x[:, ::-1]],
    ids=["sum", "cut", "reversed"],
)
def test_blocks_refuse_what_mixes_units(equations: Any) -> None:
    jaxpr = jax.make_jaxpr(equations)(np.ones((2, 8), np.float32))
    with pytest.raises(NotImplementedError):
        blocks.evaluate(jaxpr.jaxpr, jaxpr.consts, [(jnp.ones((2, 4)),) * 2], 4)


@pytest.mark.parametrize(
    ("tile", "options", "reason"),
    [
        (Tile(16, 16, 16), {"cell": cells.GRUCell(4096)}, "512 programs that wait for one another; at once run 132"),
        (Tile(16, 48, 64), {}, r"its tile is \(16, 48, 64, 1, 4, 3\); allowed: powers of two"),
        (Tile(16, 128, 128), {}, "one chunk of its tile is all, with 3 stages; allowed: 1"),
    ],
)
def test_fused_refuses_a_tile_that_cannot_run(tile: Tile, options: Any, reason: str) -> None:
    assert re.search(reason, str(Fused(tile).refusal(CALL._replace(**options))))


def test_the_interpreter_runs_one_column_alone() -> None:
    assert ENGINE.refusal(CALL._replace(cell=cells.GRUCell(16))) is None
    assert "its tile makes 2 columns" in str(ENGINE.refusal(CALL._replace(cell=cells.GRUCell(17))))


@dataclasses.dataclass(frozen=True)
class Own(cells.Options):
    """Somebody's own cell: an Elman network with a scale for every unit."""

    @property
    def is_unitwise(self) -> bool:
        return True

    def parameters(self, in_features: int) -> cells.Params:
        scale = {"scale": cells.Parameter((self.features,), jax.nn.initializers.ones)}
        return cells.Params(self.matrices(in_features, 1), scale)

    def inputs(self, local: Any, x: Any, dot: Any) -> Any:
        return dot("input", x)

    def step(self, local: Any, carry: Any, u: Any, dot: Any, context: Any, noise: Any) -> Any:
        h = self.unit(local, carry.h, u, dot)
        return cells.HiddenCarry(h), h

    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        raise NotImplementedError


class Divides(Own):
    """What only fills up a tile is 0 / 0."""

    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        return jnp.tanh(dot("recurrent", h, u) / local["scale"])


class Scales(Own):
    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        return jnp.tanh(dot("recurrent", local["scale"] * h, u))


class Sine(Own):
    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        return jnp.sin(dot("recurrent", h, u))


class Warm(Own):
    def parameters(self, in_features: int) -> cells.Params:
        one = {"scale": cells.Parameter((1,), jax.nn.initializers.ones)}
        return cells.Params(self.matrices(in_features, 1), one)

    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        return jnp.tanh(dot("recurrent", h, u) * local["scale"])


class Independent(Own):
    def parameters(self, in_features: int) -> cells.Params:
        matrices, scale = super().parameters(in_features)
        return cells.Params({"input": matrices["input"]}, scale)

    def unit(self, local: Any, h: Any, u: Any, dot: Any) -> Any:
        return jnp.tanh(u + local["scale"] * h)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Scales, "recurrent multiplies what is no array of the carry as it came in"),
        (Sine, "NotImplementedError: sin"),
        (Warm, "scale has not a number a unit"),
        (Independent, "multiplies nothing that it remembers"),
    ],
)
def test_fused_refuses_a_cell_that_no_kernel_can_run_and_auto_takes_another(kind: Any, reason: str) -> None:
    call = CALL._replace(cell=kind(3))
    assert reason in str(ENGINE.refusal(call))
    assert recurrence.choice.chosen_engine("auto", call) == recurrence.ENGINES["scan"]


def test_units_that_only_fill_up_a_tile_reach_no_other() -> None:
    cell = Divides(3)
    params, x, carry = everything(cell)
    params = params._replace(local={"scale": np.abs(params.local["scale"]) + 0.5})

    def found(engine: Any) -> Any:
        own = functools.partial(loss, cell, engine, (LENGTHS, False, jnp.float32))
        return jax.jit(jax.grad(own, (0, 1, 2), has_aux=True))(params, x, carry)

    assert_close(found(ENGINE), found("scan"), rtol=1e-5, atol=1e-6)


def test_programs_show_what_they_wrote_before_others_read_it(monkeypatch) -> None:
    """What no interpreter can show, in the code for a GPU: a barrier before each arrival and after each wait."""
    lowering = pytest.importorskip("jax._src.pallas.triton.lowering")
    modules, lower = [], lowering.lower_jaxpr_to_triton_module

    def watched(*arguments: Any, **options: Any) -> Any:
        lowered = lower(*arguments, **options)
        modules.append(str(lowered.module.operation))
        return lowered

    monkeypatch.setattr(lowering, "lower_jaxpr_to_triton_module", watched)
    monkeypatch.setattr(fused, "is_nvidia", lambda backend: True)
    cell = cells.GRUCell(100)
    params, x, _ = everything(cell, (20,), 3)

    def run(params: Any, x: Any) -> Any:
        return weighted_sum(recurrence.run(cell, params, x, np.full(20, 2), engine=Fused()))

    jax.jit(jax.grad(run)).trace(params, x).lower(lowering_platforms=("cuda",))
    assert len(modules) == 2
    for module in modules:
        protocol = re.findall(r"gpu\.barrier|tt\.atomic_rmw \w+, \w+, \w+|scf\.while|tt\.dot\b|tt\.store", module)
        atomics = [operation for operation in protocol if "atomic" in operation]
        assert set(atomics) == {"tt.atomic_rmw add, acq_rel, gpu"}
        for place, operation in enumerate(protocol):
            if operation in atomics:  # an arrival, after a barrier; or a look at the counter, around the waiting
                polls = "scf.while" in protocol[place - 1 : place + 2]
                assert polls or protocol[place - 1] == "gpu.barrier", protocol
        waits = [place for place, operation in enumerate(protocol) if operation == "scf.while"]
        assert waits
        for place in waits:
            assert protocol[place + 1] == atomics[0]
            assert protocol[place + 2] == "gpu.barrier"
