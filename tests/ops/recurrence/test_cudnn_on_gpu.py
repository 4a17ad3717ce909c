"""Engine cudnn against scan_plain on an NVIDIA GPU; skipped elsewhere, where ``test_cudnn`` holds what can be checked.

``JAX_PLATFORMS=cuda pytest tests/ops/recurrence -k on_gpu``
"""

from typing import Any

import jax
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import cells
from tests.ops.recurrence.variants import assert_close, weighted_sum

pytestmark = pytest.mark.skipif(
    jax.default_backend() not in ("gpu", "cuda"), reason="needs an NVIDIA GPU: JAX_PLATFORMS=cuda pytest on this file"
)
LENGTHS = np.array([9, 4, 0, 1, 9])
C, D = 6, 8


def draw(tree: Any) -> Any:
    generator = np.random.default_rng(0)
    return jax.tree.map(lambda a: generator.normal(size=a.shape, scale=0.5).astype(np.float32), tree)


def derived(function: Any, *everything: Any) -> Any:
    """Values and the gradients with respect to everything, in float32 proper."""

    def loss(*everything: Any) -> Any:
        out = function(*everything)
        return weighted_sum(out), out

    with jax.default_matmul_precision("float32"):
        return jax.jit(jax.grad(loss, tuple(range(len(everything))), has_aux=True))(*everything)


@pytest.mark.parametrize("lengths", [LENGTHS, np.zeros_like(LENGTHS), None], ids=["lengths", "empty", "full"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("remat", [False, True])
def test_cudnn_equals_scan_plain_on_gpu(reverse: bool, remat: bool, lengths: Any) -> None:
    cell = cells.LSTMCell(D)
    params = cells.Params(*({k: np.zeros(p.shape) for k, p in group.items()} for group in cell.parameters(C)))
    everything = draw((params, np.zeros((5, 9, C)), cell.initial_carry((5,))))

    def run(engine: str) -> Any:
        def function(params: Any, x: Any, carry: Any) -> Any:
            options: Any = {"reverse": reverse, "remat": remat, "engine": engine}
            return recurrence.run(cell, params, x, lengths, carry, **options)

        return derived(function, *everything)

    assert_close(run("cudnn"), run("scan_plain"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("both", [False, True])
def test_stack_in_one_call_equals_scan_plain_on_gpu(both: bool) -> None:
    def stack(engine: str) -> nn.Stacked:
        layer = nn.LSTM(D, engine=engine, learn_initial_carry=True)
        return nn.Stacked((nn.Bidirectional(layer) if both else layer,) * 3)

    x = draw(np.zeros((5, 9, C)))
    params = draw(jax.eval_shape(stack("scan_plain").init, jax.random.key(0), x))

    def run(engine: str) -> Any:
        return derived(lambda params, x: stack(engine).apply(params, x, LENGTHS), params, x)

    assert_close(run("cudnn"), run("scan_plain"), rtol=1e-4, atol=1e-5)
