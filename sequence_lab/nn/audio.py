"""The audio front end as layers, so that a config can put it into a model: thin, over ``sequence_lab.ops.audio``."""

from typing import Any

import flax.linen as nn
import jax

from sequence_lab.ops import audio

Array = jax.Array


class _MelFeatures(nn.Module):
    """What both share; see ``LogMelSpectrogram``."""

    sample_rate: float
    n_fft: int
    hop_length: int
    win_length: int | None = None
    window: str = "hann"
    padding: str = "REFLECT"
    num_mels: int = 80
    low_hz: float = 0.0
    high_hz: float | None = None
    mel_scale: str = "htk"
    mel_norm: str | None = None
    log: str = "db"
    top_db: float | None = 80.0
    delta_orders: int = 0
    delta_width: int = 5
    normalize: bool = False

    @nn.nowrap
    def _options(self) -> dict[str, Any]:
        """Those of ``audio.log_mel_spectrogram``."""
        return {
            "sample_rate": self.sample_rate,
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "win_length": self.win_length,
            "window": self.window,
            "padding": self.padding,
            "num_mels": self.num_mels,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
            "mel_scale": self.mel_scale,
            "mel_norm": self.mel_norm,
            "log": self.log,
            "top_db": self.top_db,
        }

    @nn.nowrap
    def _finish(self, y_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
        y_BTC, lengths_B = audio.append_deltas(y_BTC, lengths_B, orders=self.delta_orders, width=self.delta_width)
        return audio.normalize_over_time(y_BTC, lengths_B) if self.normalize else (y_BTC, lengths_B)

    def step(self, carry: Any, x_B: Array) -> tuple[Array, Any]:
        raise ValueError("a spectrogram has no step: many samples make one frame")


class LogMelSpectrogram(_MelFeatures):
    """The logarithm of the power in bands of mel: ``(x_BT, lengths_B) -> (y_BTC, lengths_B)``, samples to frames.

    Matches ``torchaudio.transforms.MelSpectrogram`` and then ``AmplitudeToDB``, and ``librosa.power_to_db`` of
    ``librosa.feature.melspectrogram`` given its "CENTER", "slaney" and "slaney". It has no parameters.

    Attributes:
      sample_rate: in hertz.
      n_fft, hop_length, win_length: samples of a frame, between frames, and of the window within the frame (None: all).
      window: "hann" or "hamming".
      padding: "VALID", "CENTER" or "REFLECT", as in ``ops.audio.frame``.
      num_mels, low_hz, high_hz, mel_scale, mel_norm: as in ``ops.audio.mel_filter_bank``.
      log, top_db: "db" with a range (None: all), or "natural", as in ``ops.audio.log_mel_spectrogram``.
      delta_orders, delta_width: up to which order to append ``ops.audio.deltas``, and over how many frames.
      normalize: every feature, at the end, by its mean and variance over the row.

    Raises:
      ValueError: an option out of range, lengths of another shape than the batch axes.
    """

    def __call__(self, x_BT: Array, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        return self._finish(*audio.log_mel_spectrogram(x_BT, lengths_B, **self._options()))


class MFCC(_MelFeatures):
    """Mel-frequency cepstral coefficients: ``(x_BT, lengths_B) -> (y_BTC, lengths_B)``, samples to frames.

    Matches ``torchaudio.transforms.MFCC``, and ``librosa.feature.mfcc`` given its "CENTER", "slaney" and "slaney".
    Options: as in ``LogMelSpectrogram``, and

    Attributes:
      num_coefficients: C, before ``delta_orders`` multiplies it.
    """

    num_coefficients: int = 13

    def __call__(self, x_BT: Array, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        options = self._options()
        return self._finish(*audio.mfcc(x_BT, lengths_B, num_coefficients=self.num_coefficients, **options))


class RunningNormalization(nn.Module):
    """Features by the mean and variance of the steps so far: ``(x_BTC, lengths_B, initial_carry) -> (y_BTC, carry)``.

    See ``ops.audio.normalize_running``. Whole, chunk by chunk and step by step are the same. It has no parameters.

    Attributes:
      decay: 1, all steps weigh the same; below, as much in all as the last 1 / (1 - decay) of them.
      epsilon: added to the variance.
    """

    decay: float = 1.0
    epsilon: float = 1e-5

    def __call__(
        self, x_BTC: Array, lengths_B: Array | None = None, initial_carry: audio.RunningCarry | None = None
    ) -> tuple[Array, audio.RunningCarry]:
        return audio.normalize_running(x_BTC, lengths_B, initial_carry, decay=self.decay, epsilon=self.epsilon)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...], in_features: int) -> audio.RunningCarry:
        """The carry before the first step, in float32."""
        return audio.running_carry(batch_shape, in_features)

    def step(self, carry: audio.RunningCarry, x_BC: Array) -> tuple[Array, audio.RunningCarry]:
        """One step of time, ``(y_BC, carry)``: ``layer.apply({}, carry, x_BC, method="step")``."""
        return audio.step_running(carry, x_BC, decay=self.decay, epsilon=self.epsilon)
