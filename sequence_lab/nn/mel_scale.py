"""Convolution over time whose kernels are as wide in frequency as the mel scale has it."""

from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import audio, convolution

Array = jax.Array

TOGETHER = 16  # bands whose kernels are one product, over all bins that any of them reaches


class MelScaleConv(nn.Module):
    """Kernels of one band of mel each, trained: ``(x_BTF, lengths_B) -> (y_BTMK, lengths_B)``, bins to bands.

    Jang et al. 2019: y[t, m, k] = sum over bins f of band m and steps i of W_mk[i, f] x[t + i, f], the steps being
    those of a "SAME" convolution. A band's bins are those where the m-th triangle of ``ops.audio.mel_filter_bank`` is
    above 0, and that triangle, at every step, is what W_mk starts from; nothing ties the bands. There is no bias.

    The parameter "kernel" is W in units of the peak of its band's triangle. Peaks are some 0.002 where areas are one,
    and optimisers whose steps are as large whatever they change, as Adam's, would have replaced the triangles within
    ten steps, where now they bend them.

    Attributes:
      sample_rate: of the waveform, in hertz; the F bins are those of a spectrum of 2 (F - 1) samples.
      num_mels: bands, M.
      features: kernels of each band, K.
      kernel_size: steps.
      low_hz, high_hz, mel_scale, mel_norm: as in ``ops.audio.mel_filter_bank``.
      dtype, param_dtype: to compute in (None: promote input and parameters) and to store parameters in.

    Raises:
      ValueError: a band without a bin, what ``mel_filter_bank`` raises, lengths of another shape than the batch axes.
    """

    sample_rate: float
    num_mels: int = 64
    features: int = 3
    kernel_size: int = 5
    low_hz: float = 0.0
    high_hz: float | None = None
    mel_scale: str = "slaney"
    mel_norm: str | None = "slaney"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x_BTF: Array, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        triangles_FM = self._triangles(x_BTF.shape[-1])
        inside_MF = triangles_FM.T > 0
        peak_MF = np.broadcast_to(triangles_FM.max(axis=0)[:, None], inside_MF.shape)
        # A band's bins, band after band, N in all.
        weights_N, peaks_N = triangles_FM.T[inside_MF], peak_MF[inside_MF]

        def triangles(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
            return jnp.broadcast_to(jnp.asarray(weights_N / peaks_N, dtype)[:, None], shape)

        shape = (self.kernel_size, len(weights_N), self.features)
        kernel_INK = self.param("kernel", triangles, shape, self.param_dtype)
        x_BTF, kernel_INK = promote_dtype(x_BTF, kernel_INK, dtype=self.dtype)
        kernel_INK *= jnp.asarray(peaks_N, kernel_INK.dtype)[:, None]
        parts = []
        for first, last, place_FM in _blocks(triangles_FM > 0):
            kernel_IFMK = jnp.where((place_FM >= 0)[..., None], kernel_INK[:, np.maximum(place_FM, 0)], 0)
            kernel = kernel_IFMK.reshape(*kernel_IFMK.shape[:2], -1)
            y, new_lengths_B = convolution.convolve(x_BTF[..., first:last], kernel, lengths_B, padding="SAME")
            parts.append(y.reshape(*y.shape[:-1], -1, self.features))
        return jnp.concatenate(parts, axis=-2), new_lengths_B

    @nn.nowrap
    def _triangles(self, bins: int) -> np.ndarray:
        triangles_FM = audio.mel_filter_bank(
            self.num_mels, 2 * (bins - 1), self.sample_rate, low_hz=self.low_hz, high_hz=self.high_hz,
            mel_scale=self.mel_scale, mel_norm=self.mel_norm,
        )  # fmt: skip
        if not (triangles_FM > 0).any(axis=0).all():
            empty = int(np.argmin((triangles_FM > 0).any(axis=0)))
            raise ValueError(
                f"num_mels is {self.num_mels}, and band {empty} has none of {bins} bins; allowed: fewer bands"
            )
        return triangles_FM


def _blocks(inside_FM: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Neighbouring bands: their first bin, the one after their last, and the places of their weights, -1 outside."""
    place_FM = np.where(inside_FM, np.cumsum(inside_FM.T).reshape(inside_FM.T.shape).T - 1, -1)
    for start in range(0, inside_FM.shape[1], TOGETHER):
        own_FM = place_FM[:, start : start + TOGETHER]
        bins = np.flatnonzero((own_FM >= 0).any(axis=1))
        yield int(bins[0]), int(bins[-1]) + 1, own_FM[bins[0] : bins[-1] + 1]
