"""Convolution layers in one and two dimensions, under the lengths contract."""

import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import convolution

Array = jax.Array


class _Conv(nn.Module):
    """What the two dimensions share; see ``Conv1D`` and ``Conv2D``."""

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] = 1
    padding: convolution.Padding = "SAME"
    kernel_dilation: int | Sequence[int] = 1
    use_bias: bool = True
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def _convolve(self, x: Array, lengths: Array | None, spatial: int) -> tuple[Array, Array | None]:
        kernel_size = _per_axis("kernel_size", self.kernel_size, spatial)
        strides = _per_axis("strides", self.strides, spatial)
        dilation = _per_axis("kernel_dilation", self.kernel_dilation, spatial)
        if x.ndim < spatial + 1:
            raise ValueError(f"input has shape {x.shape}; allowed: batch axes, {spatial} spatial, channels")
        shape = (*kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, self.param_dtype)
        bias = None
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype)
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)

        batch_shape = x.shape[: x.ndim - spatial - 1]
        per_axis = convolution.spatial_lengths(lengths, len(batch_shape), spatial)
        x = convolution.mask_spatial(x, per_axis).reshape(math.prod(batch_shape), *x.shape[-spatial - 1 :])
        y = convolution.convolve(x, kernel, strides, self.padding, dilation)
        y = y.reshape(*batch_shape, *y.shape[1:])
        y = y if bias is None else y + bias
        per_axis = convolution.output_lengths(per_axis, kernel_size, strides, self.padding, dilation)
        return convolution.mask_spatial(y, per_axis), convolution.join_lengths(per_axis, lengths)


class Conv1D(_Conv):
    """Convolution over time: ``(x_BTC, lengths_B) -> (y_BTD, lengths_B)``.

    Matches ``torch.nn.Conv1d`` row by row at each row's own length. The new T and lengths are those of
    ``ops.convolution.output_length``.

    Attributes:
      features: output channels D.
      kernel_size, strides, kernel_dilation: in steps.
      padding: "SAME" (output ceil(L / stride)), "VALID", "CAUSAL" (an output sees no later step), an int, or
        a ((left, right),) pair.
    """

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        return self._convolve(x_BTC, lengths_B, spatial=1)


class Conv2D(_Conv):
    """Convolution over an image or a spectrogram: ``(x_BHWC, lengths) -> (y_BHWD, lengths)``.

    Matches ``torch.nn.Conv2d``. Options as in ``Conv1D``, each one int or a pair (H, W); "CAUSAL" is causal
    in H. Lengths are ``[B]`` (real rows H, as in a spectrogram with time first) or ``[B, 2]`` (real rows and
    columns).
    """

    @nn.compact
    def __call__(self, x_BHWC: Array, lengths: Array | None = None) -> tuple[Array, Array | None]:
        return self._convolve(x_BHWC, lengths, spatial=2)


def _per_axis(name: str, value: int | Sequence[int], spatial: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Sequence) else (value,) * spatial
    if len(values) != spatial or any(not isinstance(v, int) or v < 1 for v in values):
        raise ValueError(f"{name} is {value!r}; allowed: an int >= 1 or {spatial} of them")
    return values
