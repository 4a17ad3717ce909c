"""One contract for lengths, over every layer and pooling function: padding is never read.

Each case runs on rows of 5, 3, 1 and 0 real steps, with a loss that puts weight on padded outputs too, and
the gradient of that loss with respect to parameters, inputs and initial carry is compared along with the
outputs.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import audio, masking, pooling

LENGTHS = np.array([5, 3, 1, 0], np.int32)
WIDTHS = np.array([4, 2, 3, 1], np.int32)
CHANNELS, VOCABULARY, MOST_STEPS = 2, 7, 12
Rows = tuple[int, ...]
ALL: Rows = tuple(range(len(LENGTHS)))
EVERY_ROW = np.ones(len(LENGTHS), np.float32)


class Case(NamedTuple):
    """What to run, and on what: ``spatial`` axes, of which the first ``padded`` have lengths."""

    target: Any
    spatial: int = 1
    padded: int = 1
    tokens: bool = False
    noisy: bool = False  # draws, or takes the mean, over a batch: a row alone gives something else

    @property
    def sizes(self) -> np.ndarray:
        """Real size of every row along every padded axis: [B, padded]."""
        return np.stack([LENGTHS, WIDTHS], axis=-1)[:, : self.padded]

    @property
    def full(self) -> tuple[int, ...]:
        return (5, 4)[: self.spatial]


class Result(NamedTuple):
    y: Any
    lengths: Any
    carry: Any


def pool(function: Callable[..., Any], *kernel_size: int, **options: Any) -> Callable[..., Any]:
    return functools.partial(function, kernel_size=kernel_size, **options)


def pool_and_unpool(x: Any, lengths: Any) -> Any:
    y, _, indices = pooling.max_pool_with_indices(x, lengths, kernel_size=(1,))
    return pooling.max_unpool(y, indices, lengths, output_size=x.shape[-2:-1])


def on_waveform(layer: flax.linen.Module) -> Callable[..., Any]:
    """A layer without parameters, of a waveform, which has no channels."""
    return lambda x, lengths: layer.apply({}, x.sum(-1), lengths)


def normalize_onwards(x: Any, lengths: Any) -> Any:
    """From some statistics on: by its own alone, the first step of a row is zero."""
    carry = jax.tree.map(lambda a: a + 1, audio.running_carry(x.shape[:-2], x.shape[-1]))
    return audio.normalize_running(x, lengths, carry, decay=0.9)[0]


def normalize_batch(train: bool) -> Callable[..., Any]:
    """With running statistics of its own, which are no parameters."""
    statistics = {"mean": np.array([0.5, -1], np.float32), "var": np.array([2, 0.5], np.float32)}
    parameters = {"scale": np.array([1, -2], np.float32), "bias": np.array([0.5, 1], np.float32)}
    variables = {"params": parameters, "batch_stats": statistics}
    return lambda x, lengths: nn.BatchNorm().apply(variables, x, lengths, train=train, mutable=["batch_stats"])[0]


class Scores(flax.linen.Module):
    """The output layer tied to an embedding, which is a method of it."""

    @flax.linen.compact
    def __call__(self, x: Any, lengths: Any = None) -> Any:
        return nn.Embedding(5, CHANNELS).attend(x, lengths)


class Streams(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x: Any, lengths: Any = None) -> Any:
        return nn.Conv1D(3, 3, strides=2)({"first": x[..., :1], "second": x[..., 1:]}, lengths)


class Bins(flax.linen.Module):
    """Kernels on the mel scale, over a spectrum that is made of the channels."""

    @flax.linen.compact
    def __call__(self, x: Any, lengths: Any = None) -> Any:
        spectrum = jnp.concatenate([x * (bin + 1) for bin in range(4)] + [x[..., :1]], axis=-1)
        return nn.MelScaleConv(8000, num_mels=3, features=2, kernel_size=3)(spectrum, lengths)


class Packed(flax.linen.Module):
    """New sequences start within every row, at the second and fourth step."""

    @flax.linen.compact
    def __call__(self, x: Any, lengths: Any = None) -> Any:
        resets_BT = jnp.broadcast_to(jnp.arange(x.shape[-2]) % 2 == 1, x.shape[:-1])
        return nn.Bidirectional(nn.GRU(2, learn_initial_carry=True))(x, lengths, resets_BT=resets_BT)[0]


class Training(flax.linen.Module):
    """A layer with all its noise."""

    layer: Any

    @flax.linen.compact
    def __call__(self, x: Any, lengths: Any = None) -> Any:
        out = self.layer(x, lengths, train=True)
        return out[0] if isinstance(out, tuple) else out


NOISE: dict[str, Any] = {"zoneout_hidden": 0.3, "recurrent_dropout": 0.3, "drop_connect": 0.3}
CASES = {
    **{
        f"conv1d_{padding}_k{size}_s{stride}_d{dilation}": Case(
            nn.Conv1D(3, size, strides=stride, padding=padding, kernel_dilation=dilation)
        )
        for padding, size, stride, dilation in [
            ("SAME", 3, 1, 1),
            ("SAME", 4, 2, 1),
            ("SAME", 2, 3, 2),
            ("VALID", 3, 2, 1),
            ("VALID", 2, 1, 2),
            ("CAUSAL", 3, 1, 2),
            ("CAUSAL", 2, 2, 1),
            (2, 3, 2, 1),
        ]
    },
    "conv1d_pair": Case(nn.Conv1D(3, 3, padding=((0, 2),), use_bias=False)),
    "conv1d_groups": Case(nn.Conv1D(4, 3, feature_group_count=2)),
    "conv1d_reflect": Case(nn.Conv1D(3, 4, padding="REFLECT")),
    "conv1d_circular": Case(nn.Conv1D(3, 3, strides=2, padding="CIRCULAR", kernel_dilation=2)),
    "conv1d_transposed": Case(nn.ConvTranspose1D(3, 3, strides=2)),
    "conv1d_transposed_valid": Case(nn.ConvTranspose1D(3, 2, strides=2, padding="VALID", kernel_dilation=2)),
    "conv1d_transposed_causal": Case(nn.ConvTranspose1D(4, 3, strides=2, padding="CAUSAL", feature_group_count=2)),
    "conv1d_transposed_pair": Case(nn.ConvTranspose1D(3, 4, strides=2, padding=((1, 0),), output_padding=1)),
    "conv2d_reflect": Case(nn.Conv2D(3, (3, 2), padding="REFLECT"), spatial=2),
    "conv2d_circular": Case(nn.Conv2D(3, (2, 3), padding="CIRCULAR"), spatial=2, padded=2),
    "conv2d_transposed": Case(nn.ConvTranspose2D(3, (3, 2), strides=(1, 2)), spatial=2, padded=2),
    "conv2d_time": Case(nn.Conv2D(3, 3, strides=(2, 1)), spatial=2),
    "conv2d_causal": Case(nn.Conv2D(3, (2, 3), padding="CAUSAL", kernel_dilation=(2, 1)), spatial=2),
    "conv2d_both": Case(nn.Conv2D(3, (3, 2), strides=2), spatial=2, padded=2),
    "conv2d_valid": Case(nn.Conv2D(3, 2, padding="VALID"), spatial=2, padded=2),
    "rnn": Case(nn.RNN(3)),
    "rnn_relu_reverse": Case(nn.RNN(3, activation="relu", reverse=True)),
    "lstm": Case(nn.LSTM(3)),
    "lstm_reverse": Case(nn.LSTM(3, reverse=True)),
    "gru": Case(nn.GRU(3)),
    "gru_reverse": Case(nn.GRU(3, reverse=True)),
    "rnn_layer_norm": Case(nn.RNN(3, layer_norm=True)),
    "lstm_everything": Case(nn.LSTM(3, peephole=True, projection=2, layer_norm=True, zoneout_cell=0.3, remat=True)),
    "lstm_coupled_reverse": Case(nn.LSTM(3, coupled=True, zoneout_hidden=0.3, reverse=True, remat=True)),
    "gru_before": Case(nn.GRU(3, reset_after=False, layer_norm=True)),
    "linear": Case(
        nn.Stacked(
            (
                nn.MinLSTM(3, reverse=True),
                nn.LRU(3, engine="associative"),
                nn.QRNN(1, kernel_size=3, reverse=True, engine="associative"),
            )
        )
    ),
    "bidirectional": Case(nn.Bidirectional(nn.LSTM(2))),
    "bidirectional_gate": Case(nn.Bidirectional(nn.GRU(2), "gate")),
    "stacked_residual": Case(nn.Stacked((nn.Bidirectional(nn.GRU(2), "sum"), nn.LSTM(2)), connection="residual")),
    "stacked_highway": Case(nn.Stacked((nn.RNN(2), nn.Bidirectional(nn.GRU(2), "mean")), connection="highway")),
    "stacked_skip": Case(nn.Stacked((nn.LSTM(2), nn.GRU(3, reverse=True)), connection="skip")),
    "stacked": Case(nn.Stacked((nn.LSTM(2), nn.Bidirectional(nn.GRU(2)), nn.RNN(3, reverse=True)))),
    "streams": Case(Streams()),
    "mel_scale_conv": Case(Bins()),
    "adaptive_softmax": Case(nn.AdaptiveSoftmax((2, 4, 6))),
    "chain_potentials": Case(nn.ChainPotentials(3)),
    "packed": Case(Packed()),
    "training_lstm": Case(Training(nn.LSTM(3, zoneout_cell=0.3, **NOISE)), noisy=True),
    "training_stacked": Case(
        Training(nn.Stacked((nn.Bidirectional(nn.GRU(2, **NOISE)), nn.RNN(4, **NOISE)), dropout=0.3)), noisy=True
    ),
    "training_embedding": Case(
        Training(nn.Embedding(VOCABULARY, 3, word_dropout=0.1, unknown_id=0, embedding_dropout=0.1)),
        tokens=True,
        noisy=True,
    ),
    "batch_norm": Case(normalize_batch(train=False)),
    "batch_norm_2d_both": Case(normalize_batch(train=False), spatial=2, padded=2),
    "training_batch_norm": Case(normalize_batch(train=True), noisy=True),
    "training_batch_norm_2d_time": Case(normalize_batch(train=True), spatial=2, noisy=True),
    "training_batch_norm_2d_both": Case(normalize_batch(train=True), spatial=2, padded=2, noisy=True),
    "class_softmax": Case(nn.ClassSoftmax((2, 4, 6))),
    "dense": Case(nn.Dense(3)),
    "dense_without_bias": Case(nn.Dense(3, use_bias=False)),
    "embedding": Case(nn.Embedding(VOCABULARY, 3), tokens=True),
    "embedding_padding_id": Case(nn.Embedding(VOCABULARY + 1, 3, padding_id=VOCABULARY), tokens=True),
    "embedding_frozen": Case(nn.Embedding(VOCABULARY, 3, frozen=True), tokens=True),
    "embedding_attend": Case(Scores()),
    "max_pool": Case(pool(pooling.max_pool, 2)),
    "max_pool_overlapping": Case(pool(pooling.max_pool, 3, strides=1, padding="SAME")),
    "max_pool_causal": Case(pool(pooling.max_pool, 3, strides=2, padding="CAUSAL")),
    "max_pool_dilated": Case(pool(pooling.max_pool, 3, strides=1, padding=2, dilation=2)),
    "max_pool_ceil": Case(pool(pooling.max_pool, 2, strides=3, padding=1, ceil_mode=True)),
    "max_pool_2d_time": Case(pool(pooling.max_pool, 2, 2, padding=1), spatial=2),
    "max_pool_2d_both": Case(pool(pooling.max_pool, 2, 3, strides=(1, 2), padding="SAME"), spatial=2, padded=2),
    "max_pool_and_unpool": Case(pool_and_unpool),
    "avg_pool": Case(pool(pooling.avg_pool, 2)),
    "avg_pool_ceil": Case(pool(pooling.avg_pool, 3, strides=2, padding=1, ceil_mode=True)),
    "avg_pool_real": Case(pool(pooling.avg_pool, 3, strides=1, padding="SAME", count_include_pad=False)),
    "avg_pool_2d_time": Case(pool(pooling.avg_pool, 2, 2, padding="CAUSAL"), spatial=2),
    "avg_pool_2d_both": Case(pool(pooling.avg_pool, 2, 3, strides=1, padding="SAME"), spatial=2, padded=2),
    "adaptive_avg_pool": Case(functools.partial(pooling.adaptive_avg_pool, output_size=(3,))),
    "adaptive_max_pool": Case(functools.partial(pooling.adaptive_max_pool, output_size=(2,))),
    "adaptive_avg_pool_2d_both": Case(
        functools.partial(pooling.adaptive_avg_pool, output_size=(2, 3)), spatial=2, padded=2
    ),
    "adaptive_max_pool_2d_time": Case(functools.partial(pooling.adaptive_max_pool, output_size=(3, 2)), spatial=2),
    "k_max_pool": Case(lambda x, lengths: pooling.k_max_pool(x, lengths, k=min(3, x.shape[-2]))),
    "max_over_time": Case(pooling.max_over_time),
    "mean_over_time": Case(pooling.mean_over_time),
    "first_over_time": Case(pooling.first_over_time),
    "last_over_time": Case(pooling.last_over_time),
    "log_sum_exp_over_time": Case(pooling.log_sum_exp_over_time),
    "attention_over_time": Case(lambda x, lengths: pooling.attention_over_time(x, x.sum(-1), lengths)),
    "attention_pooling": Case(nn.AttentionPooling(3)),
    "log_mel_spectrogram": Case(on_waveform(nn.LogMelSpectrogram(8, 4, 2, num_mels=2, top_db=None))),
    "mfcc": Case(on_waveform(nn.MFCC(8, 4, 1, padding="CENTER", num_mels=2, log="natural", num_coefficients=2))),
    "normalize_running": Case(normalize_onwards),
    "reverse_within_length": Case(masking.reverse_within_length),
}
SUMMARIES = (*(name for name in CASES if name.endswith("_over_time")), "attention_pooling")
every_case = pytest.mark.parametrize("name", CASES, scope="module")  # what is kept of a case is used in a row


def is_recurrent(case: Case) -> bool:
    return isinstance(case.target, nn.RecurrentLayer | nn.Bidirectional | nn.Stacked)


def draw(case: Case, full: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random inputs [B, *full, C], or tokens [B, T]."""
    generator = np.random.default_rng(seed)
    if case.tokens:
        return generator.integers(0, VOCABULARY, (len(LENGTHS), *full)).astype(np.int32)
    return generator.normal(size=(len(LENGTHS), *full, CHANNELS)).astype(np.float32)


