"""What audio models begin with: from a waveform to frames of features, and blocks of convolution over these."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import check_dropout
from sequence_lab.nn import MFCC, Conv2D, LogMelSpectrogram, MelScaleConv
from sequence_lab.ops import audio, augmentation, masking, pooling

Array = jax.Array

LAYERS: Mapping[str, Any] = {"mel": LogMelSpectrogram, "mel_scale_kernels": MelScaleConv, "mfcc": MFCC}


class FrontEnd(nn.Module):
    """Frames of features: ``(x_BT, lengths_B, train) -> (y_BTMK, lengths_B)``, samples to frames, M bands of K maps.

    Attributes:
      kind: "mel", ``nn.LogMelSpectrogram``; "mfcc", ``nn.MFCC``, whose features are the bands; "mel_scale_kernels",
        tanh of ``nn.MelScaleConv`` over the logarithm of the power spectrum, each bin by its mean and variance over the
        recording.
      options: of that layer, besides the four that follow.
      sample_rate: in hertz.
      frame_length, hop_length: samples of a frame, and from frame to frame.
      padding: as in ``ops.audio.frame``.
      spec_augment: options of ``ops.augmentation.spec_augment``, which in training masks the features, or the spectrum
        that "mel_scale_kernels" read; a mask is the mean of its band over the row. Empty: nothing is masked.

    Raises:
      ValueError: an unknown kind, an option that the layer or the augmentation does not have.
    """

    kind: str
    options: Mapping[str, Any]
    sample_rate: float
    frame_length: int
    hop_length: int
    padding: str = "REFLECT"
    spec_augment: Mapping[str, Any] = nn.FrozenDict()

    @nn.compact
    def __call__(
        self, x_BT: Array, lengths_B: Array | None = None, *, train: bool = False
    ) -> tuple[Array, Array | None]:
        if self.kind not in LAYERS:
            raise ValueError(f"front_end is {self.kind!r}; allowed: {', '.join(LAYERS)}")
        spectrum: dict[str, Any] = {
            "n_fft": self.frame_length, "hop_length": self.hop_length, "padding": self.padding,
        }  # fmt: skip
        trained = self.kind == "mel_scale_kernels"
        try:
            layer = LAYERS[self.kind](sample_rate=self.sample_rate, **({} if trained else spectrum), **self.options)
        except TypeError as error:
            raise ValueError(f"front_end_options of {self.kind} are {dict(self.options)}: {error}") from None
        if not trained:
            y_BTM, lengths_B = layer(x_BT, lengths_B)
            return self._masked(y_BTM, lengths_B, train)[..., None], lengths_B
        power_BTF, lengths_B = audio.power_spectrogram(x_BT, lengths_B, **spectrum)
        x_BTF, lengths_B = audio.normalize_over_time(audio.power_to_log(power_BTF, lengths_B), lengths_B)
        y_BTMK, lengths_B = layer(self._masked(x_BTF, lengths_B, train), lengths_B)
        return jnp.tanh(y_BTMK), lengths_B

    def _masked(self, x_BTC: Array, lengths_B: Array | None, train: bool) -> Array:
        """By SpecAugment, of features whose mean need not be zero."""
        if not train or not self.spec_augment:
            return x_BTC
        mean_B1C = pooling.mean_over_time(x_BTC, lengths_B)[..., None, :]
        try:
            masked_BTC = augmentation.spec_augment(
                self.make_rng("dropout"), x_BTC - mean_B1C, lengths_B, **self.spec_augment
            )
        except TypeError as error:
            raise ValueError(f"spec_augment is {dict(self.spec_augment)}: {error}") from None
        return masking.zero_padding(masked_BTC + mean_B1C, lengths_B)


class ConvBlocks(nn.Module):
    """Convolution, normalisation of channels, ReLU, max-pooling and dropout, block after block.

    ``(x_BTMK, lengths_B, train) -> (y_BTD, lengths_B)``.

    What is left of the bands stands side by side in D. A window that hangs over a row's end counts, so that no row
    becomes empty.

    Attributes:
      features: channels of each block.
      kernel_size: of every convolution, frames and bands.
      pool: frames and bands of every pooling.
      dropout: of whole channels, after every pooling (Tompson et al. 2015).
    """

    features: tuple[int, ...]
    kernel_size: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x_BTMK: Array, lengths_B: Array | None = None, *, train: bool = False) -> Any:
        check_dropout(self.dropout)
        for size in self.features:
            x_BTMK, lengths_B = Conv2D(size, self.kernel_size)(x_BTMK, lengths_B)
            x_BTMK = nn.relu(nn.LayerNorm()(x_BTMK))  # of every place alone: what it makes of padding, pooling drops
            x_BTMK, lengths_B = pooling.max_pool(x_BTMK, lengths_B, kernel_size=self.pool, padding="SAME")
            x_BTMK = nn.Dropout(self.dropout, broadcast_dims=(-3, -2))(x_BTMK, deterministic=not train)
        return x_BTMK.reshape(*x_BTMK.shape[:-2], -1), lengths_B


def samples(name: str, seconds: float, sample_rate: float) -> int:
    """How many samples that long is; raises ValueError, with the field's name, for less than one."""
    count = round(seconds * sample_rate)
    if count < 1:
        raise ValueError(f"{name} is {seconds}, {count} samples at {sample_rate} Hz; allowed: one sample or more")
    return count
