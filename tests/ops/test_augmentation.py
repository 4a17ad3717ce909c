"""Augmentation against its definition, and its draws against the lengths contract."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import augmentation

KEY = jax.random.key(3)
GENERATOR = np.random.default_rng(0)
LENGTHS = np.array([12, 7, 1, 0], np.int32)
FEATURES = (1 + GENERATOR.random((4, 12, 5))).astype(np.float32)  # none of them is 0
WAVES = (1 + GENERATOR.random((4, 12))).astype(np.float32)
CASES: dict[str, Any] = {
    "mask_time": (functools.partial(augmentation.mask_time, num_masks=2, max_width=4), FEATURES),
    "mask_features": (functools.partial(augmentation.mask_features, num_masks=2, max_width=3), FEATURES),
    "spec_augment": (
        functools.partial(augmentation.spec_augment, max_time_width=4, max_feature_width=2, max_time_fraction=0.5),
        FEATURES,
    ),
    "add_white_noise": (functools.partial(augmentation.add_white_noise, snr_db=6.0), WAVES),
    "shift_time": (functools.partial(augmentation.shift_time, max_shift=5), WAVES),
}
every_case = pytest.mark.parametrize("name", CASES)


def real(x: np.ndarray) -> np.ndarray:
    mask = np.arange(x.shape[1]) < LENGTHS[:, None]
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - 2)), x.shape)


def stretches(masked: np.ndarray) -> list[tuple[int, int]]:
    """(start, width) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], masked.astype(int), [0]])))
    return [(start, end - start) for start, end in edges.reshape(-1, 2)]


def draws(function: Any, *arguments: Any, count: int = 2000) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(lambda key: function(key, *arguments)))(jax.random.split(KEY, count)))


@every_case
def test_padding_changes_nothing_whatever_it_is_and_however_much(name: str) -> None:
    function, x = CASES[name]
    run = jax.jit(function)
    y = run(KEY, x, LENGTHS)
    assert not np.array_equal(y, np.where(real(x), x, 0)), "nothing was drawn"
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(np.where(real(x), 0, y), 0)
    for filling in (np.nan, np.inf, 3e38):
        np.testing.assert_array_equal(run(KEY, np.where(real(x), x, filling).astype(np.float32), LENGTHS), y)
    more = run(KEY, np.concatenate([x, np.full_like(x, np.nan)], axis=1), LENGTHS)
    np.testing.assert_allclose(more[:, :12], y, rtol=1e-6)
    np.testing.assert_array_equal(more[:, 12:], 0)
    np.testing.assert_allclose(run(KEY, x, np.full(4, 12)), function(KEY, x), rtol=1e-5)  # without lengths, or jit


@every_case
def test_row_equals_that_row_alone_with_its_key(name: str) -> None:
    function, x = CASES[name]
    keys = jax.random.split(KEY, 4)
    run = jax.jit(lambda x: (jax.vmap(function)(keys, x, LENGTHS), function(keys[1], x[1, : LENGTHS[1]])))
    y, alone = run(np.where(real(x), x, np.nan))
    np.testing.assert_allclose(y[1, : LENGTHS[1]], alone, rtol=1e-5)


@every_case
def test_gradient_is_finite_and_zero_in_the_padding(name: str) -> None:
    function, x = CASES[name]
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(function(KEY, x, LENGTHS)))))
    for filling in (x, np.full_like(x, np.nan), np.zeros_like(x)):
        of_x = gradient(np.where(real(x) & np.any(filling), x, filling))
        assert np.all(np.isfinite(of_x))
        np.testing.assert_array_equal(np.where(real(x), 0, of_x), 0)
    assert np.any(of_x)


@every_case
def test_rows_draw_for_themselves_and_keys_differ(name: str) -> None:
    function, x = CASES[name]
    same = np.broadcast_to(x[:1], (64, *x.shape[1:]))
    run = jax.jit(function)
    y = np.asarray(run(KEY, same))
    assert len(np.unique(y, axis=0)) > 5
    assert not np.array_equal(y, run(jax.random.key(4), same))
    assert jax.eval_shape(function, KEY, same.reshape(8, 8, *x.shape[1:])).shape == (8, 8, *x.shape[1:])


def test_time_masks_are_uniform_in_width_and_place() -> None:
    x, length = np.ones((12, 2), np.float32), 7
    run = functools.partial(augmentation.mask_time, num_masks=1, max_width=3)
    masked = draws(run, x, length)[:, :length] == 0
    np.testing.assert_array_equal(masked[..., 0], masked[..., 1])
    runs = [stretches(row) for row in masked[..., 0]]
    assert max(map(len, runs)) == 1
    widths = np.array([run[0][1] if run else 0 for run in runs])
    np.testing.assert_allclose(np.bincount(widths) / len(widths), np.full(4, 1 / 4), atol=0.04)
    for width in (1, 2, 3):
        starts = np.array([run[0][0] for run in runs if run and run[0][1] == width])
        places = length - width + 1
        np.testing.assert_allclose(np.bincount(starts) / len(starts), np.full(places, 1 / places), atol=0.06)


