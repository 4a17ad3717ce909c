"""Engine fused against scan_plain on an NVIDIA GPU, tiles waiting for one another; skipped elsewhere.

``JAX_PLATFORMS=cuda pytest tests/ops/recurrence -k on_gpu``
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import cells
from sequence_lab.ops.recurrence.fused import Fused
from sequence_lab.ops.recurrence.fused.tiles import Tile
from tests.ops.recurrence.variants import weighted_sum

pytestmark = pytest.mark.skipif(
    jax.default_backend() not in ("gpu", "cuda"), reason="needs an NVIDIA GPU: JAX_PLATFORMS=cuda pytest on this file"
)
C = 7
CASES = {  # cell, rows, steps, whether lengths differ, and the tile where it is not the engine's own
    "one column": (cells.LSTMCell(50), 33, 20, True, None),
    "gru": (cells.GRUCell(96), 20, 40, False, None),
    "rnn": (cells.RNNCell(300), 5, 30, True, None),
    "peephole": (cells.LSTMCell(200, peephole=True, zoneout_cell=0.2), 40, 12, True, None),
    "coupled": (cells.LSTMCell(130, coupled=True, use_bias=False), 3, 25, True, Tile(16, 16, 64, 1, 2)),
    "many rows": (cells.GRUCell(100), 300, 9, True, None),
    "wide": (cells.LSTMCell(1100), 64, 5, False, None),
    "long": (cells.GRUCell(128), 2, 3000, True, None),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_fused_equals_scan_plain_on_gpu(name: str, reverse: bool) -> None:
    cell, rows, steps, differ, tile = CASES[name]
    generator = np.random.default_rng(0)
    lengths = generator.integers(0, steps + 1, rows) if differ else None
    params = cells.Params(*({k: np.zeros(p.shape) for k, p in group.items()} for group in cell.parameters(C)))
    arguments = jax.tree.map(
        lambda a: generator.normal(size=a.shape, scale=0.5 * cell.features**-0.5).astype(np.float32),
        (params, np.zeros((rows, steps, C)), cell.initial_carry((rows,))),
    )

    def found(engine: Any) -> Any:
        def loss(params: Any, x: Any, carry: Any) -> Any:
            out = recurrence.run(cell, params, x, lengths, carry, reverse=reverse, engine=engine)
            return weighted_sum(out), out

        with jax.default_matmul_precision("float32"):
            return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(*arguments)

    for a, b in zip(jax.tree.leaves(found(Fused(tile))), jax.tree.leaves(found("scan_plain")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))


def test_auto_is_fused_on_gpu() -> None:
    x = jax.ShapeDtypeStruct((4, 9, C), jnp.float32)
    assert recurrence.explain_engine(cells.GRUCell(8), x).splitlines()[0] == "auto runs fused"
