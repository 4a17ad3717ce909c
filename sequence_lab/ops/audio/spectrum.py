"""From a waveform to the power of its frequencies: frames, windows, and the short-time Fourier transform."""

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops import masking, windows
from sequence_lab.ops.pooling import dtypes

Array = jax.Array

PADDINGS = ("VALID", "CENTER", "REFLECT")
# a and b of a - b cos(2 pi n / N)
WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def frame(
    x_BT: Array, lengths_B: Array | None = None, *, frame_length: int, hop_length: int, padding: str = "VALID"
) -> tuple[Array, Array | None]:
    """Overlapping pieces of a waveform: ``[*batch, T] -> [*batch, frames, frame_length]``, and the frames of each row.

    Matches ``librosa.util.frame`` (VALID) and the frames of ``librosa.stft`` (CENTER is its ``center=True,
    pad_mode="constant"``), with time before the samples of a frame.

    Args:
      x_BT: samples; any number of batch axes, or none.
      lengths_B: real samples per row.
      frame_length, hop_length: in samples.
      padding: "VALID", frames within the row: 1 + (L - frame_length) // hop_length of them, none where the row is
        shorter than a frame; "CENTER", around each hop-th sample, with frame_length // 2 zeros before the row and
        after its own end; "REFLECT", the same, with the row's own samples, going back from its ends without repeating
        them, in place of zeros. An empty row has no frame.

    Raises:
      ValueError: a frame or hop below 1, a padding of another name, lengths of another shape than the batch axes.
    """
    x_BT = jnp.asarray(x_BT)
    over = _window(frame_length, hop_length, padding)
    lengths_B = _checked_lengths(x_BT, lengths_B)
    frames = over.output_length(x_BT.shape[-1])
    x_BT = masking.zero_padding(x_BT, lengths_B)
    if padding == "REFLECT" and frames:
        x_BT = windows.extend(x_BT[..., None], [lengths_B], [over.padding], padding)[..., 0]
    else:
        x_BT = jnp.pad(x_BT, [(0, 0)] * (x_BT.ndim - 1) + [over.padding])
    frames_BTF = _cut(x_BT, frames, over)
    if lengths_B is None:
        return frames_BTF, None
    lengths_B = over.output_length(lengths_B)
    return masking.zero_padding(frames_BTF, lengths_B), lengths_B


def window(name: str, length: int) -> np.ndarray:
    """A window of ``length`` samples, "hann" or "hamming", in float64: a - b cos(2 pi n / length).

    It is periodic, as ``scipy.signal.get_window`` and ``torch.hann_window`` have it: the sample that would make it
    symmetric is the first of the next period. A window of one sample is 1.

    Raises:
      ValueError: a window of another name, a length below 1.
    """
    if name not in WINDOWS:
        raise ValueError(f"window is {name!r}; allowed: {', '.join(WINDOWS)}")
    check_count("length of a window", length)
    a, b = WINDOWS[name]
    return a - b * np.cos(2 * np.pi * np.arange(length) / length) if length > 1 else np.ones(1)


def stft(
    x_BT: Array,
    lengths_B: Array | None = None,
    *,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: str = "hann",
    padding: str = "REFLECT",
) -> tuple[Array, Array | None]:
    """The short-time Fourier transform: ``[*batch, T] -> [*batch, frames, n_fft // 2 + 1]``, complex, and the frames.

    Matches ``librosa.stft`` and ``torch.stft``, with time before frequency; computed in float32 at least.

    Args:
      n_fft, hop_length: samples of a frame, and from one frame to the next.
      win_length: samples of the window, which stands in the middle of the frame, zeros around it; default: ``n_fft``.
      window: "hann" or "hamming".
      x_BT, lengths_B, padding: as in ``frame``, and as they are for ``n_fft`` samples whatever ``win_length`` is.

    Raises:
      ValueError: a window longer than ``n_fft``, and what ``frame`` and ``window`` raise.
    """
    x_BT = dtypes.wide(dtypes.floating(x_BT))
    frames_BTF, lengths_B = frame(x_BT, lengths_B, frame_length=n_fft, hop_length=hop_length, padding=padding)
    taper = jnp.asarray(_padded_window(window, win_length, n_fft), x_BT.dtype)
    return jnp.fft.rfft(frames_BTF * taper), lengths_B


def power_spectrogram(
    x_BT: Array,
    lengths_B: Array | None = None,
    *,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: str = "hann",
    padding: str = "REFLECT",
) -> tuple[Array, Array | None]:
    """|``stft``|^2, whose gradient is 0 in silence: ``[*batch, T] -> [*batch, frames, n_fft // 2 + 1]``."""
    y_BTF, lengths_B = stft(
        x_BT,
        lengths_B,
        n_fft=n_fft,
        hop_length=hop_length,
        win_length=win_length,
        window=window,
        padding=padding,
    )
    return y_BTF.real**2 + y_BTF.imag**2, lengths_B


def check_count(name: str, value: int) -> None:
    """Raises ValueError unless it is an int >= 1; ``name`` is for the error."""
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}; allowed: an int >= 1")


def _window(frame_length: int, hop_length: int, padding: str) -> windows.Window:
    if padding not in PADDINGS:
        raise ValueError(f"padding of a waveform is {padding!r}; allowed: {', '.join(PADDINGS)}")
    check_count("frame_length", frame_length)
    check_count("hop_length", hop_length)
    # Not the places of SAME, which are one fewer on the left of an even frame.
    around = 0 if padding == "VALID" else frame_length // 2
    return windows.Window(frame_length, hop_length, padding=(around, around))


def _checked_lengths(x_BT: Array, lengths_B: Array | None) -> Array | None:
    if x_BT.ndim < 1:
        raise ValueError("a waveform is a single number; allowed: batch axes, time")
    return masking.checked_lengths(lengths_B, x_BT.shape[:-1], x_BT.shape[-1])


def _cut(x_BT: Array, frames: int, over: windows.Window) -> Array:
    """The first ``frames`` windows, as slices of hops that stand side by side: their gradient needs no scatter."""
    parts = -(-over.size // over.stride)
    hops = frames + parts - 1
    missing = max(0, hops * over.stride - x_BT.shape[-1])
    x_BT = jnp.pad(x_BT, [(0, 0)] * (x_BT.ndim - 1) + [(0, missing)])[..., : hops * over.stride]
    hops_BTH = x_BT.reshape(*x_BT.shape[:-1], hops, over.stride)
    shifted = [hops_BTH[..., part : part + frames, :] for part in range(parts)]
    return jnp.concatenate(shifted, axis=-1)[..., : over.size]


def _padded_window(name: str, win_length: int | None, n_fft: int) -> np.ndarray:
    taper = window(name, n_fft if win_length is None else win_length)
    free = n_fft - len(taper)
    if free < 0:
        raise ValueError(f"win_length is {win_length}; allowed: up to n_fft, {n_fft}")
    return np.pad(taper, (free // 2, free - free // 2))