def real(sizes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """True where every padded axis is within its row's size; broadcasts against arrays of ``shape``."""
    mask = np.ones(shape, bool)
    for axis in range(sizes.shape[-1]):
        places = np.arange(shape[1 + axis]).reshape((-1,) + (1,) * (len(shape) - 2 - axis))
        mask &= places < sizes[:, axis].reshape((-1,) + (1,) * (len(shape) - 1))
    return mask


def as_lengths(case: Case, sizes: np.ndarray) -> np.ndarray:
    return sizes[:, 0] if case.padded == 1 else sizes


@functools.cache
def params_and_carry(name: str) -> tuple[Any, Any]:
    """Random parameters (biases too) and a random carry for all rows."""
    case = CASES[name]
    layer = case.target
    if not isinstance(layer, flax.linen.Module):
        return {}, None

    def redraw(tree: Any, seed: int) -> Any:
        generator = np.random.default_rng(seed)
        return jax.tree.map(lambda a: generator.normal(size=a.shape, scale=0.7).astype(np.float32), tree)

    shapes = jax.eval_shape(layer.init, jax.random.key(0), jnp.asarray(draw(case, case.full)))
    carry = redraw(layer.initial_carry((len(LENGTHS),)), 2) if is_recurrent(case) else None
    return redraw(shapes, 1), carry


def run(name: str, params: Any, x: Any, lengths: Any, carry: Any) -> Result:
    """Runs a case, whatever its signature."""
    case = CASES[name]
    rngs = {"dropout": jax.random.key(0)}
    target = functools.partial(case.target.apply, params, rngs=rngs) if params else case.target
    if is_recurrent(case):
        y, carry = target(x, lengths, carry)
        return Result(y, lengths, carry)
    out = target(x, lengths)
    return Result(*out, None) if isinstance(out, tuple) else Result(out, lengths, None)


def weights_for(tree: Any, rows: Rows) -> Any:
    """Fixed random weights for the loss on ``rows``; a longer axis starts with those of a shorter one."""

    def of(array: Any) -> Any:
        shape = (len(LENGTHS), *(2 * MOST_STEPS + 4,) * (array.ndim - 2), 6)
        weights = np.random.default_rng(array.ndim).normal(size=shape).astype(np.float32)
        return weights[(list(rows), *(slice(size) for size in array.shape[1:]))]

    return jax.tree.map(of, tree)


@functools.partial(jax.jit, static_argnums=0)
def forward(name: str, params: Any, x: Any, lengths: Any, carry: Any) -> Result:
    return run(name, params, x, lengths, carry)


@functools.partial(jax.jit, static_argnums=(0, 5))
def evaluate(name: str, params: Any, x: Any, lengths: Any, carry: Any, rows: Rows, on: Any) -> Any:
    """The result, and the gradients (params, x, carry) of a weighted sum of outputs and carry.

    ``rows`` says which rows these are, and ``on`` which of them count.
    """

    def loss(params: Any, x: Any, carry: Any) -> Any:
        result = run(name, params, x, lengths, carry)
        out = (result.y, result.carry)
        weights = jax.tree.map(lambda w: (w.T * on).T, weights_for(out, rows))
        return sum(jnp.vdot(w, o) for w, o in zip(*map(jax.tree.leaves, (weights, out)), strict=True)), result

    wanted = (0, 2) if CASES[name].tokens else (0, 1, 2)
    gradients, result = jax.grad(loss, wanted, has_aux=True)(params, x, carry)
    return result, gradients


@functools.cache
def original(name: str) -> Any:
    case = CASES[name]
    params, carry = params_and_carry(name)
    x = np.where(real(case.sizes, draw(case, case.full).shape), draw(case, case.full), 0)
    return evaluate(name, params, x, as_lengths(case, case.sizes), carry, ALL, EVERY_ROW)


def assert_same(actual: Any, expected: Any, exactly: bool = False) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        if exactly:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)


