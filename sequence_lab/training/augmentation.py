"""Changes of training inputs, drawn anew at every step on the device: the table ``AUGMENTATIONS``.

A row is a dataclass whose fields are what ``config.augmentation.NAME`` may set, called with a key, inputs and lengths;
inputs with another number of axes than it is for raise ValueError.
Those of a config are applied one after the other. See ``ops.augmentation`` for what each does.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sequence_lab.ops import augmentation, symbols

Array = jax.Array
Augmentation = Callable[[Array, Array, Array | None], Array]


@dataclasses.dataclass(frozen=True)
class SpecAugment:
    """Stretches of frames and bands of features set to zero (Park et al. 2019), in ``[B, T, C]``.

    Models that make the features of waveforms have a field ``spec_augment`` for it.
    """

    num_feature_masks: int = 2
    max_feature_width: int = 8
    num_time_masks: int = 2
    max_time_width: int = 20
    max_time_fraction: float = 1.0

    def __call__(self, key: Array, x_BTC: Array, lengths_B: Array | None) -> Array:
        _check_axes("spec_augment", x_BTC, "BTC")
        return augmentation.spec_augment(key, x_BTC, lengths_B, **dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class Noise:
    """White noise so many decibels below a waveform ``[B, T]``."""

    snr_db: float = 20.0

    def __call__(self, key: Array, x_BT: Array, lengths_B: Array | None) -> Array:
        _check_axes("noise", x_BT, "BT")
        return augmentation.add_white_noise(key, x_BT, lengths_B, snr_db=self.snr_db)


@dataclasses.dataclass(frozen=True)
class Shift:
    """Waveforms ``[B, T]`` moved by up to so many samples."""

    max_shift: int = 800

    def __call__(self, key: Array, x_BT: Array, lengths_B: Array | None) -> Array:
        _check_axes("shift", x_BT, "BT")
        return augmentation.shift_time(key, x_BT, lengths_B, max_shift=self.max_shift)


@dataclasses.dataclass(frozen=True)
class Jitter:
    """Gaussian noise on every number of ``[B, T, C]``."""

    deviation: float = 0.05

    def __call__(self, key: Array, x_BTC: Array, lengths_B: Array | None) -> Array:
        _check_axes("jitter", x_BTC, "BTC")
        return augmentation.jitter(key, x_BTC, lengths_B, deviation=self.deviation)


@dataclasses.dataclass(frozen=True)
class WordDropout:
    """Ids ``[B, T]`` replaced by that of the unknown, by default as the data set's vocabulary has it."""

    rate: float = 0.1
    unknown: int | None = None

    def __call__(self, key: Array, ids_BT: Array, lengths_B: Array | None) -> Array:
        if self.unknown is None:
            raise ValueError("config.augmentation.word_dropout.unknown is not set; allowed: an id")
        _check_axes("word_dropout", ids_BT, "BT")
        return augmentation.replace_symbols(key, ids_BT, lengths_B, rate=self.rate, by=self.unknown)


@dataclasses.dataclass(frozen=True)
class CropAndFlip:
    """Images ``[B, H, W, C]`` moved by up to ``padding`` pixels, zeros coming in, and half of them mirrored."""

    padding: int = 4
    flip: bool = True

    def __call__(self, key: Array, x_BHWC: Array, lengths_B: Array | None) -> Array:
        _check_axes("crop_and_flip", x_BHWC, "BHWC")
        return augmentation.crop_and_flip(key, x_BHWC, padding=self.padding, flip=self.flip)


@dataclasses.dataclass(frozen=True)
class ReverseComplement:
    """That share of the pieces of DNA, one-hot ``[B, T, 4]``, read on the other strand."""

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"augmentation.reverse_complement.share is {self.share}; allowed: 0 to 1")

    def __call__(self, key: Array, x_BTC: Array, lengths_B: Array | None) -> Array:
        _check_axes("reverse_complement", x_BTC, "BTC")
        other_B11 = jax.random.bernoulli(key, self.share, (x_BTC.shape[0], 1, 1))
        return jnp.where(other_B11, symbols.reverse_complement(x_BTC, lengths_B), x_BTC)


AUGMENTATIONS: Mapping[str, Callable[..., Augmentation]] = {
    "crop_and_flip": CropAndFlip,
    "jitter": Jitter,
    "noise": Noise,
    "reverse_complement": ReverseComplement,
    "shift": Shift,
    "spec_augment": SpecAugment,
    "word_dropout": WordDropout,
}
OF_STEPS = ("jitter", "word_dropout")  # those that change each step by itself, whatever stands beside it in its row


def augmented(chosen: Sequence[Augmentation], key: Array, x: Array, lengths_B: Any) -> Array:
    """``x`` after each of them, with a key of its own.

    Raises:
      ValueError: there are several streams of inputs, which none of them is for.
    """
    if chosen and isinstance(x, Mapping):
        raise ValueError(f"config.augmentation is set; allowed with inputs that are {', '.join(x)}: nothing")
    for number, change in enumerate(chosen):
        x = change(jax.random.fold_in(key, number), x, lengths_B)
    return x


def _check_axes(name: str, x: Array, axes: str) -> None:
    """Raises ValueError where the inputs are of another kind, which a number of axes tells."""
    if x.ndim != len(axes):
        raise ValueError(
            f"config.augmentation.{name} is set, and inputs have shape {list(x.shape)}; allowed: [{', '.join(axes)}]"
        )
