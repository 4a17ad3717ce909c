"""Normalisation of features by the steps so far: causal, so chunk by chunk it is the same."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.audio import features
from sequence_lab.ops.pooling import dtypes

Array = jax.Array


class RunningCarry(NamedTuple):
    """Of the steps so far their weight ``[*batch]``, their mean, and their weight times variance ``[*batch, C]``."""

    weight: Array
    mean: Array
    spread: Array


def running_carry(batch_shape: tuple[int, ...], in_features: int, dtype: Any = jnp.float32) -> RunningCarry:
    """The carry before the first step: no weight. The statistics of a corpus, with some weight, are one too."""
    mean_BC, spread_BC = (jnp.zeros((*batch_shape, in_features), dtype) for _ in range(2))
    return RunningCarry(jnp.zeros(batch_shape, dtype), mean_BC, spread_BC)


def normalize_running(
    x_BTC: Array,
    lengths_B: Array | None = None,
    initial_carry: RunningCarry | None = None,
    *,
    decay: float = 1.0,
    epsilon: float = 1e-5,
) -> tuple[Array, RunningCarry]:
    """(x - mean) / sqrt(variance + epsilon) by the steps up to each, it included: ``[*batch, T, C]``, and the carry.

    The step n steps before weighs decay^n. The carry that comes back is the one after each row's last real step, for
    the next chunk. Statistics are in float32 at least. The first step of all comes out as zeros.

    Args:
      initial_carry: as it came back from the chunk before; default: ``running_carry``.
      decay: 1, all steps weigh the same; below, as much in all as the last 1 / (1 - decay) of them.

    Raises:
      ValueError: a decay that is not above 0 and at most 1, an epsilon that is not above 0, lengths or a carry of
        another shape.
    """
    x_BTC, lengths_B = features.checked(x_BTC, lengths_B)
    own = running_carry(x_BTC.shape[:-2], x_BTC.shape[-1], dtypes.wide(x_BTC).dtype)
    carry = own if initial_carry is None else _checked_carry(initial_carry, own)
    mask_BT = None if lengths_B is None else masking.length_mask(lengths_B, x_BTC.shape[-2])

    def advance(carry: RunningCarry, now: tuple[Array, Array | None]) -> tuple[RunningCarry, Array]:
        x_BC, valid_B = now
        y_BC, after = step_running(carry, x_BC, decay=decay, epsilon=epsilon)
        return after if valid_B is None else _where(valid_B, after, carry), y_BC

    steps = (jnp.moveaxis(x_BTC, -2, 0), None if mask_BT is None else jnp.moveaxis(mask_BT, -1, 0))
    carry, y_TBC = jax.lax.scan(advance, carry, steps)
    return masking.zero_padding(jnp.moveaxis(y_TBC, 0, -2), lengths_B), carry


def step_running(
    carry: RunningCarry, x_BC: Array, *, decay: float = 1.0, epsilon: float = 1e-5
) -> tuple[Array, RunningCarry]:
    """One step of ``normalize_running``: ``(y_BC, carry)``.

    w' = decay w + 1, m' = m + (x - m) / w', s' = decay s + (x - m)(x - m'), variance s' / w' (West 1979).
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay is {decay}; allowed: above 0, at most 1")
    features.check_epsilon(epsilon)
    x_BC = dtypes.floating(x_BC)
    carry = _checked_carry(carry, running_carry(x_BC.shape[:-1], x_BC.shape[-1], dtypes.wide(x_BC).dtype))
    weight_B = decay * carry.weight + 1
    mean_BC = carry.mean + (x_BC - carry.mean) / weight_B[..., None]
    spread_BC = decay * carry.spread + (x_BC - carry.mean) * (x_BC - mean_BC)
    y_BC = (x_BC - mean_BC) * jax.lax.rsqrt(spread_BC / weight_B[..., None] + epsilon)
    return y_BC.astype(x_BC.dtype), RunningCarry(weight_B, mean_BC, spread_BC)


def _checked_carry(given: RunningCarry, own: RunningCarry) -> RunningCarry:
    """``given`` in the type of ``own``. Raises ValueError unless it has the shapes of ``own``."""
    shapes, own_shapes = (jax.tree.map(jnp.shape, carry) for carry in (given, own))
    if shapes != own_shapes:
        raise ValueError(f"carry has shapes {shapes}; allowed: {own_shapes}")
    return jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), given, own)


def _where(valid_B: Array, after: RunningCarry, before: RunningCarry) -> RunningCarry:
    weight_B = jnp.where(valid_B, after.weight, before.weight)
    mean_BC, spread_BC = (
        jnp.where(valid_B[..., None], new, old) for new, old in zip(after[1:], before[1:], strict=True)
    )
    return RunningCarry(weight_B, mean_BC, spread_BC)