@every_case
def test_layer_ignores_padding_contents(name: str) -> None:
    case = CASES[name]
    params, carry = params_and_carry(name)
    x = draw(case, case.full)
    mask = real(case.sizes, x.shape)
    assert not mask.all()
    fillings = (-1, 2**31 - 1, 3) if case.tokens else (draw(case, case.full, seed=9), 3e38, np.nan, -np.inf)
    for filling in fillings:
        filled = np.where(mask, x, filling).astype(x.dtype)
        lengths = as_lengths(case, case.sizes)
        result, gradients = evaluate(name, params, filled, lengths, carry, ALL, EVERY_ROW)
        assert_same((result, gradients), original(name), exactly=True)
        if not case.tokens:
            np.testing.assert_array_equal(np.where(mask, 0, gradients[1]), 0)
    if params:
        assert all(np.any(leaf) for leaf in jax.tree.leaves(original(name)[1][0])), "a gradient is 0 everywhere"


@every_case
def test_layer_ignores_amount_of_padding(name: str) -> None:
    case = CASES[name]
    params, carry = params_and_carry(name)
    expected_result, expected_gradients = original(name)
    for more in (1, 7):
        full = (*(size + more for size in case.full[: case.padded]), *case.full[case.padded :])
        inner = (slice(None), *map(slice, case.full))
        x = np.full(draw(case, full).shape, 1 if case.tokens else np.nan, np.int32 if case.tokens else np.float32)
        x[inner] = draw(case, case.full)
        lengths = as_lengths(case, case.sizes)
        if more == 1:
            result = forward(name, params, x, lengths, carry)
        else:
            result, gradients = evaluate(name, params, x, lengths, carry, ALL, EVERY_ROW)
            cut = (gradients[0], gradients[1][inner], *gradients[2:]) if not case.tokens else gradients
            assert_same(cut, expected_gradients)
        kept = result.y[tuple(map(slice, expected_result.y.shape))]
        assert_same(result._replace(y=kept), expected_result)
        assert np.sum(np.abs(result.y)) == pytest.approx(np.sum(np.abs(kept)), rel=1e-5), "outputs in the padding"


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].noisy], scope="module")
@pytest.mark.parametrize("row", [1, 2])
def test_layer_row_equals_that_row_alone(name: str, row: int) -> None:
    case = CASES[name]
    params, carry = params_and_carry(name)
    result, _ = original(name)
    alone = (row, *map(slice, case.sizes[row]))
    new_sizes = np.atleast_1d(result.lengths[row])
    if name not in SUMMARIES and not new_sizes.all():
        np.testing.assert_array_equal(result.y[row], 0)
        return
    x = draw(case, case.full)
    own_carry = jax.tree.map(lambda a: a[row : row + 1], carry)
    own, own_gradients = evaluate(name, params, x[alone][None], None, own_carry, (row,), np.ones(1, np.float32))
    on = np.eye(len(LENGTHS), dtype=np.float32)[row]
    batch = evaluate(name, params, x, as_lengths(case, case.sizes), carry, ALL, on)[1]
    if name in SUMMARIES:
        assert_same(own.y[0], result.y[row])
    else:
        assert own.y.shape[1 : 1 + case.padded] == tuple(new_sizes), "the lengths that come out"
        assert_same(own.y[0], result.y[(row, *map(slice, new_sizes))])
    assert_same(jax.tree.map(lambda a: a[0], own.carry), jax.tree.map(lambda a: a[row], result.carry))
    assert_same(own_gradients[0], batch[0])
    assert_same(jax.tree.map(lambda a: a[0], own_gradients[-1]), jax.tree.map(lambda a: a[row], batch[-1]))
    if not case.tokens:
        assert_same(own_gradients[1][0], batch[1][alone])


