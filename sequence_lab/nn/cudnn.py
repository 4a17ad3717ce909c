"""Recurrent layers over one another as one call of cuDNN, which runs layers and directions at the same time."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.nn.recurrent import RecurrentLayer
from sequence_lab.ops import masking, recurrence
from sequence_lab.ops.recurrence import cells

Array = jax.Array
Carry = Any
Level = tuple[RecurrentLayer, ...]
Inputs = Array | jax.ShapeDtypeStruct
FORWARD, BOTH = (False,), (False, True)


def in_one_call(
    levels: Sequence[Level],
    x_BTC: Array,
    lengths_B: Array | None,
    carries: Sequence[tuple[Carry, ...]],
    resets_BT: Array | None,
    train: bool,
) -> tuple[Array, list[tuple[Carry, ...]]] | None:
    """The top level's outputs and all last carries, or None where the levels cannot be one call.

    A level is a layer, or one forwards and its like backwards, whose outputs side by side the next level reads; each
    has its carry, or None. Two layers or more of the same width can be one call, if the engine of each is ``cudnn`` and
    none draws noise or is computed again (``remat``).
    """
    layers = [layer for level in levels for layer in level]
    directions = {tuple(layer.reverse for layer in level) for level in levels}
    alike = directions in ({FORWARD}, {BOTH}) and len({layer.out_features for layer in layers}) == 1
    if len(layers) == 1 or not alike or any(layer.remat or (train and layer.cell.is_noisy) for layer in layers):
        return None
    above = jax.ShapeDtypeStruct((*x_BTC.shape[:-1], sum(layer.out_features for layer in levels[0])), jnp.float32)
    below: list[Inputs] = [x_BTC, *[above] * (len(levels) - 1)]
    inputs = [own for level, own in zip(levels, below, strict=True) for _ in level]
    if not all(_is_of_cudnn(*pair, lengths_B, resets_BT) for pair in zip(layers, inputs, strict=True)):
        return None
    given = [carry for level in carries for carry in level]
    lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], x_BTC.shape[-2])
    prepared = [_prepared(*one) for one in zip(layers, inputs, given, strict=True)]
    y_BTD, last = recurrence.lstm_stack(
        [params for params, _ in prepared],
        masking.zero_padding(x_BTC.astype(jnp.float32), lengths_B),
        lengths_B,
        [carry for _, carry in prepared],
        direction="both" if directions == {BOTH} else "forward",
    )
    rest = iter(last)
    return y_BTD, [tuple(next(rest) for _ in level) for level in levels]


def _is_of_cudnn(layer: RecurrentLayer, inputs: Inputs, lengths_B: Array | None, resets_BT: Array | None) -> bool:
    """Whether the engine that ``layer`` takes for such inputs is ``cudnn``."""
    inputs = jax.ShapeDtypeStruct(inputs.shape, layer.computed_in(inputs))
    engine = recurrence.engine_for(layer.cell, inputs, lengths_B, resets_BT=resets_BT, engine=layer.engine)
    return isinstance(engine, recurrence.CuDNN)


def _prepared(layer: RecurrentLayer, inputs: Inputs, carry: Carry) -> tuple[cells.Params, Carry]:
    """The parameters of ``layer`` and the carry that it starts from."""
    batch_shape = inputs.shape[:-2]
    params, start = layer.parameters(inputs.shape[-1], batch_shape)
    start = recurrence.checked_carry(layer.cell, start, layer.cell.initial_carry(batch_shape, jnp.float32))
    return params, recurrence.checked_carry(layer.cell, carry, start)
