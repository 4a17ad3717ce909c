"""The audio front end against librosa, SciPy, PyTorch, and loops over torchaudio's published definitions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
import scipy.signal

from sequence_lab.ops import audio

GENERATOR = np.random.default_rng(0)
LENGTHS = np.array([203, 130, 40, 17, 0], np.int32)
X = (0.3 * GENERATOR.normal(size=(5, 203))).astype(np.float32)
FEATURES = GENERATOR.normal(size=(4, 7, 3)).astype(np.float32)
STEPS = np.array([7, 4, 1, 0], np.int32)
MEL: dict[str, Any] = {"sample_rate": 8000, "n_fft": 32, "hop_length": 12, "num_mels": 6}
LIBROSA: dict[str, Any] = {"padding": "CENTER", "mel_scale": "slaney", "mel_norm": "slaney"}
WHOLE = (0, 1, 2)  # rows of a frame or more, of which librosa and PyTorch ask


def librosa() -> Any:
    return pytest.importorskip("librosa")


def torch() -> Any:
    return pytest.importorskip("torch")


def assert_rows(actual: Any, expected: list[np.ndarray], rows: tuple[int, ...] = WHOLE, **tolerance: float) -> None:
    """Each row, up to its own number of frames, is what is expected of it alone; the rest is zero."""
    y, lengths = actual
    for row, alone in zip(rows, expected, strict=True):
        assert lengths[row] == len(alone)
        np.testing.assert_allclose(y[row, : len(alone)], alone, **({"rtol": 1e-4, "atol": 1e-4} | tolerance))
        np.testing.assert_array_equal(y[row, len(alone) :], 0)


def frame_by_loop(row: np.ndarray, size: int, hop: int, padding: str) -> np.ndarray:
    """One row alone, as its definition has it."""
    if padding != "VALID" and len(row):
        row = np.pad(row, size // 2, mode={"CENTER": "constant", "REFLECT": "reflect"}[padding])
    starts = range(0, len(row) - size + 1, hop)
    return np.array([row[start : start + size] for start in starts], row.dtype).reshape(-1, size)


@pytest.mark.parametrize("padding", ["VALID", "CENTER", "REFLECT"])
@pytest.mark.parametrize(("size", "hop"), [(6, 2), (7, 3), (5, 5), (3, 4), (1, 1)])
def test_frames_of_every_row_are_those_of_it_alone(size: int, hop: int, padding: str) -> None:
    lengths = np.array([11, 7, 6, 2, 1, 0], np.int32)
    x = GENERATOR.normal(size=(6, 11)).astype(np.float32)
    run = functools.partial(audio.frame, frame_length=size, hop_length=hop, padding=padding)
    # With lengths, without a batch and lengths, and with two batch axes.
    folded = (x.reshape(2, 3, 11), lengths.reshape(2, 3))
    (y, new), (full, none), (y_folded, new_folded) = jax.jit(lambda: (run(x, lengths), run(x[1]), run(*folded)))()
    expected = [frame_by_loop(row[:length], size, hop, padding) for row, length in zip(x, lengths, strict=True)]
    assert y.shape == (6, len(expected[0]), size)
    assert new.dtype == jnp.int32
    assert_rows((y, new), expected, rows=tuple(range(6)), rtol=0, atol=0)
    assert none is None
    np.testing.assert_array_equal(full, frame_by_loop(x[1], size, hop, padding))
    np.testing.assert_array_equal(y_folded.reshape(y.shape), y)
    np.testing.assert_array_equal(new_folded.ravel(), new)


@pytest.mark.parametrize("padding", ["VALID", "CENTER", "REFLECT"])
@pytest.mark.parametrize("samples", [0, 1, 5])
def test_a_clip_shorter_than_a_frame_has_the_frames_of_its_definition(samples: int, padding: str) -> None:
    expected = frame_by_loop(X[0, :samples], 8, 3, padding)
    y, _ = audio.frame(X[:2, :samples], frame_length=8, hop_length=3, padding=padding)
    assert y.shape == (2, *expected.shape)
    np.testing.assert_array_equal(y[0], expected)

    @jax.jit
    def run(x: Any) -> Any:
        y, lengths = audio.mfcc(x, padding=padding, num_coefficients=4, **MEL)
        y, lengths = audio.normalize_over_time(*audio.append_deltas(y, lengths))
        return audio.normalize_running(y, lengths)[0]

    assert run(X[:2, :samples]).shape == (2, len(frame_by_loop(X[0, :samples], 32, 12, padding)), 12)


@pytest.mark.parametrize("name", ["hann", "hamming"])
@pytest.mark.parametrize("length", [1, 7, 16])
def test_windows_are_those_of_scipy_and_torch(name: str, length: int) -> None:
    expected = scipy.signal.get_window(name, length)
    np.testing.assert_allclose(audio.window(name, length), expected, atol=1e-15)
    in_torch = getattr(torch(), f"{name}_window")(length)
    np.testing.assert_allclose(audio.window(name, length), in_torch, atol=1e-6)


@pytest.mark.parametrize(("padding", "how"), [("VALID", None), ("CENTER", "constant"), ("REFLECT", "reflect")])
@pytest.mark.parametrize(("n_fft", "win_length", "window"), [(16, 11, "hamming"), (15, None, "hann")])
def test_stft_equals_librosa_and_torch(padding: str, how: Any, n_fft: int, win_length: Any, window: str) -> None:
    own = {"n_fft": n_fft, "hop_length": 5, "win_length": win_length, "window": window, "padding": padding}
    both = jax.jit(lambda x, n: (audio.stft(x, n, **own), audio.power_spectrogram(x, n, **own)))
    (y, lengths), (power, _) = both(X, LENGTHS)
    assert y.dtype == jnp.complex64
    np.testing.assert_allclose(power, np.abs(y) ** 2, rtol=1e-5, atol=1e-6)
    rows = [row[:length] for row, length in zip(X, LENGTHS, strict=True)][: len(WHOLE)]
    options = {"n_fft": n_fft, "hop_length": 5, "win_length": win_length, "window": window, "center": how is not None}
    options |= {"pad_mode": how} if how else {}
    assert_rows((y, lengths), [librosa().stft(row, **options).T for row in rows], rtol=1e-5, atol=1e-5)
    options["window"] = getattr(torch(), f"{window}_window")(win_length or n_fft)
    tensors = [torch().stft(torch().tensor(row), return_complex=True, **options) for row in rows]
    assert_rows((y, lengths), [tensor.numpy().T for tensor in tensors], rtol=1e-5, atol=1e-5)


def filters_by_loop(num_mels: int, n_fft: int, rate: float, low: float, high: float, scale: str, norm: Any) -> Any:
    """Filter by filter and bin by bin, as torchaudio.functional.melscale_fbanks documents it."""

    def mel(hertz: float) -> float:
        if scale == "htk":
            return 2595 * np.log10(1 + hertz / 700)
        return hertz / (200 / 3) if hertz < 1000 else 15 + np.log(hertz / 1000) / (np.log(6.4) / 27)

    def hertz(pitch: float) -> float:
        if scale == "htk":
            return 700 * (10 ** (pitch / 2595) - 1)
        return 200 / 3 * pitch if pitch < 15 else 1000 * np.exp(np.log(6.4) / 27 * (pitch - 15))

    corners = [hertz(pitch) for pitch in np.linspace(mel(low), mel(high), num_mels + 2)]
    filters = np.zeros((n_fft // 2 + 1, num_mels))
    for m in range(num_mels):
        left, middle, right = corners[m : m + 3]
        for k in range(n_fft // 2 + 1):
            up, down = (k * rate / n_fft - left) / (middle - left), (right - k * rate / n_fft) / (right - middle)
            filters[k, m] = max(0, min(up, down)) * (2 / (right - left) if norm else 1)
    return filters


@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize(
    ("num_mels", "n_fft", "rate", "low", "high"),
    [(8, 64, 8000, 0, None), (20, 400, 16000, 60, 7600), (5, 51, 2205, 20, 900)],
)
def test_mel_filters_equal_librosa_and_torchaudios_definition(
    num_mels: int, n_fft: int, rate: int, low: float, high: Any, scale: str, norm: Any
) -> None:
    filters = audio.mel_filter_bank(num_mels, n_fft, rate, low_hz=low, high_hz=high, mel_scale=scale, mel_norm=norm)
    expected = filters_by_loop(num_mels, n_fft, rate, low, high or rate / 2, scale, norm)
    np.testing.assert_allclose(filters, expected, rtol=1e-10, atol=1e-12)
    in_librosa = librosa().filters.mel(
        sr=rate, n_fft=n_fft, n_mels=num_mels, fmin=low, fmax=high, htk=scale == "htk", norm=norm, dtype=np.float64
    )
    np.testing.assert_allclose(filters, in_librosa.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_and_back_is_the_identity(scale: str) -> None:
    hertz = np.linspace(0, 8000, 101)
    mels = audio.hz_to_mel(hertz, scale)
    assert np.all(np.diff(mels) > 0)
    np.testing.assert_allclose(audio.mel_to_hz(mels, scale), hertz, atol=1e-9)
    np.testing.assert_allclose(mels, librosa().hz_to_mel(hertz, htk=scale == "htk"), rtol=1e-12)


@pytest.mark.parametrize("padding", ["CENTER", "REFLECT"])
@pytest.mark.parametrize("top_db", [80.0, 15.0, None])
def test_log_mel_and_mfcc_equal_librosa(padding: str, top_db: float | None) -> None:
    mel = {**MEL, **LIBROSA, "padding": padding, "win_length": 25}
    options = {"sr": 8000, "n_fft": 32, "hop_length": 12, "win_length": 25, "n_mels": 6}
    options["pad_mode"] = {"CENTER": "constant", "REFLECT": "reflect"}[padding]
    rows = [row[:length] for row, length in zip(X, LENGTHS, strict=True)][: len(WHOLE)]
    powers = [librosa().feature.melspectrogram(y=row, **options) for row in rows]
    assert_rows(jax.jit(functools.partial(audio.mel_spectrogram, **mel))(X, LENGTHS), [power.T for power in powers])
    logs = [librosa().power_to_db(power, top_db=top_db) for power in powers]
    run = functools.partial(audio.log_mel_spectrogram, top_db=top_db, **mel)
    assert_rows(jax.jit(run)(X, LENGTHS), [log.T for log in logs])
    cepstra = [librosa().feature.mfcc(S=log, n_mfcc=4) for log in logs]
    run = functools.partial(audio.mfcc, num_coefficients=4, top_db=top_db, **mel)
    assert_rows(jax.jit(run)(X, LENGTHS), [cepstrum.T for cepstrum in cepstra])
    if top_db == 80:
        whole = [librosa().feature.mfcc(y=row, n_mfcc=4, **options).T for row in rows]
        assert_rows(jax.jit(run)(X, LENGTHS), whole)


def mfcc_by_loop(row: np.ndarray, num_coefficients: int, log: str) -> np.ndarray:
    """torchaudio.transforms.MFCC as it documents itself, defaults but for sizes, in float64."""
    tensor = torch().tensor(row.astype(np.float64))
    taper = torch().hann_window(32, dtype=torch().float64)
    spectrum = torch().stft(tensor, 32, 12, 32, taper, center=True, pad_mode="reflect", return_complex=True)
    mels = (spectrum.abs() ** 2).numpy().T @ filters_by_loop(6, 32, 8000, 0, 4000, "htk", None)
    if log == "natural":
        mels = np.log(mels + 1e-6)
    else:
        mels = 10 * np.log10(np.maximum(mels, 1e-10))
        mels = np.maximum(mels, mels.max() - 80)
    cepstra = np.zeros((len(mels), num_coefficients))
    for t, k, n in np.ndindex(len(mels), num_coefficients, 6):
        scale = np.sqrt(2 / 6) * (np.sqrt(0.5) if k == 0 else 1)
        cepstra[t, k] += scale * np.cos(np.pi / 6 * (n + 0.5) * k) * mels[t, n]
    return cepstra


@pytest.mark.parametrize("log", ["db", "natural"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-10)])
def test_mfcc_equals_torchaudios_definition(log: str, dtype: Any, tolerance: float) -> None:
    expected = [mfcc_by_loop(row[:length], 5, log) for row, length in zip(X, LENGTHS, strict=True) if length >= 32]
    with jax.enable_x64(dtype is np.float64):
        run = jax.jit(functools.partial(audio.mfcc, num_coefficients=5, log=log, **MEL))
        y, lengths = run(X.astype(dtype), LENGTHS)
    assert y.dtype == dtype
    assert_rows((y, lengths), expected, rtol=tolerance, atol=tolerance)


def test_decibels_have_a_floor_and_a_range_below_the_rows_own_maximum() -> None:
    power = np.array([[[1e4], [1.0], [0.0]], [[1e-3], [1e-20], [1e9]]], np.float32)
    y = audio.power_to_db(power, np.array([3, 2]))
    np.testing.assert_allclose(y[..., 0], [[40, 0, -100], [-30, -100, 0]], atol=1e-5)
    y = audio.power_to_db(power, np.array([3, 2]), top_db=30)
    np.testing.assert_allclose(y[..., 0], [[40, 10, 10], [-30, -60, 0]], atol=1e-5)


@pytest.mark.parametrize("coefficients", [1, 4, 7])
def test_dct_equals_scipy(coefficients: int) -> None:
    x = GENERATOR.normal(size=(2, 3, 7)).astype(np.float32)
    expected = scipy.fft.dct(x, type=2, norm="ortho")[..., :coefficients]
    np.testing.assert_allclose(audio.dct(x, coefficients), expected, rtol=1e-5, atol=1e-6)
    y = audio.dct(x, coefficients, np.array([2, 0]))
    np.testing.assert_allclose(y[0, :2], expected[0, :2], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y[0, 2:], 0)
    np.testing.assert_array_equal(y[1], 0)


def deltas_by_loop(row: np.ndarray, width: int) -> np.ndarray:
    """torchaudio.functional.compute_deltas as it documents itself, the ends repeated."""
    y, reach = np.zeros_like(row, np.float64), width // 2
    for t in range(len(row)):
        for n in range(1, reach + 1):
            y[t] += (
                n * (row[min(t + n, len(row) - 1)] - row[max(t - n, 0)]) / (2 * sum(m**2 for m in range(1, reach + 1)))
            )
    return y


@pytest.mark.parametrize("width", [3, 5, 9])
def test_deltas_equal_torchaudios_definition_and_librosa(width: int) -> None:
    actual = jax.jit(functools.partial(audio.deltas, width=width))(FEATURES, STEPS)
    rows = [row[:length] for row, length in zip(FEATURES, STEPS, strict=True)]
    assert_rows(actual, [deltas_by_loop(row, width) for row in rows], rows=(0, 1, 2, 3), rtol=1e-5, atol=1e-6)
    in_librosa = [librosa().feature.delta(row.T, width=width, mode="nearest").T for row in rows[:3]]
    assert_rows(actual, in_librosa, rtol=1e-5, atol=1e-6)
    if width < 7:  # away from the ends, what librosa does there is all the same
        inner = librosa().feature.delta(FEATURES[0].T, width=width).T[width // 2 : -(width // 2)]
        np.testing.assert_allclose(actual[0][0, width // 2 : -(width // 2)], inner, rtol=1e-5, atol=1e-6)


def test_appended_deltas_stand_behind_the_features() -> None:
    first, _ = audio.deltas(FEATURES, STEPS, width=3)
    second, _ = audio.deltas(first, STEPS, width=3)
    y, lengths = audio.append_deltas(FEATURES, STEPS, orders=2, width=3)
    masked = np.where(np.arange(7)[:, None] < STEPS[:, None, None], FEATURES, 0)
    np.testing.assert_array_equal(y, np.concatenate([masked, first, second], axis=-1))
    np.testing.assert_array_equal(lengths, STEPS)
    np.testing.assert_array_equal(audio.append_deltas(FEATURES, STEPS, orders=0)[0], masked)


def test_normalisation_by_the_row_equals_numpy() -> None:
    actual = jax.jit(audio.normalize_over_time)(3 * FEATURES + 5, STEPS)
    rows = [3 * row[:length].astype(np.float64) + 5 for row, length in zip(FEATURES, STEPS, strict=True)]
    expected = [(row - row.mean(0)) / np.sqrt(row.var(0) + 1e-5) for row in rows[:3]]
    assert_rows(actual, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(actual[0][3], 0)


def running_by_loop(row: np.ndarray, decay: float) -> np.ndarray:
    """Each step by the weighted mean and variance of all up to it, from their definition."""
    y = np.zeros(row.shape)
    for t in range(len(row)):
        seen, weights = row[: t + 1].astype(np.float64), decay ** np.arange(t, -1.0, -1)
        mean = np.average(seen, axis=0, weights=weights)
        variance = np.average((seen - mean) ** 2, axis=0, weights=weights)
        y[t] = (row[t] - mean) / np.sqrt(variance + 1e-5)
    return y


@pytest.mark.parametrize("decay", [1.0, 0.7])
def test_running_normalisation_equals_its_definition_whole_by_chunk_and_by_step(decay: float) -> None:
    x = 3 * FEATURES + 5
    run = jax.jit(functools.partial(audio.normalize_running, decay=decay))
    y, carry = run(x, STEPS)
    rows = [running_by_loop(row[:length], decay) for row, length in zip(x, STEPS, strict=True)]
    assert_rows((y, STEPS), rows, rows=(0, 1, 2, 3), rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a: np.testing.assert_array_equal(a[3], 0), carry)
    early, between = run(x[:, :3], np.minimum(STEPS, 3))
    late, after = run(x[:, 3:], np.maximum(STEPS - 3, 0), between)
    chunks = np.concatenate([early, late], axis=1)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), (chunks, after), (y, carry))
    advance = jax.jit(functools.partial(audio.step_running, decay=decay))
    state, steps = audio.running_carry((), 3), []
    for now in x[0]:
        step, state = advance(state, now)
        steps.append(step)
    np.testing.assert_allclose(np.stack(steps), y[0], rtol=1e-6, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[0], rtol=1e-6, atol=1e-6), state, carry)


def test_running_normalisation_is_causal_by_gradient() -> None:
    jacobian = jax.jit(jax.jacrev(lambda x: audio.normalize_running(x)[0].sum(-1)))(FEATURES[0])
    seen = np.any(np.asarray(jacobian), axis=-1)
    assert not np.any(np.triu(seen, 1))
    assert np.all(seen[np.tril_indices(7)][1:])  # the first step is zero whatever it is


ON_WAVEFORMS = {
    "frame": functools.partial(audio.frame, frame_length=32, hop_length=12, padding="REFLECT"),
    "power": functools.partial(audio.power_spectrogram, n_fft=32, hop_length=12, padding="VALID"),
    "mel": functools.partial(audio.mel_spectrogram, padding="CENTER", **MEL),
    "log_mel": functools.partial(audio.log_mel_spectrogram, log="natural", **MEL),
    "mfcc": functools.partial(audio.mfcc, num_coefficients=4, top_db=15.0, **MEL),
}
ON_FEATURES = {
    "db": lambda x, n: (audio.power_to_db(x, n, top_db=15.0), n),
    "log": lambda x, n: (audio.power_to_log(x, n), n),
    "dct": lambda x, n: (audio.dct(x, 2, n), n),
    "deltas": audio.deltas,
    "append_deltas": audio.append_deltas,
    "normalize_over_time": audio.normalize_over_time,
    "normalize_running": lambda x, n: (audio.normalize_running(x, n)[0], n),
}
CASES = {name: (function, X, LENGTHS) for name, function in ON_WAVEFORMS.items()}
CASES |= {name: (function, abs(FEATURES), STEPS) for name, function in ON_FEATURES.items()}
every_case = pytest.mark.parametrize("name", CASES)


@functools.cache
def value_and_gradient(name: str) -> Any:
    def loss(x: Any, lengths: Any) -> Any:
        y, new = CASES[name][0](x, lengths)
        # The same at a place, however many frames follow it.
        weights = np.sin(1 + np.add.outer(7 * np.arange(y.shape[-2]), np.arange(y.shape[-1])))
        return jnp.sum(weights * y), (y, new)

    return jax.jit(jax.grad(loss, has_aux=True))


@every_case
def test_padding_changes_nothing_whatever_it_is_and_however_much(name: str) -> None:
    _, x, lengths = CASES[name]
    padding = np.arange(x.shape[1]) >= lengths[:, None]
    padding = padding.reshape(padding.shape + (1,) * (x.ndim - 2))
    gradient, (y, new) = value_and_gradient(name)(x, lengths)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient)
    np.testing.assert_array_equal(np.where(padding, gradient, 0), 0)
    past = np.arange(y.shape[1]) >= np.asarray(new)[:, None]
    np.testing.assert_array_equal(np.asarray(y)[past], 0)
    for filling in (np.nan, np.inf, 3e38):
        filled = np.where(padding, filling, x).astype(np.float32)
        jax.tree.map(np.testing.assert_array_equal, value_and_gradient(name)(filled, lengths), (gradient, (y, new)))
    more = np.concatenate([x, np.full_like(x, np.nan)], axis=1)
    more_gradient, (more_y, more_new) = value_and_gradient(name)(more, lengths)
    np.testing.assert_allclose(more_gradient[:, : x.shape[1]], gradient, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(more_gradient[:, x.shape[1] :], 0)
    np.testing.assert_allclose(more_y[:, : y.shape[1]], y, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(more_y[:, y.shape[1] :], 0)
    np.testing.assert_array_equal(more_new, new)


@every_case
def test_row_equals_that_row_alone_without_a_batch_and_without_jit(name: str) -> None:
    function, x, lengths = CASES[name]
    _, (y, new) = value_and_gradient(name)(x, lengths)
    alone, none = function(x[1, : lengths[1]], None)
    assert none is None
    np.testing.assert_allclose(alone, y[1, : new[1]], rtol=1e-5, atol=1e-5)


@every_case
def test_silence_and_empty_rows_have_finite_values_and_gradients(name: str) -> None:
    _, x, lengths = CASES[name]
    for silent, own in ((np.zeros_like(x), lengths), (np.full_like(x, np.nan), np.zeros_like(lengths))):
        gradient, (y, _) = value_and_gradient(name)(silent, own)
        assert np.all(np.isfinite(y))
        assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("name", ["log_mel", "mfcc", "deltas", "normalize_over_time", "normalize_running"])
def test_gradient_equals_finite_differences(name: str) -> None:
    function, x, lengths = CASES[name]
    with jax.enable_x64(True):
        x = x[:2, :64].astype(np.float64)
        lengths = np.minimum(lengths[:2], (64, 40))
        direction = np.random.default_rng(1).normal(size=x.shape)
        loss = jax.jit(lambda x: jnp.sum(jnp.sin(function(x, lengths)[0])))
        slope = jnp.vdot(jax.grad(loss)(x), direction)
        numeric = (loss(x + 1e-6 * direction) - loss(x - 1e-6 * direction)) / 2e-6
        assert slope.dtype == jnp.float64
        np.testing.assert_allclose(slope, numeric, rtol=1e-5)


def test_types_that_come_out() -> None:
    run = jax.jit(functools.partial(audio.mfcc, num_coefficients=4, **MEL))
    assert jax.eval_shape(run, jnp.asarray(X, jnp.bfloat16), LENGTHS)[0].dtype == jnp.float32
    whole = np.round(1000 * X).astype(np.int16)
    jax.tree.map(np.testing.assert_array_equal, run(whole, LENGTHS), run(whole.astype(np.float32), LENGTHS))
    for function in (audio.deltas, audio.normalize_over_time, audio.normalize_running):
        y, state = jax.eval_shape(function, jnp.asarray(FEATURES, jnp.bfloat16), STEPS)
        assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in state} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: audio.frame(X, frame_length=0, hop_length=1), "frame_length is 0; allowed: an int >= 1"),
        (lambda: audio.frame(X, frame_length=4, hop_length=0.5), "hop_length is 0.5; allowed: an int >= 1"),
        (lambda: audio.frame(X, frame_length=4, hop_length=1, padding="SAME"), "allowed: VALID, CENTER, REFLECT"),
        (lambda: audio.frame(X, LENGTHS[:2], frame_length=4, hop_length=1), r"lengths have shape \(2,\)"),
        (lambda: audio.frame(X, LENGTHS + 1, frame_length=4, hop_length=1), "lengths reach from 1 to 204"),
        (lambda: audio.frame(0.5, frame_length=4, hop_length=1), "a waveform is a single number"),
        (lambda: audio.window("kaiser", 4), "window is 'kaiser'; allowed: hann, hamming"),
        (lambda: audio.stft(X, n_fft=8, hop_length=2, win_length=9), "win_length is 9; allowed: up to n_fft, 8"),
        (lambda: audio.mel_filter_bank(0, 8, 8000), "num_mels is 0; allowed"),
        (lambda: audio.mel_filter_bank(4, 8, 8000, high_hz=4001), "from 0.0 to 4001 Hz; allowed: a range within 0"),
        (lambda: audio.mel_filter_bank(4, 8, 8000, low_hz=90, high_hz=90), "filters go from 90 to 90 Hz"),
        (lambda: audio.mel_filter_bank(4, 8, 8000, mel_scale="bark"), "mel_scale is 'bark'; allowed: htk, slaney"),
        (lambda: audio.mel_filter_bank(4, 8, 8000, mel_norm="area"), "mel_norm is 'area'; allowed: None, slaney"),
        (lambda: audio.log_mel_spectrogram(X, log="log2", **MEL), "log is 'log2'; allowed: db, natural"),
        (lambda: audio.power_to_db(FEATURES, top_db=-1.0), "top_db is -1.0; allowed: 0 or more, or None"),
        (lambda: audio.dct(FEATURES, 4), "num_coefficients is 4; allowed: 1 to 3"),
        (lambda: audio.dct(FEATURES[0, 0], 1), r"input has shape \(3,\); allowed: batch axes, time, features"),
        (lambda: audio.deltas(FEATURES, width=4), "width of deltas is 4; allowed: an odd int >= 3"),
        (lambda: audio.append_deltas(FEATURES, orders=-1), "orders of deltas is -1; allowed"),
        (lambda: audio.normalize_over_time(FEATURES, epsilon=0), "epsilon is 0; allowed: above 0"),
        (lambda: audio.normalize_running(FEATURES, decay=1.5), "decay is 1.5; allowed: above 0, at most 1"),
        (lambda: audio.normalize_running(FEATURES, None, audio.running_carry((4,), 2)), "carry has shapes"),
    ],
)  # fmt: skip
def test_errors_say_what_is_allowed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