@every_case
def test_layer_outputs_past_the_length_are_zero(name: str) -> None:
    result, _ = original(name)
    y = np.asarray(result.y)
    assert np.isfinite(y).all()
    np.testing.assert_array_equal(y[3], 0)
    if name in SUMMARIES:
        return
    new_sizes = np.asarray(result.lengths).reshape(len(LENGTHS), -1)
    mask = real(new_sizes, y.shape)
    np.testing.assert_array_equal(y[~mask], 0)
    # Were the lengths too short by one, real outputs would be missed: relu and ties aside, none of them is 0.
    if name != "rnn_relu_reverse" and not CASES[name].noisy:
        assert np.all(y[mask] != 0)


@every_case
def test_layer_empty_rows_take_no_gradient_and_keep_their_carry(name: str) -> None:
    case = CASES[name]
    params, carry = params_and_carry(name)
    x = draw(case, case.full)
    x = np.full_like(x, 2**31 - 1 if case.tokens else np.nan)
    lengths = np.zeros_like(as_lengths(case, case.sizes))
    result, gradients = evaluate(name, params, x, lengths, carry, ALL, EVERY_ROW)
    np.testing.assert_array_equal(result.y, 0)
    if name not in SUMMARIES:
        np.testing.assert_array_equal(result.lengths, 0)
    for leaf in jax.tree.leaves(gradients[:-1]):
        np.testing.assert_array_equal(leaf, 0)
    assert_same(result.carry, carry, exactly=True)
    assert_same(gradients[-1], weights_for(carry, ALL), exactly=True)
