"""The lengths contract: padding is last, is never read, and is exactly zero in every output.

A length array has the batch axes of the array it describes; ``None`` means that every row is full and
compiles the masks away. Nothing here multiplies by a mask, because 0 * NaN is NaN: padding is *replaced*.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify
from jax.typing import ArrayLike

Array = jax.Array


def length_mask(lengths_B: Array, num_steps: int) -> Array:
    """True where a step is real: ``[..., num_steps]`` booleans for lengths of shape ``[...]``."""
    return jnp.arange(num_steps) < jnp.asarray(lengths_B)[..., None]


def zero_padding(x_BT: Array, lengths_B: Array | None, axis: int | None = None) -> Array:
    """Replaces every step at or past its row's length by zero, whatever stood there (NaN included).

    Args:
      x_BT: the batch axes of ``lengths_B``, then any axes, the time axis among them.
      lengths_B: real steps per row; None leaves ``x`` as it is.
      axis: the time axis; by default the first one after the batch axes.
    """
    return fill_padding(x_BT, lengths_B, 0, axis)


def fill_padding(x_BT: Array, lengths_B: Array | None, value: ArrayLike, axis: int | None = None) -> Array:
    """``zero_padding`` with another value, such as -inf before a maximum."""
    if lengths_B is None:
        return x_BT
    x_BT = jnp.asarray(x_BT)
    return jnp.where(_mask_like(x_BT, lengths_B, axis), x_BT, jnp.asarray(value, x_BT.dtype))


def reverse_within_length(x_BT: Array, lengths_B: Array | None = None) -> Array:
    """Reverses the real steps of every row and puts zeros in the padding, which stays last.

    ``tf.reverse_sequence``, but for the zeros. The time axis is the first one after the batch axes of
    ``lengths_B``; axis 1 without lengths.
    """
    if lengths_B is None:
        return jnp.flip(x_BT, axis=1)
    lengths_B = jnp.asarray(lengths_B)
    time_axis = lengths_B.ndim
    x_BT = zero_padding(x_BT, lengths_B)
    steps = jnp.arange(x_BT.shape[time_axis])
    source_BT = jnp.where(length_mask(lengths_B, steps.size), lengths_B[..., None] - 1 - steps, steps)
    source = source_BT.reshape(source_BT.shape + (1,) * (x_BT.ndim - time_axis - 1))
    return jnp.take_along_axis(x_BT, source, axis=time_axis)


def checked_lengths(
    lengths_B: ArrayLike | None, batch_shape: tuple[int, ...], num_steps: int, what: str = "lengths"
) -> Array | None:
    """``lengths_B`` in int32. Raises ValueError unless there is one in 0..num_steps per row of ``batch_shape``.

    Under ``jit``, where values are not known, those out of range are seen within ``checkified`` alone.
    """
    if lengths_B is None:
        return None
    given = lengths_B if isinstance(lengths_B, jax.Array) else np.asarray(lengths_B)
    if given.shape != batch_shape:
        raise ValueError(f"{what} have shape {given.shape}; allowed: {batch_shape}, one per row, or None")
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise ValueError(f"{what} have type {given.dtype}; allowed: an integer type")
    checked = jnp.asarray(given, jnp.int32)  # a smaller type could overflow in the arithmetic of windows
    check_range(what, checked, num_steps)
    return checked


def check_range(what: str, values: Array, most: int) -> None:
    """Raises ValueError unless all are in 0..most; under ``jit``, where ``checkified`` alone does, only there."""
    if not values.size:
        return
    lowest, highest = values.min(), values.max()
    message = f"{what} reach from {{}} to {{}}; allowed: 0 to {most}"
    if not isinstance(lowest, jax.core.Tracer):  # under jit that of a constant is one, too
        if lowest < 0 or highest > most:
            raise ValueError(message.format(lowest, highest))
    elif _looking.value:
        checkify.debug_check((lowest >= 0) & (highest <= most), message, lowest, highest)


# A check is an effect even where nothing looks at it, and JAX dispatches programs with effects by a slow path, half a
# millisecond a training step. So they are made where they are wanted; what was compiled without them does not count.
_looking = jax.make_user_context(False)


def checkified(
    function: Callable[..., Any], errors: frozenset[type] = checkify.user_checks
) -> Callable[..., tuple[checkify.Error, Any]]:
    """``jax.experimental.checkify.checkify``, which sees lengths and tokens out of range, too.

    ``error, out = checkified(function)(*arguments)``, within or around ``jax.jit``; ``error.throw()`` says what was
    wrong. Plain ``checkify`` knows nothing of them.
    """
    checked = checkify.checkify(function, errors=errors)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> tuple[checkify.Error, Any]:
        with _looking(True):
            return checked(*args, **kwargs)

    return run


def _mask_like(x: Array, lengths: Array, axis: int | None) -> Array:
    """The length mask, shaped to broadcast against ``x``."""
    lengths = jnp.asarray(lengths)
    batch_ndim = lengths.ndim
    axis = batch_ndim if axis is None else axis
    if x.shape[:batch_ndim] != lengths.shape or axis >= x.ndim:
        raise ValueError(
            f"lengths of shape {lengths.shape} do not describe an array of shape {x.shape}: "
            "their axes must be its leading (batch) axes"
        )
    mask = length_mask(lengths, x.shape[axis])
    between, after = axis - batch_ndim, x.ndim - axis - 1
    return mask.reshape(lengths.shape + (1,) * between + (x.shape[axis],) + (1,) * after)
