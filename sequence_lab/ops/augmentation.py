"""Augmentation of spectrograms and waveforms, as pure functions of a key, under the lengths contract.

What is drawn for a row depends on the key and on its length, not on how much padding follows. A batch draws for each of
its rows; ``jax.vmap`` over keys and rows gives every row what it would get alone with its key.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from sequence_lab.ops import masking
from sequence_lab.ops.pooling import dtypes

Array = jax.Array


def spec_augment(
    key: Array,
    x_BTC: Array,
    lengths_B: Array | None = None,
    *,
    num_feature_masks: int = 2,
    max_feature_width: int = 27,
    num_time_masks: int = 2,
    max_time_width: int = 100,
    max_time_fraction: float = 1.0,
) -> Array:
    """``mask_features``, then ``mask_time``: ``[*batch, T, C]`` with stretches set to zero.

    SpecAugment without time warping (Park et al. 2019, section 2); the defaults are its policy LD, for LibriSpeech
    (table 1). Zero is the mean of features that are normalised before.

    Raises:
      ValueError: as ``mask_time`` and ``mask_features`` do.
    """
    feature_key, time_key = jax.random.split(key)
    x_BTC = mask_features(feature_key, x_BTC, lengths_B, num_masks=num_feature_masks, max_width=max_feature_width)
    return mask_time(
        time_key,
        x_BTC,
        lengths_B,
        num_masks=num_time_masks,
        max_width=max_time_width,
        max_fraction=max_time_fraction,
    )


def mask_time(
    key: Array,
    x_BTC: Array,
    lengths_B: Array | None = None,
    *,
    num_masks: int,
    max_width: int,
    max_fraction: float = 1.0,
) -> Array:
    """Zero over stretches of steps, drawn for each row: ``[*batch, T, C]``.

    Args:
      num_masks: stretches, which may overlap.
      max_width, max_fraction: the width is uniform from 0 to ``max_width`` steps, at most that fraction of the row's
        length, rounded down; then the start is uniform among those for which the stretch lies within the row.

    Raises:
      ValueError: a number of masks or a width below 0, a fraction that is not 0 to 1, lengths of another shape than the
        batch axes.
    """
    if not 0 <= max_fraction <= 1:
        raise ValueError(f"max_fraction is {max_fraction}; allowed: 0 to 1")
    x_BTC, lengths_B = _checked_features(x_BTC, lengths_B)
    steps = x_BTC.shape[-2]
    size_B = jnp.full(x_BTC.shape[:-2], steps) if lengths_B is None else lengths_B
    most_B = jnp.floor(max_fraction * size_B).astype(jnp.int32)
    masked_BT = _stretches(key, num_masks, max_width, size_B, most_B, steps)
    return jnp.where(masked_BT[..., None], jnp.zeros((), x_BTC.dtype), x_BTC)


def mask_features(key: Array, x_BTC: Array, lengths_B: Array | None = None, *, num_masks: int, max_width: int) -> Array:
    """Zero over stretches of features, bands of frequency, drawn for each row: ``[*batch, T, C]``.

    Width, start and errors as in ``mask_time``, of C features.
    """
    x_BTC, _ = _checked_features(x_BTC, lengths_B)
    features = x_BTC.shape[-1]
    size_B = jnp.full(x_BTC.shape[:-2], features)
    masked_BC = _stretches(key, num_masks, max_width, size_B, size_B, features)
    return jnp.where(masked_BC[..., None, :], jnp.zeros((), x_BTC.dtype), x_BTC)


def add_noise(x_BT: Array, noise_BT: Array, lengths_B: Array | None = None, *, snr_db: ArrayLike) -> Array:
    """A waveform and noise, scaled to that ratio of their energies over the real samples: ``[*batch, T]``.

    Matches ``torchaudio.functional.add_noise``. Where either is silent, the waveform stays as it is.

    Args:
      noise_BT: shaped like ``x_BT``.
      snr_db: signal to noise in decibels, 10 log10(sum x^2 / sum noise^2): a number, or one per row.

    Raises:
      ValueError: noise or ratios of another shape, lengths of another shape than the batch axes.
    """
    x_BT, lengths_B = _checked_waveform(x_BT, lengths_B)
    noise_BT, _ = _checked_waveform(noise_BT, lengths_B)
    snr_db = jnp.asarray(snr_db)
    if noise_BT.shape != x_BT.shape:
        raise ValueError(f"noise has shape {noise_BT.shape}; allowed: {x_BT.shape}, that of the waveform")
    if snr_db.shape not in ((), x_BT.shape[:-1]):
        raise ValueError(f"snr_db has shape {snr_db.shape}; allowed: () or {x_BT.shape[:-1]}, one per row")
    signal_B, other_B = (jnp.sum(dtypes.wide(a) ** 2, axis=-1) for a in (x_BT, noise_BT))
    both_B = (signal_B > 0) & (other_B > 0)
    # Silence is replaced before the root, whose gradient there is no number.
    ratio_B = jnp.where(both_B, signal_B, 1) / jnp.where(both_B, other_B, 1)
    scale_B = jnp.where(both_B, jnp.sqrt(ratio_B) * 10 ** (-snr_db / 20), 0)
    return (x_BT + scale_B[..., None] * noise_BT).astype(x_BT.dtype)


def add_white_noise(key: Array, x_BT: Array, lengths_B: Array | None = None, *, snr_db: ArrayLike) -> Array:
    """``add_noise`` of Gaussian noise that is drawn: ``[*batch, T]``.

    Samples that are added draw further numbers, those there are keep theirs (with JAX's default generator).
    """
    x_BT, lengths_B = _checked_waveform(x_BT, lengths_B)
    noise_TB = jax.random.normal(key, (x_BT.shape[-1], *x_BT.shape[:-1]), x_BT.dtype)
    return add_noise(x_BT, jnp.moveaxis(noise_TB, 0, -1), lengths_B, snr_db=snr_db)


def shift_time(key: Array, x_BT: Array, lengths_B: Array | None = None, *, max_shift: int) -> Array:
    """Each row moved, zeros coming in at its one end and samples going out at the other: ``[*batch, T]``.

    Args:
      max_shift: in samples; the shift of a row is uniform from minus that, earlier, to that, later, and no further than
        the row is long.

    Raises:
      ValueError: a shift below 0, lengths of another shape than the batch axes.
    """
    _check_natural("max_shift", max_shift)
    x_BT, lengths_B = _checked_waveform(x_BT, lengths_B)
    steps = x_BT.shape[-1]
    size_B = jnp.full(x_BT.shape[:-1], steps) if lengths_B is None else lengths_B
    most_B = jnp.minimum(max_shift, size_B)
    shift_B = jax.random.randint(key, size_B.shape, -most_B, most_B + 1)
    source_BT = jnp.arange(steps) - shift_B[..., None]
    inside_BT = (source_BT >= 0) & (source_BT < steps)  # what follows a row's own end is zero
    moved_BT = jnp.take_along_axis(x_BT, jnp.where(inside_BT, source_BT, 0), axis=-1)
    return masking.zero_padding(jnp.where(inside_BT, moved_BT, jnp.zeros((), x_BT.dtype)), lengths_B)


def jitter(key: Array, x_BTC: Array, lengths_B: Array | None = None, *, deviation: float) -> Array:
    """Gaussian noise of that deviation on every number of a real step: ``[*batch, T, C]``.

    Steps that are added draw further numbers, those there are keep theirs (with JAX's default generator).

    Raises:
      ValueError: a negative deviation, lengths of another shape than the batch axes.
    """
    if not deviation >= 0:
        raise ValueError(f"deviation is {deviation}; allowed: 0 or more")
    x_BTC, lengths_B = _checked_features(dtypes.floating(x_BTC), lengths_B)
    noise = jax.random.normal(key, (x_BTC.shape[-2], *x_BTC.shape[:-2], x_BTC.shape[-1]), x_BTC.dtype)
    return masking.zero_padding(x_BTC + deviation * jnp.moveaxis(noise, 0, -2), lengths_B)


def replace_symbols(key: Array, ids_BT: Array, lengths_B: Array | None = None, *, rate: float, by: int) -> Array:
    """Every id replaced by another with that probability, as word dropout does (Iyyer et al. 2015): ``[*batch, T]``.

    Args:
      rate: 0 to 1; what is drawn for a step does not depend on the steps after it.
      by: the id that takes their place.

    Raises:
      ValueError: a rate that is not 0 to 1, lengths of another shape than the batch axes.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate is {rate}; allowed: 0 to 1")
    ids_BT = jnp.asarray(ids_BT)
    lengths_B = masking.checked_lengths(lengths_B, ids_BT.shape[:-1], ids_BT.shape[-1])
    drawn_TB = jax.random.bernoulli(key, rate, (ids_BT.shape[-1], *ids_BT.shape[:-1]))
    replaced_BT = jnp.where(jnp.moveaxis(drawn_TB, 0, -1), jnp.asarray(by, ids_BT.dtype), ids_BT)
    if lengths_B is None:
        return replaced_BT
    return jnp.where(masking.length_mask(lengths_B, ids_BT.shape[-1]), replaced_BT, ids_BT)


def crop_and_flip(key: Array, x_BHWC: Array, *, padding: int, flip: bool = True) -> Array:
    """Each image moved by up to ``padding`` pixels either way, zeros coming in, and half of them mirrored.

    As in He et al. 2016, section 4.2: a crop of the padded image, or of its mirror image. ``[batch, H, W, C]``.

    Raises:
      ValueError: a negative padding, an input that is no batch of images.
    """
    _check_natural("padding", padding)
    if x_BHWC.ndim != 4:
        raise ValueError(f"input has shape {x_BHWC.shape}; allowed: batch, height, width, channels")
    batch = x_BHWC.shape[0]
    crop_key, flip_key = jax.random.split(key)
    wide = jnp.pad(x_BHWC, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    start_B2 = jax.random.randint(crop_key, (batch, 2), 0, 2 * padding + 1)
    y = jax.vmap(lambda one, start: jax.lax.dynamic_slice(one, (*start, 0), x_BHWC.shape[1:]))(wide, start_B2)
    if not flip:
        return y
    mirrored_B = jax.random.bernoulli(flip_key, shape=(batch, 1, 1, 1))
    return jnp.where(mirrored_B, y[:, :, ::-1], y)


def _stretches(key: Array, num_masks: int, max_width: int, size_B: Array, most_B: Array, places: int) -> Array:
    """True in any of the stretches drawn within ``size_B`` places: booleans ``[*batch, places]``."""
    _check_natural("num_masks", num_masks)
    _check_natural("the largest width of a mask", max_width)
    width_key, start_key = jax.random.split(key)
    shape = (*size_B.shape, num_masks)
    width_BM = jax.random.randint(width_key, shape, 0, jnp.minimum(max_width, most_B)[..., None] + 1)
    start_BM = jax.random.randint(start_key, shape, 0, size_B[..., None] - width_BM + 1)
    at = jnp.arange(places)
    return jnp.any((at >= start_BM[..., None]) & (at < (start_BM + width_BM)[..., None]), axis=-2)


def _checked_features(x_BTC: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    x_BTC = jnp.asarray(x_BTC)
    if x_BTC.ndim < 2:
        raise ValueError(f"input has shape {x_BTC.shape}; allowed: batch axes, time, features")
    lengths_B = masking.checked_lengths(lengths_B, x_BTC.shape[:-2], x_BTC.shape[-2])
    return masking.zero_padding(x_BTC, lengths_B), lengths_B


def _checked_waveform(x_BT: Array, lengths_B: Array | None) -> tuple[Array, Array | None]:
    x_BT = dtypes.floating(x_BT)
    if x_BT.ndim < 1:
        raise ValueError("a waveform is a single number; allowed: batch axes, time")
    lengths_B = masking.checked_lengths(lengths_B, x_BT.shape[:-1], x_BT.shape[-1])
    return masking.zero_padding(x_BT, lengths_B), lengths_B


def _check_natural(name: str, value: int) -> None:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is {value!r}; allowed: an int >= 0")
