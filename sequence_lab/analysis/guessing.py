"""Guessing weights: simple networks drawn until one is right, the baseline that long lags alone do not beat.

Hochreiter and Schmidhuber (1996) solved the latch, two-sequence and parity problems of Bengio et al. (1994) so.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
AT_ONCE, FIRST = 500, 50  # networks drawn together; sequences that tell which of them to try on all


class Network(NamedTuple):
    """h = tanh(W x + U h + b) from h = 0; the answer is whether the last v h + c is above 0."""

    W: Array
    U: Array
    b: Array
    v: Array
    c: Array


def network(key: Array, in_features: int, units: int, scale: float) -> Network:
    """All weights from U(-scale, scale)."""
    shapes: list[tuple[int, ...]] = [(in_features, units), (units, units), (units,), (units,), ()]
    keys = jax.random.split(key, len(shapes))
    return Network(*(jax.random.uniform(k, s, minval=-scale, maxval=scale) for k, s in zip(keys, shapes, strict=True)))


def answers(network: Network, inputs_BTC: Array, lengths_B: Array) -> Array:
    """``[B]``: what a network says after the last real step of each sequence."""

    def step(h_BD: Array, now: tuple[Array, Array]) -> tuple[Array, None]:
        x_BC, index = now
        new = jnp.tanh(x_BC @ network.W + h_BD @ network.U + network.b)
        return jnp.where((index < lengths_B)[:, None], new, h_BD), None

    x_TBC = jnp.swapaxes(inputs_BTC, 0, 1)
    h_BD, _ = jax.lax.scan(step, jnp.zeros((len(inputs_BTC), len(network.b))), (x_TBC, jnp.arange(len(x_TBC))))
    return h_BD @ network.v + network.c > 0


def guess(
    inputs_BTC: Any,
    labels_B: Any,
    lengths_B: Any = None,
    *,
    units: int = 3,
    scale: float = 10.0,
    at_most: int = 100_000,
    seed: int = 0,
) -> tuple[int, Network] | None:
    """Draws networks until one has every label, 0 or 1, right: how many that took, and that one.

    None, if it is none of the first ``at_most``, which are drawn 500 at once. Some hundred sequences do: that it is
    right about others, too, is for ``answers`` to show.
    """
    inputs_BTC, labels_B = jnp.asarray(inputs_BTC), jnp.asarray(labels_B)
    lengths_B = jnp.full(len(labels_B), inputs_BTC.shape[1]) if lengths_B is None else jnp.asarray(lengths_B)
    draw = functools.partial(network, in_features=inputs_BTC.shape[-1], units=units, scale=scale)

    def right(network: Network, rows: slice) -> Array:
        return jnp.all(answers(network, inputs_BTC[rows], lengths_B[rows]) == (labels_B[rows] > 0))

    @jax.jit
    def hopeful(key: Array) -> tuple[Array, Network]:
        drawn = jax.vmap(draw)(jax.random.split(key, AT_ONCE))
        return jax.vmap(functools.partial(right, rows=slice(FIRST)))(drawn), drawn

    right_in_all = jax.jit(functools.partial(right, rows=slice(None)))
    for number in range(-(-at_most // AT_ONCE)):
        hopes, drawn = jax.device_get(hopeful(jax.random.fold_in(jax.random.key(seed), number)))
        for which in np.flatnonzero(hopes):
            tries, found = number * AT_ONCE + int(which) + 1, Network(*(array[which] for array in drawn))
            if tries <= at_most and right_in_all(found):
                return tries, found
    return None
