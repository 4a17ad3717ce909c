"""Pooling by rank: the k largest values of each channel, in their original order."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sequence_lab.ops import masking, windows
from sequence_lab.ops.pooling import dtypes

Array = jax.Array


def k_max_pool(
    x_BTC: Array, lengths_B: Array | None = None, *, k: int, k_B: Array | None = None
) -> tuple[Array, Array | None]:
    """The k largest values of each channel, in their original order: ``[*batch, T, C] -> [*batch, k, C]`` and lengths.

    Of equal values the earlier ones are taken, and their gradient with them. A row of fewer than k steps keeps all of
    them (Kalchbrenner et al. 2014, section 3.2).

    Args:
      x_BTC: any number of batch axes; floats or integers.
      lengths_B: ``[*batch]`` or None.
      k: values to keep, at most T.
      k_B: ``[*batch]`` integers in 0..k: values to keep of each row, as ``dynamic_k`` gives them; default: k.

    Returns:
      The values, zero past the new lengths, and these: min(L, k_B), or None if neither lengths nor ``k_B`` are given.

    Raises:
      ValueError: k that is not in 1..T; ``k_B`` or lengths of another shape than the batch axes.
    """
    x_BTC = jnp.asarray(x_BTC)
    if x_BTC.ndim < 2:
        raise ValueError(f"input has shape {x_BTC.shape}; allowed: batch axes, time, channels")
    num_steps = x_BTC.shape[-2]
    if not isinstance(k, int | np.integer) or not 1 <= k <= num_steps:
        raise ValueError(f"k is {k!r} for an input of shape {x_BTC.shape}; allowed: 1 to {num_steps}, its steps")
    lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], num_steps)
    steps_BCk = lax.top_k(jnp.swapaxes(_keys(x_BTC, lengths_B), -1, -2), k)[1]
    new_B = None if lengths_B is None else jnp.minimum(lengths_B, k)
    k_B = masking.checked_lengths(k_B, x_BTC.shape[:-2], k, "k_B")
    if k_B is not None:
        # The last step that sorting can bring up, and past the new length.
        steps_BCk = jnp.where(jnp.arange(k) < k_B[..., None, None], steps_BCk, num_steps)
        new_B = jnp.minimum(k_B, k if new_B is None else new_B)
    steps_BkC = jnp.swapaxes(jnp.sort(steps_BCk, axis=-1), -1, -2)
    y_BkC = jnp.take_along_axis(x_BTC, steps_BkC, axis=-2, mode="clip")
    return masking.zero_padding(y_BkC, new_B), new_B


def dynamic_k(length: windows.Length, layer: int, num_layers: int, k_top: int) -> windows.Length:
    """Values to keep after a layer of a stack: max(k_top, ceil((num_layers - layer) / num_layers * length)).

    From a sentence's length to ``k_top`` at the last layer (Kalchbrenner et al. 2014, section 3.3, where
    l is ``layer``, L ``num_layers`` and s ``length``).

    Args:
      length: of the *sentence*, not of the layer's input; a Python int or an int array.
      layer: from 1, the lowest convolutional layer, to ``num_layers``.

    Raises:
      ValueError: a layer out of that range, ``k_top`` below 1.
    """
    if not 1 <= layer <= num_layers:
        raise ValueError(f"layer is {layer}; allowed: 1 to {num_layers}, the layers there are")
    if k_top < 1:
        raise ValueError(f"k_top is {k_top}; allowed: 1 or more")
    k = -(-(num_layers - layer) * length // num_layers)
    return max(k_top, k) if isinstance(length, int | np.integer) else jnp.maximum(k_top, k)


def _keys(x_BTC: Array, lengths_B: Array | None) -> Array:
    """What to sort by. The sort tells zeros and NaNs apart by their sign, and puts NaNs of one of them last."""
    keys_BTC = jnp.where(x_BTC == 0, jnp.zeros((), x_BTC.dtype), x_BTC)
    if jnp.issubdtype(x_BTC.dtype, jnp.floating):
        keys_BTC = jnp.where(jnp.isnan(keys_BTC), jnp.asarray(jnp.nan, x_BTC.dtype), keys_BTC)
    return lax.stop_gradient(masking.fill_padding(keys_BTC, lengths_B, dtypes.lowest(x_BTC)))
