"""Dropout whose draws for a step do not depend on how many steps, or how much padding, follow."""

from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array


def drawn(key: Array, rate: float, shape_BT: tuple[int, ...], axis: int = -1) -> Array:
    """True with probability ``rate``, booleans of that shape, of which ``axis`` is time.

    Drawn with time first: steps that are added draw further numbers, those there are keep theirs (with JAX's default
    generator).
    """
    shape = (shape_BT[axis], *(size for at, size in enumerate(shape_BT) if at != axis % len(shape_BT)))
    return jnp.moveaxis(jax.random.bernoulli(key, rate, shape), 0, axis)


def mask(key: Array, rate: float, shape: tuple[int, ...], dtype: Any) -> Array:
    """0 with probability ``rate``, 1 / (1 - rate) elsewhere."""
    return jnp.where(jax.random.bernoulli(key, rate, shape), 0, 1 / (1 - rate)).astype(dtype)


def dropout(key: Array, x_BTC: Array, rate: float, *, locked: bool = False) -> Array:
    """Zero with probability ``rate``, else scaled by 1 / (1 - rate) (Srivastava et al. 2014): ``[..., T, C]``.

    Args:
      locked: one draw for all steps of a row (variational dropout: Gal and Ghahramani 2016).
    """
    if locked:
        return x_BTC * mask(key, rate, (*x_BTC.shape[:-2], 1, x_BTC.shape[-1]), x_BTC.dtype)
    return jnp.where(drawn(key, rate, x_BTC.shape, axis=-2), 0, x_BTC / (1 - rate)).astype(x_BTC.dtype)
