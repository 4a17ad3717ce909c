"""Mel spectrograms, their logarithms, and the cepstral coefficients of those."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops import masking
from sequence_lab.ops.audio import features, spectrum
from sequence_lab.ops.pooling import dtypes

Array = jax.Array

SCALES = ("htk", "slaney")
NORMS = (None, "slaney")
LOGARITHMS = ("db", "natural")


def hz_to_mel(hertz: np.ndarray | float, scale: str) -> np.ndarray:
    """Hertz on a scale of pitch, in float64.

    "htk": 2595 log10(1 + f / 700) (Young et al. 2006, The HTK Book, section 5.4). "slaney": 3 f / 200 up to 1000 Hz,
    then 27 / ln 6.4 for each factor of e (Slaney 1998, Auditory Toolbox, version 2).
    """
    hertz = np.asarray(hertz, np.float64)
    if _checked_scale(scale) == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, 3 * hertz / 200, 15 + 27 / np.log(6.4) * np.log(np.maximum(hertz, 1000) / 1000))


def mel_to_hz(mel: np.ndarray | float, scale: str) -> np.ndarray:
    """The inverse of ``hz_to_mel``."""
    mel = np.asarray(mel, np.float64)
    if _checked_scale(scale) == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


def mel_filter_bank(
    num_mels: int,
    n_fft: int,
    sample_rate: float,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    mel_scale: str = "htk",
    mel_norm: str | None = None,
) -> np.ndarray:
    """Triangles that overlap by half and have equal widths in mel: ``[n_fft // 2 + 1, num_mels]``, in float64.

    Matches ``librosa.filters.mel`` (transposed) and ``torchaudio.functional.melscale_fbanks``. A triangle that falls
    between two bins is 0 everywhere: fewer filters or a larger ``n_fft`` help.

    Args:
      sample_rate: in hertz.
      low_hz, high_hz: where the first triangle begins and the last one ends; default: half the sample rate.
      mel_scale: "htk" or "slaney", as in ``hz_to_mel``.
      mel_norm: None, each triangle has a height of 1; "slaney", an area of 1, in hertz.

    Raises:
      ValueError: a scale or norm of another name, a number below 1, or frequencies that are not
        0 <= low_hz < high_hz <= sample_rate / 2.
    """
    high_hz = sample_rate / 2 if high_hz is None else high_hz
    if not 0 <= low_hz < high_hz <= sample_rate / 2:
        raise ValueError(f"filters go from {low_hz} to {high_hz} Hz; allowed: a range within 0 to {sample_rate / 2}")
    if mel_norm not in NORMS:
        raise ValueError(f"mel_norm is {mel_norm!r}; allowed: None, slaney")
    spectrum.check_count("num_mels", num_mels)
    lowest, highest = hz_to_mel(low_hz, mel_scale), hz_to_mel(high_hz, mel_scale)
    corners = mel_to_hz(np.linspace(lowest, highest, num_mels + 2), mel_scale)
    bins_F1 = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    rising = (bins_F1 - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - bins_F1) / np.diff(corners)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    return filters if mel_norm is None else filters * 2 / (corners[2:] - corners[:-2])


def mel_spectrogram(
    x_BT: Array,
    lengths_B: Array | None = None,
    *,
    sample_rate: float,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: str = "hann",
    padding: str = "REFLECT",
    num_mels: int = 80,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    mel_scale: str = "htk",
    mel_norm: str | None = None,
) -> tuple[Array, Array | None]:
    """Power in bands of equal width in mel: ``[*batch, T] -> [*batch, frames, num_mels]``, and the frames.

    Matches ``torchaudio.transforms.MelSpectrogram``, defaults included, and ``librosa.feature.melspectrogram``, whose
    defaults are "CENTER", "slaney" and "slaney". Arguments and errors: those of ``spectrum.stft`` and
    ``mel_filter_bank``.
    """
    power_BTF, lengths_B = spectrum.power_spectrogram(
        x_BT,
        lengths_B,
        n_fft=n_fft,
        hop_length=hop_length,
        win_length=win_length,
        window=window,
        padding=padding,
    )
    filters = mel_filter_bank(
        num_mels, n_fft, sample_rate, low_hz=low_hz, high_hz=high_hz, mel_scale=mel_scale, mel_norm=mel_norm
    )
    return _product(power_BTF, filters), lengths_B


def power_to_db(power_BTC: Array, lengths_B: Array | None = None, *, top_db: float | None = None) -> Array:
    """10 log10 max(power, 1e-10), and at least the row's maximum - ``top_db``: decibels, zero past the length.

    Matches ``librosa.power_to_db`` and ``torchaudio.functional.amplitude_to_DB`` on each row at its own length. What
    is at the floor, as silence is, has no gradient.

    Args:
      power_BTC: ``[*batch, T, C]``.
      top_db: the range that is kept below the loudest place of a row, whose future it so depends on; None: all.

    Raises:
      ValueError: a negative ``top_db``, lengths of another shape than the batch axes.
    """
    if top_db is not None and not top_db >= 0:
        raise ValueError(f"top_db is {top_db}; allowed: 0 or more, or None")
    power_BTC, lengths_B = _checked(power_BTC, lengths_B)
    y_BTC = 10 * jnp.log10(jnp.maximum(power_BTC, 1e-10))
    if top_db is not None:
        # Padding, of no power, is at the floor here: never above what is real.
        y_BTC = jnp.maximum(y_BTC, jnp.max(y_BTC, (-2, -1), keepdims=True, initial=-jnp.inf) - top_db)
    return masking.zero_padding(y_BTC, lengths_B)


def power_to_log(power_BTC: Array, lengths_B: Array | None = None) -> Array:
    """ln(power + 1e-6): ``[*batch, T, C]``, zero past the length.

    Matches what ``torchaudio.transforms.MFCC(log_mels=True)`` takes of a mel spectrogram.

    Raises:
      ValueError: lengths of another shape than the batch axes.
    """
    power_BTC, lengths_B = _checked(power_BTC, lengths_B)
    return masking.zero_padding(jnp.log(power_BTC + 1e-6), lengths_B)


def log_mel_spectrogram(
    x_BT: Array, lengths_B: Array | None = None, *, log: str = "db", top_db: float | None = 80.0, **mel: Any
) -> tuple[Array, Array | None]:
    """The logarithm of a mel spectrogram: ``[*batch, T] -> [*batch, frames, num_mels]``, and the frames.

    Args:
      log: "db", ``power_to_db`` with ``top_db``; "natural", ``power_to_log``, for which a frame depends on none but
        its own samples.
      mel: the other arguments of ``mel_spectrogram``; ``sample_rate``, ``n_fft`` and ``hop_length`` are needed.

    Raises:
      ValueError: another ``log``, and what ``mel_spectrogram`` and ``power_to_db`` raise.
    """
    if log not in LOGARITHMS:
        raise ValueError(f"log is {log!r}; allowed: {', '.join(LOGARITHMS)}")
    power_BTC, lengths_B = mel_spectrogram(x_BT, lengths_B, **mel)
    if log == "db":
        return power_to_db(power_BTC, lengths_B, top_db=top_db), lengths_B
    return power_to_log(power_BTC, lengths_B), lengths_B


def dct(x_BTC: Array, num_coefficients: int, lengths_B: Array | None = None) -> Array:
    """The first coefficients of the discrete cosine transform of every step: ``[*batch, T, C]`` to as many, of C.

    Type II, orthonormal: y_k = s_k sum_n x_n cos(pi k (2 n + 1) / (2 C)), s_0 = sqrt(1 / C), else s_k = sqrt(2 / C).
    Matches ``scipy.fft.dct(norm="ortho")`` and ``torchaudio.functional.create_dct``.

    Raises:
      ValueError: coefficients that are not 1 to C, lengths of another shape than the batch axes.
    """
    x_BTC, lengths_B = _checked(x_BTC, lengths_B)
    size = x_BTC.shape[-1]
    if not 1 <= num_coefficients <= size:
        raise ValueError(f"num_coefficients is {num_coefficients}; allowed: 1 to {size}, the features there are")
    angles = np.pi / (2 * size) * np.outer(2 * np.arange(size) + 1, np.arange(num_coefficients))
    scales = np.where(np.arange(num_coefficients) == 0, np.sqrt(1 / size), np.sqrt(2 / size))
    return _product(x_BTC, np.cos(angles) * scales)


def mfcc(
    x_BT: Array, lengths_B: Array | None = None, *, num_coefficients: int = 13, **log_mel: Any
) -> tuple[Array, Array | None]:
    """Mel-frequency cepstral coefficients, ``dct`` of ``log_mel_spectrogram``: ``[*batch, frames, num_coefficients]``.

    Matches ``torchaudio.transforms.MFCC``, and ``librosa.feature.mfcc`` given its "CENTER", "slaney" and "slaney"
    (Davis and Mermelstein 1980). Other arguments and errors: those of both.
    """
    y_BTC, lengths_B = log_mel_spectrogram(x_BT, lengths_B, **log_mel)
    return dct(y_BTC, num_coefficients, lengths_B), lengths_B


def _checked_scale(scale: str) -> str:
    if scale not in SCALES:
        raise ValueError(f"mel_scale is {scale!r}; allowed: {', '.join(SCALES)}")
    return scale


def _checked(x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    x_BTC, lengths_B = features.checked(x_BTC, lengths_B)
    return dtypes.wide(x_BTC), lengths_B


def _product(x_BTC: Array, matrix_CD: np.ndarray) -> Array:
    # At the highest precision: an accelerator would round powers, which span many orders, to three digits.
    return jnp.matmul(x_BTC, jnp.asarray(matrix_CD, x_BTC.dtype), precision=jax.lax.Precision.HIGHEST)
