"""Which type to compare, to add up and to answer in."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

Array = jax.Array


def floating(x: ArrayLike) -> Array:
    """``x`` as an array of floats: a mean of integers is no integer."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def wide(x: Array) -> Array:
    """``x`` in the type to take sums in."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def lowest(x: Array) -> np.ndarray:
    """What wins against no value of the type of ``x``."""
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return np.asarray(lowest, x.dtype)