def test_time_masks_are_no_wider_than_their_fraction_of_the_row() -> None:
    x = np.ones((10, 1), np.float32)
    lengths = np.array([10, 7, 2, 1, 0])
    for fraction, most in ((0.5, [5, 3, 1, 0, 0]), (1.0, [6, 6, 2, 1, 0])):
        run = functools.partial(augmentation.mask_time, num_masks=1, max_width=6, max_fraction=fraction)
        y = draws(run, np.stack([x] * 5), lengths, count=300)[..., 0]
        masked = (y == 0) & (np.arange(10) < lengths[:, None])
        np.testing.assert_array_equal(masked.sum(-1).max(0), most)


def test_feature_masks_are_bands_over_all_time() -> None:
    x = np.ones((4, 5), np.float32)
    masked = draws(functools.partial(augmentation.mask_features, num_masks=1, max_width=9), x, 3)[:, :3] == 0
    assert np.all(masked == masked[:, :1])
    widths = masked[:, 0].sum(1)
    np.testing.assert_allclose(np.bincount(widths) / len(widths), np.full(6, 1 / 6), atol=0.04)
    assert max(len(stretches(row)) for row in masked[:, 0]) == 1


def test_spec_augment_has_as_many_masks_as_it_is_told() -> None:
    x = np.ones((40, 30), np.float32)

    def most(features: int, steps: int) -> tuple[int, int]:
        y = draws(
            functools.partial(
                augmentation.spec_augment,
                num_feature_masks=features,
                max_feature_width=3,
                num_time_masks=steps,
                max_time_width=4,
            ),
            x,
            count=100,
        )
        bands, spans = np.all(y == 0, axis=1), np.all(y == 0, axis=2)
        assert np.array_equal(y == 0, bands[:, None] | spans[:, :, None])
        return max(len(stretches(row)) for row in bands), max(len(stretches(row)) for row in spans)

    assert most(2, 3) == (2, 3)
    assert most(1, 0) == (1, 0)


@pytest.mark.parametrize("snr_db", [10, np.array([0.0, 20.0, -5.0, 3.0])])
def test_noise_is_added_at_its_ratio_over_the_real_samples(snr_db: Any) -> None:
    noise = GENERATOR.normal(size=WAVES.shape).astype(np.float32)
    y = jax.jit(augmentation.add_noise)(WAVES, noise, LENGTHS, snr_db=snr_db)
    for row, (length, ratio) in enumerate(zip(LENGTHS[:3], np.broadcast_to(snr_db, 4), strict=False)):
        x, n = WAVES[row, :length].astype(np.float64), noise[row, :length].astype(np.float64)
        # torchaudio.functional.add_noise as it documents itself
        scale = 10 ** ((10 * np.log10(np.sum(x**2) / np.sum(n**2)) - ratio) / 20)
        np.testing.assert_allclose(y[row, :length], x + scale * n, rtol=1e-5)
        added = np.asarray(y[row, :length]) - x
        np.testing.assert_allclose(10 * np.log10(np.sum(x**2) / np.sum(added**2)), ratio, atol=1e-3)


def test_silence_stays_as_it_is() -> None:
    silence, noise = np.zeros((2, 8), np.float32), np.ones((2, 8), np.float32)
    np.testing.assert_array_equal(augmentation.add_noise(silence, noise, snr_db=0), silence)
    np.testing.assert_array_equal(augmentation.add_noise(noise, silence, snr_db=0), noise)
    total = jax.jit(jax.grad(lambda x, n: jnp.sum(augmentation.add_noise(x, n, snr_db=0)), (0, 1)))
    gradients = total(silence, noise)
    np.testing.assert_array_equal(gradients, [np.ones((2, 8)), np.zeros((2, 8))])


def test_white_noise_is_white_and_gaussian() -> None:
    x = np.ones(200, np.float32)
    noise = draws(functools.partial(augmentation.add_white_noise, snr_db=0.0), x, count=300) - 1
    assert abs(noise.mean()) < 0.02
    np.testing.assert_allclose((noise**4).mean(), 3, atol=0.15)
    assert abs((noise[:, 1:] * noise[:, :-1]).mean()) < 0.02


def test_shifts_are_uniform_and_zeros_come_in() -> None:
    x, length = np.arange(1, 10, dtype=np.float32), 6
    y = draws(functools.partial(augmentation.shift_time, max_shift=2), x, length, count=1000)
    shifts = []
    for row in y:
        moved = {by: np.pad(x[:length], 2)[2 - by : 2 - by + length] for by in range(-2, 3)}
        shifts.append([by for by, expected in moved.items() if np.array_equal(row[:length], expected)])
        np.testing.assert_array_equal(row[length:], 0)
    assert {len(found) for found in shifts} == {1}
    counts = np.unique(np.ravel(shifts), return_counts=True)
    np.testing.assert_array_equal(counts[0], range(-2, 3))
    np.testing.assert_allclose(counts[1] / 1000, np.full(5, 1 / 5), atol=0.05)
    # No further than the row is long: 0 or 1 step either way leaves all or none of it.
    alone = draws(functools.partial(augmentation.shift_time, max_shift=5), x, 1, count=300)[:, 0]
    np.testing.assert_allclose(np.mean(alone == 1), 1 / 3, atol=0.1)
    np.testing.assert_array_equal(augmentation.shift_time(KEY, x, max_shift=0), x)


