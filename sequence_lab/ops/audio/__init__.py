"""The audio front end: from waveforms to mel spectrograms, cepstral coefficients, their slopes and normalisation.

Waveforms are ``[*batch, T]`` with lengths in samples, features ``[*batch, T, C]`` with lengths in frames; any number of
batch axes, or none. A function that mixes time gives ``(y, lengths)``, one that treats every step alone gives y. Every
row ends where its own length says: how much padding follows changes nothing, and its features are exactly zero.

All of it can be jitted and differentiated, silence included. It is computed in float32 at least; features of a waveform
come out in that type. Semantics are those of librosa and torchaudio, which agree but for their defaults.
"""

from sequence_lab.ops.audio.features import append_deltas, deltas, normalize_over_time
from sequence_lab.ops.audio.mel import (
    dct,
    hz_to_mel,
    log_mel_spectrogram,
    mel_filter_bank,
    mel_spectrogram,
    mel_to_hz,
    mfcc,
    power_to_db,
    power_to_log,
)
from sequence_lab.ops.audio.running import RunningCarry, normalize_running, running_carry, step_running
from sequence_lab.ops.audio.spectrum import frame, power_spectrogram, stft, window

__all__ = [
    "RunningCarry",
    "append_deltas",
    "dct",
    "deltas",
    "frame",
    "hz_to_mel",
    "log_mel_spectrogram",
    "mel_filter_bank",
    "mel_spectrogram",
    "mel_to_hz",
    "mfcc",
    "normalize_over_time",
    "normalize_running",
    "power_spectrogram",
    "power_to_db",
    "power_to_log",
    "running_carry",
    "step_running",
    "stft",
    "window",
]
