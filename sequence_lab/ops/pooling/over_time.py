"""One vector for each row, whatever its length: ``(x_BTC, lengths_B) -> y_BC``.

Any number of batch axes; an empty row gives zeros. Raised by all: ValueError for lengths of another shape than the
batch axes.
"""

import functools

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.pooling import dtypes

Array = jax.Array


def mean_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The mean over the real steps, summed in float32: ``[*batch, T, C] -> [*batch, C]``; 0 for an empty row."""
    x_BTC, lengths_B = _checked(dtypes.floating(x_BTC), lengths_B)
    total_BC = jnp.sum(dtypes.wide(masking.zero_padding(x_BTC, lengths_B)), axis=-2)
    count_B1 = x_BTC.shape[-2] if lengths_B is None else jnp.maximum(lengths_B, 1)[..., None]
    return (total_BC / count_B1).astype(x_BTC.dtype)


def max_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The largest value of each channel over the real steps: ``[*batch, T, C] -> [*batch, C]``; 0 for an empty row.

    The whole gradient goes to one step, the first of equals, as in PyTorch's ``max(dim)``.
    """
    x_BTC, lengths_B = _checked(x_BTC, lengths_B)
    filled_BTC = masking.fill_padding(x_BTC, lengths_B, dtypes.lowest(x_BTC))
    largest = _max_of_floats if jnp.issubdtype(x_BTC.dtype, jnp.floating) else functools.partial(jnp.max, axis=-2)
    return _zero_empty(largest(filled_BTC), lengths_B)


@jax.custom_jvp
def _max_of_floats(x_BTC: Array) -> Array:
    # The winner is looked for by the derivative alone: on a CPU that takes some ten times as long as the maximum.
    return jnp.max(x_BTC, axis=-2)


@_max_of_floats.defjvp
def _at_the_winner(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x_BTC,), (dx_BTC,) = primals, tangents
    y_BC = _max_of_floats(x_BTC)
    # The first that nothing exceeds, or the first NaN. XLA makes vectors of this; of its argmax on a CPU it makes none.
    steps = x_BTC.shape[-2]
    to_the_end_T1 = jnp.arange(steps, 0, -1, dtype=jnp.float32)[:, None]
    wins_BTC = (x_BTC >= y_BC[..., None, :]) | jnp.isnan(x_BTC)
    first_BC = jnp.max(jnp.where(wins_BTC, to_the_end_T1, 0), axis=-2)
    winner_B1C = (steps - first_BC).astype(jnp.int32)[..., None, :]
    return y_BC, jnp.take_along_axis(dx_BTC, winner_B1C, axis=-2, mode="clip")[..., 0, :]


def first_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The first step: ``[*batch, T, C] -> [*batch, C]``; 0 for an empty row."""
    x_BTC, lengths_B = _checked(x_BTC, lengths_B)
    return _zero_empty(x_BTC[..., 0, :], lengths_B)


def last_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The last real step: ``[*batch, T, C] -> [*batch, C]``; 0 for an empty row."""
    x_BTC, lengths_B = _checked(x_BTC, lengths_B)
    if lengths_B is None:
        return x_BTC[..., -1, :]
    index = jnp.maximum(lengths_B - 1, 0)[..., None, None]
    return _zero_empty(jnp.take_along_axis(x_BTC, index, axis=-2)[..., 0, :], lengths_B)


def log_sum_exp_over_time(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """log sum over real steps t of exp x_t, in float32: ``[*batch, T, C] -> [*batch, C]``; 0 for an empty row.

    A smooth maximum: its gradient is the softmax over time. Matches ``torch.logsumexp``.
    """
    x_BTC, lengths_B = _checked(dtypes.floating(x_BTC), lengths_B)
    y_BC = jax.nn.logsumexp(dtypes.wide(_exclude_padding(x_BTC, lengths_B)), axis=-2)
    return _zero_empty(y_BC, lengths_B).astype(x_BTC.dtype)


def attention_over_time(x_BTC: Array, scores_BT: Array, lengths_B: Array | None = None) -> Array:
    """sum_t a_t x_t with a = softmax of the scores over the real steps: ``[*batch, T, C] -> [*batch, C]``.

    Softmax and sum are taken in float32; 0 for an empty row (Yang et al. 2016, equations 6 and 7).

    Args:
      x_BTC: ``[*batch, T, C]``.
      scores_BT: ``[*batch, T]``, one number per step: larger is more.

    Raises:
      ValueError: scores that are not one per step.
    """
    x_BTC, scores_BT = dtypes.floating(x_BTC), dtypes.floating(scores_BT)
    if scores_BT.shape != x_BTC.shape[:-1]:
        raise ValueError(f"scores have shape {scores_BT.shape}; allowed: {x_BTC.shape[:-1]}, one per step")
    scores_BT1, _ = _checked(scores_BT[..., None], lengths_B)
    x_BTC, lengths_B = _checked(x_BTC, lengths_B)
    weights_BT1 = jax.nn.softmax(dtypes.wide(_exclude_padding(scores_BT1, lengths_B)), axis=-2)
    return jnp.sum(weights_BT1 * dtypes.wide(masking.zero_padding(x_BTC, lengths_B)), axis=-2).astype(x_BTC.dtype)


def _checked(x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    """Input and lengths, of at least one step: no step at all is one of padding."""
    x_BTC = jnp.asarray(x_BTC)
    if x_BTC.ndim < 2:
        raise ValueError(f"input has shape {x_BTC.shape}; allowed: batch axes, time, channels")
    *batch_shape, num_steps, channels = x_BTC.shape
    lengths_B = masking.checked_lengths(lengths_B, tuple(batch_shape), num_steps)
    if num_steps == 0:
        return jnp.zeros((*batch_shape, 1, channels), x_BTC.dtype), jnp.zeros(batch_shape, jnp.int32)
    return x_BTC, lengths_B


def _exclude_padding(x_BTC: Array, lengths_B: Array | None) -> Array:
    """Padding replaced by -inf, and in empty rows, where a sum of nothing would have no logarithm, by 0."""
    if lengths_B is None:
        return x_BTC
    x_BTC = masking.fill_padding(x_BTC, lengths_B, -jnp.inf)
    return jnp.where(jnp.asarray(lengths_B)[..., None, None] > 0, x_BTC, jnp.zeros((), x_BTC.dtype))


def _zero_empty(y_BC: Array, lengths_B: Array | None) -> Array:
    if lengths_B is None:
        return y_BC
    return jnp.where(jnp.asarray(lengths_B)[..., None] > 0, y_BC, jnp.zeros((), y_BC.dtype))
