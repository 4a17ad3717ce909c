"""Batch normalisation, under the lengths contract, over all devices."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import canonicalize_dtype
from jax import lax

from sequence_lab.ops import windows
from sequence_lab.ops.pooling import dtypes

Array = jax.Array
Initializer = nn.initializers.Initializer


class BatchNorm(nn.Module):
    """y = (x - mean) / sqrt(var + epsilon) * scale + bias, channel by channel: ``(x, lengths) -> y`` of its shape.

    Ioffe and Szegedy 2015, algorithm 1 and 2. In training mean and variance are those of the real positions of the
    whole batch: sums and counts are added up over all devices and divided once, so that eight devices do what one does,
    however the real positions are spread over them. A row of length 0 does not count: rows that only fill up a batch
    take no part if they have that length. Running means of both, in the collection "batch_stats", take their place
    where ``train`` is false; they stay as they are when nothing is real.

    Matches ``flax.linen.BatchNorm`` with ``use_fast_variance=False``, and ``torch.nn.BatchNorm2d`` but for one thing:
    the running variance is that which normalises, of n values divided by n, where PyTorch divides by n - 1. The
    ``momentum`` of PyTorch is 1 minus ours.

    Attributes:
      momentum: share of the running statistics that a batch leaves as it is.
      epsilon: added to the variance.
      axis_name: of the devices, as a mapped axis of ``shard_map``, ``pmap`` or ``vmap``; where none of that name is
        bound, or for None, the batch at hand is the whole.
      scale_init, bias_init: initialisers of the parameters.
      dtype, param_dtype: to answer in (None: promote input and parameters) and to store parameters in. Statistics are
        in float32 at least.

    Raises:
      ValueError: an input that is not ``[B, C]``, ``[B, T, C]`` or ``[B, H, W, C]``; lengths of another shape than
        ``[B]`` or, of images, ``[B, 2]``. Of ``[B, C]`` a row of any length but 0 counts.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = "data"
    scale_init: Initializer = nn.initializers.ones
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, lengths: Array | None = None, *, train: bool = False) -> Array:
        x = jnp.asarray(x)
        if not 2 <= x.ndim <= 4:
            raise ValueError(f"input has shape {x.shape}; allowed: [B, C], [B, T, C] or [B, H, W, C]")
        channels = x.shape[-1:]
        scale_C = self.param("scale", self.scale_init, channels, self.param_dtype)
        bias_C = self.param("bias", self.bias_init, channels, self.param_dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels, jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels, jnp.float32)
        dtype = canonicalize_dtype(x, scale_C, bias_C, dtype=self.dtype)
        real = _real(x, lengths)
        x = _kept(dtypes.wide(x), real)
        mean_C, var_C = running_mean.value, running_var.value
        if train:
            mean_C, var_C, count = self._moments(x, real)
            if not self.is_initializing():
                running_mean.value = self._moved(running_mean.value, mean_C, count)
                running_var.value = self._moved(running_var.value, var_C, count)
        factor_C = lax.rsqrt(var_C + self.epsilon) * scale_C
        return _kept((x - mean_C) * factor_C + bias_C, real).astype(dtype)

    def _moments(self, x: Array, real: Array | None) -> tuple[Array, Array, Array]:
        """Mean and variance ``[C]`` of the real positions, and their number.

        The variance is the mean of squared distances from the mean, with a sum over devices of its own: the mean of
        squares less the squared mean would lose all digits where the mean is far from 0.
        """
        axes = tuple(range(x.ndim - 1))
        number = math.prod(x.shape[:-1]) if real is None else jnp.sum(real, dtype=jnp.float32)
        total_C, count = self._over_devices((jnp.sum(x, axes), jnp.asarray(number, jnp.float32)))
        mean_C = total_C / jnp.maximum(count, 1)
        squares_C = self._over_devices(jnp.sum(_kept(x - mean_C, real) ** 2, axes))
        return mean_C, squares_C / jnp.maximum(count, 1), count

    def _over_devices(self, sums: Any) -> Any:
        if self.axis_name is None:
            return sums
        try:
            lax.axis_size(self.axis_name)
        except NameError:  # how JAX says that no axis of this name is bound here
            return sums
        return lax.psum(sums, self.axis_name)

    def _moved(self, running_C: Array, batch_C: Array, count: Array) -> Array:
        moved_C = self.momentum * running_C + (1 - self.momentum) * batch_C.astype(running_C.dtype)
        return jnp.where(count > 0, moved_C, running_C)


def _real(x: Array, lengths: Array | None) -> Array | None:
    """Which positions of ``x`` are real, ``[B, *spatial, 1]``; None: all of them."""
    if lengths is None:
        return None
    if x.ndim == 2:
        lengths = jnp.asarray(lengths)
        if lengths.shape[:1] != x.shape[:1] or lengths.ndim > 2:
            raise ValueError(f"lengths have shape {lengths.shape}; allowed: {x.shape[:1]}, one per row, or None")
        return jnp.all(lengths.reshape(x.shape[0], -1) > 0, axis=-1, keepdims=True)
    split = windows.spatial_lengths(lengths, x.shape[:1], x.shape[1:-1])
    return windows.mask_spatial(jnp.ones((*x.shape[:-1], 1), bool), split)


def _kept(x: Array, real: Array | None) -> Array:
    return x if real is None else jnp.where(real, x, jnp.zeros((), x.dtype))
