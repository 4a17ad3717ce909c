"""Features over time: their slopes, and their normalisation by the whole of a row."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import masking
from sequence_lab.ops.pooling import dtypes, last_over_time, mean_over_time

Array = jax.Array


def deltas(x_BTC: Array, lengths_B: Array | None = None, *, width: int = 5) -> tuple[Array, Array | None]:
    """The slope of every feature, by regression over ``width`` steps: ``[*batch, T, C]``, lengths as they were.

    d_t = sum_n n (x_{t+n} - x_{t-n}) / (2 sum_n n^2) over n = 1 to width // 2, the row's first and last real step going
    on beyond its ends (Young et al. 2006, The HTK Book, section 5.9). Matches ``torchaudio.functional.compute_deltas``
    and ``librosa.feature.delta(mode="nearest")``.

    Raises:
      ValueError: a width that is not odd and 3 or more, lengths of another shape than the batch axes.
    """
    if not isinstance(width, int) or width < 3 or width % 2 == 0:
        raise ValueError(f"width of deltas is {width!r}; allowed: an odd int >= 3")
    x_BTC, lengths_B = checked(x_BTC, lengths_B)
    steps, reach = x_BTC.shape[-2], width // 2
    last_B1C = last_over_time(x_BTC, lengths_B)[..., None, :]
    if lengths_B is not None:
        x_BTC = jnp.where(masking.length_mask(lengths_B, steps)[..., None], x_BTC, last_B1C)
    around = [x_BTC[..., :1, :]] * reach + [x_BTC] + [last_B1C] * reach
    wide_BTC = dtypes.wide(jnp.concatenate(around, axis=-2))
    y_BTC = jnp.zeros_like(wide_BTC[..., :steps, :])
    for n in range(1, reach + 1):
        later_BTC, earlier_BTC = (wide_BTC[..., at : at + steps, :] for at in (reach + n, reach - n))
        y_BTC += n * (later_BTC - earlier_BTC)
    y_BTC = y_BTC / (2 * sum(n * n for n in range(1, reach + 1)))
    return masking.zero_padding(y_BTC.astype(x_BTC.dtype), lengths_B), lengths_B


def append_deltas(
    x_BTC: Array, lengths_B: Array | None = None, *, orders: int = 2, width: int = 5
) -> tuple[Array, Array | None]:
    """Features, their ``deltas``, the deltas of those, up to that order: ``[*batch, T, (1 + orders) * C]``.

    Raises:
      ValueError: orders below 0, and what ``deltas`` raises.
    """
    if not isinstance(orders, int) or orders < 0:
        raise ValueError(f"orders of deltas is {orders!r}; allowed: an int >= 0")
    x_BTC, lengths_B = checked(x_BTC, lengths_B)
    parts = [x_BTC]
    for _ in range(orders):
        parts.append(deltas(parts[-1], lengths_B, width=width)[0])
    return jnp.concatenate(parts, axis=-1), lengths_B


def normalize_over_time(
    x_BTC: Array, lengths_B: Array | None = None, *, epsilon: float = 1e-5
) -> tuple[Array, Array | None]:
    """(x - mean) / sqrt(variance + epsilon) by the real steps of each row: ``[*batch, T, C]``, lengths as they were.

    Mean and biased variance of every feature, in float32 at least: cepstral mean and variance normalisation (Viikki and
    Laurila 1998). A row of one step comes out as zeros.

    Raises:
      ValueError: an epsilon that is not above 0, lengths of another shape than the batch axes.
    """
    check_epsilon(epsilon)
    x_BTC, lengths_B = checked(x_BTC, lengths_B)
    wide_BTC = dtypes.wide(x_BTC)
    centred_BTC = masking.zero_padding(wide_BTC - mean_over_time(wide_BTC, lengths_B)[..., None, :], lengths_B)
    variance_BC = mean_over_time(centred_BTC**2, lengths_B)
    return (centred_BTC * jax.lax.rsqrt(variance_BC + epsilon)[..., None, :]).astype(x_BTC.dtype), lengths_B


def checked(x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    """Features as floats, zero in the padding, and their lengths."""
    x_BTC = dtypes.floating(x_BTC)
    if x_BTC.ndim < 2:
        raise ValueError(f"input has shape {x_BTC.shape}; allowed: batch axes, time, features")
    lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], x_BTC.shape[-2])
    return masking.zero_padding(x_BTC, lengths_B), lengths_B


def check_epsilon(epsilon: float) -> None:
    """Raises ValueError unless it keeps the gradient of a feature that never changes finite."""
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon}; allowed: above 0")
