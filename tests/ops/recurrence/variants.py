"""Cells with every option, and random parameters for them in float64."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops.recurrence import CELLS, Params, cells

C, D = 2, 3
EVERYTHING: dict[str, Any] = {
    "layer_norm": True,
    "zoneout_hidden": 0.4,
    "recurrent_dropout": 0.4,
    "drop_connect": 0.4,
}
VARIANTS: dict[str, cells.Cell] = {
    **{name: make(D) for name, make in CELLS.items()},
    "rnn_relu": cells.RNNCell(D, activation="relu", use_bias=False),
    "rnn_everything": cells.RNNCell(D, **EVERYTHING),
    "lstm_peephole": cells.LSTMCell(D, peephole=True),
    "lstm_coupled": cells.LSTMCell(D, coupled=True, use_bias=False),
    "lstm_projection": cells.LSTMCell(D, projection=2),
    "lstm_everything": cells.LSTMCell(
        D, peephole=True, coupled=True, projection=2, zoneout_cell=0.4, chrono_steps=9, **EVERYTHING
    ),
    "lstm_layer_norm": cells.LSTMCell(D, layer_norm=True, peephole=True, use_bias=False),
    "gru_before": cells.GRUCell(D, reset_after=False),
    "gru_context": cells.GRUCell(D, context_features=1, recurrent_dropout=0.4, drop_connect=0.4),
    "gru_everything": cells.GRUCell(D, chrono_steps=9, **EVERYTHING),
    "gru_before_everything": cells.GRUCell(D, reset_after=False, use_bias=False, **EVERYTHING),
    "min_gru_positive": cells.MinGRUCell(D, positive=True, zoneout=0.4),
    "min_lstm_everything": cells.MinLSTMCell(D, positive=True, zoneout=0.4, use_bias=False),
    "lru_everything": cells.LRUCell(D, state_features=2, use_bias=True, zoneout=0.4),
    "rg_lru_everything": cells.RGLRUCell(C, zoneout=0.4),
    "qrnn_f": cells.QRNNCell(D, kernel_size=1, pooling="f"),
    "qrnn_everything": cells.QRNNCell(D, kernel_size=3, pooling="ifo", zoneout=0.4),
    "sru_everything": cells.SRUCell(C, activation="tanh", highway_bias=-1.0, rescale=True, zoneout=0.4),
}
LINEAR = [name for name, cell in VARIANTS.items() if isinstance(cell, cells.LinearCell)]


def draw(shape: Any, seed: int, scale: float = 0.8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape, scale=scale)


def draw_all(name: str, batch: int = 3, steps: int = 5) -> tuple[Params, np.ndarray, Any]:
    """Random parameters, inputs and carry in float64."""
    cell = VARIANTS[name]
    seeds = iter(range(1, 99))
    declared = cell.parameters(C)
    params = Params(*({k: draw(p.shape, next(seeds)) for k, p in group.items()} for group in declared))
    carry = jax.tree.map(lambda a: draw(a.shape, next(seeds)), cell.initial_carry((batch,), jnp.float32))
    return params, draw((batch, steps, C), 0), carry


def plain_dot(params: Params) -> Any:
    def dot(name: str, a: Any, add: Any = None) -> Any:
        product = jnp.dot(a, params.matrices[name])
        return product if add is None else add + product

    return dot


def weighted_sum(tree: Any) -> Any:
    """A number that every element of ``tree`` changes."""
    return sum(jnp.vdot(draw(a.shape, i), jnp.sin(a)) for i, a in enumerate(jax.tree.leaves(tree)))


def assert_close(actual: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