def test_no_steps_at_all() -> None:
    for name, (function, x) in CASES.items():
        y = jax.jit(function)(KEY, x[:, :0], np.zeros(4, np.int32))
        assert y.shape == jax.eval_shape(function, KEY, x[:, :0]).shape == x[:, :0].shape, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augmentation.mask_time(KEY, FEATURES, num_masks=-1, max_width=1), "num_masks is -1; allowed"),
        (lambda: augmentation.mask_features(KEY, FEATURES, num_masks=1, max_width=0.5), "width of a mask is 0.5"),
        (lambda: augmentation.spec_augment(KEY, FEATURES, max_time_fraction=1.5), "max_fraction is 1.5; allowed"),
        (lambda: augmentation.spec_augment(KEY, FEATURES[0, 0]), r"input has shape \(5,\); allowed: batch axes, time"),
        (lambda: augmentation.mask_time(KEY, FEATURES, LENGTHS[:2], num_masks=1, max_width=1), "lengths have shape"),
        (lambda: augmentation.add_noise(WAVES, WAVES[:, :3], snr_db=0), r"noise has shape \(4, 3\); allowed"),
        (lambda: augmentation.add_noise(WAVES, WAVES, snr_db=np.ones(3)), r"snr_db has shape \(3,\); allowed"),
        (lambda: augmentation.shift_time(KEY, WAVES, max_shift=-2), "max_shift is -2; allowed: an int >= 0"),
        (lambda: augmentation.shift_time(KEY, 0.5, max_shift=1), "a waveform is a single number"),
    ],
)  # fmt: skip
def test_errors_say_what_is_allowed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_jitter_is_noise_of_that_deviation_that_padding_does_not_change() -> None:
    key, x = jax.random.key(3), jnp.zeros((4, 50, 30))
    lengths = jnp.array([50, 20, 1, 0])
    y = augmentation.jitter(key, x.at[:, 20:].set(jnp.nan), jnp.minimum(lengths, 20), deviation=0.3)
    longer = augmentation.jitter(key, jnp.pad(x, [(0, 0), (0, 9), (0, 0)]), jnp.minimum(lengths, 20), deviation=0.3)
    np.testing.assert_array_equal(y, longer[:, :50])
    assert not y[:, 20:].any()
    np.testing.assert_allclose(jnp.std(y[:2, :20]), 0.3, rtol=0.1)
    with pytest.raises(ValueError, match="deviation is -1; allowed: 0 or more"):
        augmentation.jitter(key, x, deviation=-1)


def test_symbols_are_replaced_at_that_rate_and_not_in_the_padding() -> None:
    key, ids = jax.random.key(4), jnp.arange(2, 8002).reshape(4, 2000)
    lengths = jnp.array([2000, 1000, 1, 0])
    y = augmentation.replace_symbols(key, ids, lengths, rate=0.25, by=1)
    changed = np.asarray(y != ids)
    assert set(np.asarray(y)[changed]) == {1}
    np.testing.assert_allclose(changed[0].mean(), 0.25, atol=0.04)
    assert not changed[1, 1000:].any()
    assert not changed[3].any()
    np.testing.assert_array_equal(y, augmentation.replace_symbols(key, ids, lengths, rate=0.25, by=1))
    with pytest.raises(ValueError, match="rate is 2; allowed: 0 to 1"):
        augmentation.replace_symbols(key, ids, rate=2, by=1)


@pytest.mark.parametrize("flip", [False, True])
def test_images_are_moved_within_the_padding_and_mirrored(flip: bool) -> None:
    images = jax.random.normal(jax.random.key(0), (200, 5, 4, 2)) + 9
    found = np.asarray(augmentation.crop_and_flip(jax.random.key(1), images, padding=1, flip=flip))
    seen = set()
    for image, one in zip(np.asarray(images), found, strict=True):
        wide = np.pad(image, [(1, 1), (1, 1), (0, 0)])
        crops = {(i, j): wide[i : i + 5, j : j + 4] for i in range(3) for j in range(3)}
        matches = {(*at, side) for at, crop in crops.items() for side in (1, -1) if (crop[:, ::side] == one).all()}
        assert len(matches) == 1
        seen |= matches
    assert seen == {(i, j, side) for i in range(3) for j in range(3) for side in ((1, -1) if flip else (1,))}
    with pytest.raises(ValueError, match="padding is -1"):
        augmentation.crop_and_flip(jax.random.key(1), images, padding=-1)
    with pytest.raises(ValueError, match=r"input has shape \(5, 4, 2\); allowed: batch, height, width, channels"):
        augmentation.crop_and_flip(jax.random.key(1), images[0], padding=1)
