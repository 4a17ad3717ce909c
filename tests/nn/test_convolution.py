"""Convolution layers: streams, step by step, causality; types, initialisers, errors, transforms.

Their values and first gradients are compared with PyTorch's in ``test_convolution_parity``.
"""

import functools
from typing import Any

import flax.errors
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import masking

LENGTHS = np.array([7, 4, 3, 0], np.int32)
REAL = np.arange(7) < LENGTHS[:, None]


def draw(tree: Any, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda a: generator.normal(size=a.shape).astype(np.float32), tree)


X = draw(jnp.empty((4, 7, 2)), 0)
IMAGES = draw(jnp.empty((4, 7, 5, 2)), 1)
STREAMS = {"words": X, "tags": draw(jnp.empty((4, 7, 3)), 3)}
IMAGE_STREAMS = (IMAGES, draw(jnp.empty((4, 7, 5, 1)), 4))

CASES: dict[str, tuple[Any, Any]] = {
    "1d": (nn.Conv1D(3, 3, strides=2), X),
    "1d_reflect": (nn.Conv1D(4, 3, padding="REFLECT", feature_group_count=2), X),
    "1d_streams": (nn.Conv1D(3, 2), STREAMS),
    "2d": (nn.Conv2D(3, 2), IMAGES),
    "2d_circular": (nn.Conv2D(3, (3, 2), padding="CIRCULAR", kernel_dilation=(1, 2)), IMAGES),
    "transpose1d": (nn.ConvTranspose1D(3, 3, strides=2), X),
    "transpose2d": (nn.ConvTranspose2D(3, 2, strides=(2, 1), padding="CAUSAL"), IMAGES),
}
every_case = pytest.mark.parametrize("name", CASES)


def random_params(layer: Any, x: Any, seed: int = 2) -> Any:
    return draw(jax.eval_shape(layer.init, jax.random.key(0), x), seed)


def assert_close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


# Streams.


def torch_conv1d(kernel: np.ndarray, x: np.ndarray, left: int, right: int) -> np.ndarray:
    torch = pytest.importorskip("torch")
    padded = np.pad(x, ((left, right), (0, 0))).T[None]
    y = torch.nn.functional.conv1d(torch.tensor(padded), torch.tensor(np.transpose(kernel, (2, 1, 0))))
    return y[0].numpy().T


def test_conv1d_streams_equal_the_sum_of_torch_convolutions() -> None:
    layer = nn.Conv1D(3, 4)
    params = random_params(layer, STREAMS)
    weights = params["params"]
    assert {name: leaf.shape for name, leaf in weights.items()} == {
        "kernel_words": (4, 2, 3), "kernel_tags": (4, 3, 3), "bias": (3,)
    }  # fmt: skip
    dirty = {name: np.where(REAL[..., None], x, np.nan) for name, x in STREAMS.items()}
    y, lengths = layer.apply(params, dirty, LENGTHS)
    np.testing.assert_array_equal(lengths, LENGTHS)
    for row, length in enumerate(LENGTHS[:3]):
        parts = [torch_conv1d(weights[f"kernel_{name}"], x[row, :length], 1, 2) for name, x in STREAMS.items()]
        assert_close(y[row, :length], sum(parts) + weights["bias"])
        np.testing.assert_array_equal(y[row, length:], 0)


@pytest.mark.parametrize(
    ("layer", "streams"),
    [
        (nn.Conv1D(3, 3, padding="REFLECT"), STREAMS),
        (nn.Conv2D(3, (2, 3), strides=2), IMAGE_STREAMS),
        (nn.ConvTranspose1D(3, 3, strides=2), STREAMS),
    ],
    ids=["1d", "2d", "transpose1d"],
)
def test_conv_streams_equal_one_convolution_of_their_channels(layer: Any, streams: Any) -> None:
    params = random_params(layer, streams)
    names = sorted(streams) if isinstance(streams, dict) else range(len(streams))
    kernels = [params["params"][f"kernel_{name}"] for name in names]
    one = {"params": {"kernel": np.concatenate(kernels, axis=-2), "bias": params["params"]["bias"]}}
    joined = np.concatenate([streams[name] for name in names], axis=-1)
    y, lengths = jax.jit(layer.apply)(params, streams, LENGTHS)
    expected, expected_lengths = jax.jit(layer.apply)(one, joined, LENGTHS)
    assert_close(y, expected)
    np.testing.assert_array_equal(lengths, expected_lengths)


def test_conv_takes_streams_by_name_or_by_place() -> None:
    """The order of a mapping says nothing; that of a sequence does; one stream is no stream."""
    layer = nn.Conv1D(3, 3)
    params = random_params(layer, STREAMS)
    expected, _ = layer.apply(params, STREAMS)
    backwards, _ = layer.apply(params, dict(reversed(STREAMS.items())))
    np.testing.assert_array_equal(backwards, expected)

    names = {"kernel_words": "kernel_0", "kernel_tags": "kernel_1", "bias": "bias"}
    by_place = {"params": {names[name]: leaf for name, leaf in params["params"].items()}}
    for streams in ((STREAMS["words"], STREAMS["tags"]), [STREAMS["words"], STREAMS["tags"]]):
        shapes = jax.eval_shape(layer.init, jax.random.key(0), streams)
        assert jax.tree.structure(shapes) == jax.tree.structure(by_place)
        assert_close(layer.apply(by_place, streams)[0], expected)

    alone = random_params(layer, X)
    for single in ([X], {"words": X}):
        np.testing.assert_array_equal(layer.apply(alone, single)[0], layer.apply(alone, X)[0])


def test_conv_streams_start_with_the_fan_in_of_all() -> None:
    layer = nn.Conv1D(256, 3)
    kernels = layer.init(jax.random.key(0), [X, X, draw(jnp.empty((4, 7, 4)), 0)])["params"]
    for name in ("kernel_0", "kernel_1", "kernel_2"):
        # 1536 numbers and more: their variance is known to 4 %.
        assert np.var(kernels[name]) == pytest.approx(1 / (3 * (2 + 2 + 4)), rel=0.15)
    assert abs(np.corrcoef(kernels["kernel_0"].ravel(), kernels["kernel_1"].ravel())[0, 1]) < 0.1


# Causality and step by step.


@pytest.mark.parametrize(("padding", "sees_ahead"), [("CAUSAL", False), ("SAME", True)])
def test_conv1d_causal_sees_no_later_step(padding: str, sees_ahead: bool) -> None:
    layer = nn.Conv1D(2, 3, padding=padding, kernel_dilation=2)
    params = random_params(layer, X)
    jacobian = jax.jit(jax.jacrev(lambda x: layer.apply(params, x[None], jnp.array([5]))[0][0]))(X[0])
    influence = np.abs(jacobian).sum(axis=(1, 3))  # y_T by x_T
    np.testing.assert_array_equal(influence[:, 5:], 0)
    np.testing.assert_array_equal(influence[5:], 0)
    assert np.any(np.triu(influence, 1)) == sees_ahead
    reached = {"CAUSAL": (0, 2, 4), "SAME": (-2, 0, 2)}[padding]
    for t, s in np.ndindex(5, 5):
        assert (influence[t, s] > 0) == (t - s in reached), f"y at {t} by x at {s}"


def test_conv2d_causal_sees_no_later_row() -> None:
    layer = nn.Conv2D(1, (2, 3), padding="CAUSAL")
    params = random_params(layer, IMAGES)
    jacobian = jax.jit(jax.jacrev(lambda x: layer.apply(params, x[None])[0][0]))(IMAGES[0])
    influence = np.abs(jacobian).sum(axis=(1, 2, 4, 5))  # y_H by x_H
    np.testing.assert_array_equal(influence > 0, np.tril(np.ones((7, 7)), 0) - np.tril(np.ones((7, 7)), -2))


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Conv1D(3, 3, padding="CAUSAL", kernel_dilation=2), X),
        (nn.Conv1D(3, 1, padding="CAUSAL", use_bias=False), X),
        (nn.Conv1D(3, 4, padding="CAUSAL"), STREAMS),
        (nn.Conv2D(4, (3, 2), strides=(1, 2), padding="CAUSAL", feature_group_count=2), IMAGES),
        (nn.Conv2D(3, (2, 3), padding="CAUSAL", kernel_dilation=(2, 1)), IMAGE_STREAMS),
    ],
    ids=["1d_dilated", "1d_pointwise", "1d_streams", "2d", "2d_streams"],
)
def test_conv_step_by_step_equals_the_whole(layer: Any, x: Any) -> None:
    params = random_params(layer, x)
    expected, _ = layer.apply(params, x)
    channels = sum(leaf.shape[-1] for leaf in jax.tree.leaves(x))
    width = jax.tree.leaves(x)[0].shape[2:-1]
    carry = layer.initial_carry((4,), *width, channels)
    reach = (np.atleast_1d(layer.kernel_size)[0] - 1) * np.atleast_1d(layer.kernel_dilation)[0] + 1
    assert carry.shape == (4, reach - 1, *width, channels)

    def step(carry: Any, x: Any) -> Any:
        y, carry = layer.apply(params, carry, x, method="step")
        return carry, y

    _, y = jax.lax.scan(step, carry, jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), x))
    assert_close(jnp.moveaxis(y, 0, 1), expected)


def test_conv_step_takes_any_batch_axes_and_keeps_its_dtype() -> None:
    layer = nn.Conv1D(3, 3, padding="CAUSAL", dtype=jnp.bfloat16)
    params = random_params(layer, X)
    carry = layer.initial_carry((2, 2), 2)
    assert carry.dtype == jnp.bfloat16
    y, new = layer.apply(params, carry, X[:, 0].reshape(2, 2, 2), method="step")
    assert (new.shape, new.dtype, y.dtype) == (carry.shape, carry.dtype, jnp.bfloat16)
    np.testing.assert_array_equal(y.reshape(4, 3), layer.apply(params, X)[0][:, 0])
    alone, _ = layer.apply(params, layer.initial_carry((), 2), X[0, 0], method="step")
    np.testing.assert_array_equal(alone, y[0, 0])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Conv1D(3, 3), "a convolution with padding 'SAME' has no step; allowed: CAUSAL"),
        (nn.Conv1D(3, 3, padding=((2, 0),)), r"a convolution with padding \(\(2, 0\),\) has no step; allowed: CAUSAL"),
        (nn.Conv1D(3, 3, padding="CAUSAL", strides=2), "a convolution with a stride of 2 in time has no step"),
        (nn.Conv2D(3, 3, padding="CAUSAL", strides=(2, 1)), "a convolution with a stride of 2 in time has no step"),
    ],
)
def test_conv_that_has_no_step_refuses_it(layer: Any, message: str) -> None:
    spatial = 1 if isinstance(layer, nn.Conv1D) else 2
    x = (X, IMAGES)[spatial - 1]
    with pytest.raises(ValueError, match=message):
        layer.initial_carry((4,), *x.shape[2:])
    with pytest.raises(ValueError, match=message):
        layer.apply(random_params(layer, x), jnp.zeros((4, 2, *x.shape[2:])), x[:, 0], method="step")


def test_conv_transpose_has_no_step() -> None:
    layer = nn.ConvTranspose1D(3, 3, padding="CAUSAL")
    with pytest.raises(ValueError, match="a transposed convolution has no step"):
        layer.apply(random_params(layer, X), jnp.zeros((4, 2, 2)), X[:, 0], method="step")


# Transforms, batch axes and derivatives.


@every_case
def test_conv_under_transforms_equals_plain(name: str) -> None:
    """jit, a second call that compiles nothing, several batch axes, none, and vmap over models."""
    layer, x = CASES[name]
    params, other = random_params(layer, x), random_params(layer, x, seed=5)
    expected, expected_lengths = layer.apply(params, x, LENGTHS)
    traces = []

    @jax.jit
    def compiled(params: Any, x: Any, lengths: Any) -> Any:
        traces.append(lengths.shape)
        return layer.apply(params, x, lengths)

    y, lengths = compiled(params, x, LENGTHS)
    compiled(params, jax.tree.map(lambda leaf: leaf + 1, x), LENGTHS[::-1].copy())
    assert len(traces) == 1
    assert_close(y, expected)
    np.testing.assert_array_equal(lengths, expected_lengths)

    fold = functools.partial(jax.tree.map, lambda leaf: leaf.reshape(2, 2, *leaf.shape[1:]))
    folded, folded_lengths = compiled(params, fold(x), fold(LENGTHS))
    assert_close(folded.reshape(y.shape), expected)
    np.testing.assert_array_equal(folded_lengths, expected_lengths.reshape(2, 2))
    alone, length = compiled(params, jax.tree.map(lambda leaf: leaf[1], x), LENGTHS[1])
    assert_close(alone, expected[1])
    assert length == expected_lengths[1]

    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, other)
    together, _ = jax.jit(jax.vmap(lambda params: layer.apply(params, x, LENGTHS)))(both)
    assert_close(together[0], expected)
    assert_close(together[1], compiled(other, x, LENGTHS)[0])


@every_case
def test_conv_takes_an_empty_batch(name: str) -> None:
    layer, x = CASES[name]
    params = random_params(layer, x)
    y, lengths = jax.jit(layer.apply)(params, jax.tree.map(lambda leaf: leaf[:0], x), LENGTHS[:0])
    assert y.shape == (0, *jax.eval_shape(layer.apply, params, x)[0].shape[1:])
    assert lengths.shape == (0,)


@every_case
def test_conv_second_derivatives_agree(name: str) -> None:
    """Along a random direction of parameters and input: forward over reverse, reverse over reverse, differences."""
    layer, x = CASES[name]
    with jax.enable_x64(True):
        point, direction = (
            jax.tree.map(lambda leaf: leaf.astype(np.float64), (random_params(layer, x, seed), draw(x, seed)))
            for seed in (6, 7)
        )

        def loss(point: Any) -> jax.Array:
            y, _ = layer.apply(*point, LENGTHS)
            return jnp.sum(jnp.tanh(y) * jnp.arange(y.shape[1]).reshape(-1, *(1,) * (y.ndim - 2)))

        def shifted(by: float) -> Any:
            return jax.tree.map(lambda leaf, d: leaf + by * d, point, direction)

        @jax.jit
        def derivatives(point: Any, before: Any, after: Any) -> Any:
            gradient = jax.grad(loss)
            forward = jax.jvp(gradient, (point,), (direction,))[1]
            slope = lambda point: sum(map(jnp.vdot, *map(jax.tree.leaves, (gradient(point), direction))))  # noqa: E731
            differences = jax.tree.map(lambda a, b: (a - b) / 2e-5, gradient(after), gradient(before))
            return forward, jax.grad(slope)(point), differences

        leaves = [jax.tree.leaves(tree) for tree in derivatives(point, shifted(-1e-5), shifted(1e-5))]
        for forward, reverse, differences in zip(*leaves, strict=True):
            assert np.abs(forward).max() > 1e-2
            np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(forward, differences, rtol=1e-5, atol=1e-5)


# Types and initialisers.


@every_case
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.bfloat16, 0.03), (jnp.float16, 0.004)], ids=["bf16", "f16"])
def test_conv_computes_in_its_dtype_with_float32_params(name: str, dtype: Any, tolerance: float) -> None:
    """To about 8 units in the last place of the largest output: inputs, products and sum are rounded."""
    layer, x = CASES[name]
    params = random_params(layer, x)
    half = layer.clone(dtype=dtype)
    shapes = jax.eval_shape(half.init, jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype(jnp.float32)}
    expected, expected_lengths = jax.jit(layer.apply)(params, x, LENGTHS)
    y, lengths = jax.jit(half.apply)(params, x, LENGTHS)
    assert y.dtype == dtype
    assert lengths.dtype == jnp.int32
    np.testing.assert_array_equal(lengths, expected_lengths)
    np.testing.assert_allclose(y.astype(np.float32), expected, rtol=0, atol=tolerance * np.abs(expected).max())
    assert not np.array_equal(y.astype(np.float32), expected)


def test_conv_takes_its_initialisers_and_param_dtype() -> None:
    def count_up(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        return jnp.arange(np.prod(shape), dtype=dtype).reshape(shape)

    layer = nn.Conv1D(3, 2, kernel_init=count_up, bias_init=count_up, param_dtype=jnp.float16)
    params = layer.init(jax.random.key(0), X)["params"]
    np.testing.assert_array_equal(params["kernel"], np.arange(12).reshape(2, 2, 3))
    np.testing.assert_array_equal(params["bias"], [0, 1, 2])
    assert {leaf.dtype for leaf in params.values()} == {jnp.dtype(jnp.float16)}
    assert set(layer.clone(use_bias=False).init(jax.random.key(0), X)["params"]) == {"kernel"}
    assert nn.Conv2D(4, (3, 1), feature_group_count=2).init(jax.random.key(0), IMAGES)["params"]["kernel"].shape == (
        3, 1, 1, 4
    )  # fmt: skip


def test_conv_computes_in_float64_where_it_is_enabled() -> None:
    with jax.enable_x64(True):
        layer = nn.Conv1D(3, 3, param_dtype=jnp.float64)
        params = layer.init(jax.random.key(0), X)
        assert params["params"]["kernel"].dtype == jnp.float64
        y, lengths = layer.apply(params, X, LENGTHS)
        assert (y.dtype, lengths.dtype) == (jnp.float64, jnp.int32)
        taps = np.pad(X[0].astype(np.float64), ((1, 1), (0, 0)))
        expected = sum(taps[i : i + 7] @ np.asarray(params["params"]["kernel"][i]) for i in range(3))
        np.testing.assert_allclose(y[0], expected, rtol=0, atol=1e-14)
        single = layer.clone(dtype=jnp.float32).apply(params, X, LENGTHS)[0]
        assert single.dtype == jnp.float32


# Refusals.


@every_case
def test_conv_refuses_lengths_out_of_range(name: str) -> None:
    """At once where their values are known; under jit by ``checkified``, and without it they are not looked at."""
    layer, x = CASES[name]
    params = random_params(layer, x)
    for wrong, reach in [(LENGTHS + 1, "from 1 to 8"), (LENGTHS - 1, "from -1 to 6")]:
        message = f"lengths reach {reach}; allowed: 0 to 7"
        with pytest.raises(ValueError, match=message):
            layer.apply(params, x, wrong)
        if reach == "from 1 to 8" and name in ("1d_streams", "2d", "transpose1d"):
            run = jax.jit(layer.apply)
            run(params, x, jnp.asarray(wrong))
            checked = masking.checkified(run)
            with pytest.raises(ValueError, match=message):
                checked(params, x, jnp.asarray(wrong))[0].throw()
            checked(params, x, jnp.asarray(LENGTHS))[0].throw()


REFUSALS: dict[str, tuple[Any, Any, Any, str]] = {
    "padding": (
        nn.Conv1D(3, 3, padding="reflect"), X, None,
        "padding is 'reflect'; allowed: VALID, SAME, CAUSAL, REFLECT, CIRCULAR, an int",
    ),
    "transposed": (
        nn.ConvTranspose1D(3, 3, padding="REFLECT"), X, None,
        "padding is 'REFLECT'; allowed: VALID, SAME, CAUSAL, an int",
    ),
    "pairs": (nn.Conv2D(3, 3, padding=((1, 1),)), IMAGES, None, r"padding is \(\(1, 1\),\); allowed: "),
    "kernel": (nn.Conv1D(3, 8, padding="VALID"), X, None, "window of 8 .* spatial axis 0 of the input has 7"),
    "kernel_size": (nn.Conv1D(3, (3, 3)), X, None, r"kernel_size is \(3, 3\); allowed: an int >= 1, or a sequence"),
    "strides": (nn.Conv2D(3, 3, strides=0), IMAGES, None, "strides is 0; allowed: an int >= 1, or a sequence of 2"),
    "dilation": (nn.Conv1D(3, 3, kernel_dilation=1.5), X, None, "dilation is 1.5; allowed: an int"),
    "negative dilation": (
        nn.ConvTranspose2D(3, 3, kernel_dilation=(1, -1)), IMAGES, None, r"dilation is \(1, -1\); allowed: an"
    ),
    "output_padding": (
        nn.ConvTranspose1D(3, 3, output_padding=1), X, None, "output_padding is 1; allowed per axis: 0 or more, below"
    ),
    "groups": (
        nn.Conv1D(3, 3, feature_group_count=2), X, None,
        "feature_group_count is 2; allowed: a divisor of the 2 channels and of the 3 features",
    ),
    "no groups": (nn.Conv1D(4, 3, feature_group_count=0), X, None, "feature_group_count is 0; allowed: a divisor"),
    "grouped streams": (
        nn.Conv1D(4, 3, feature_group_count=2), [X, X], None, "feature_group_count is 2; allowed for several streams: 1"
    ),
    "too many groups": (
        nn.ConvTranspose1D(3, 3, feature_group_count=3), X, None,
        "feature_group_count is 3; allowed: a divisor of the 2 channels and of the 3 features",
    ),
    "streams": (
        nn.Conv1D(4, 3), {"a": X, "b": X[:, 1:]}, None,
        r"streams have shapes .*'a': \(4, 7, 2\), 'b': \(4, 6, 2\).*; allowed: one or more, alike in all but the last",
    ),
    "no streams": (nn.Conv1D(4, 3), [], None, r"streams have shapes \{\}; allowed: one or more"),
    "rows": (nn.Conv1D(3, 3), X, LENGTHS[:2], r"lengths have shape \(2,\); allowed: \(4,\), one per row, or \(4, 1\)"),
    "lengths": (nn.Conv1D(3, 3), X, np.ones((4, 7), np.int32), r"lengths have shape \(4, 7\); allowed: \(4,\)"),
    "axes": (nn.Conv2D(3, 3), X[0], None, r"input has shape \(7, 2\); allowed: batch axes, 2 spatial, channels"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_conv_refuses_what_it_cannot_mean(name: str) -> None:
    layer, x, lengths, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda key: layer.init(key, x, lengths), jax.random.key(0))


def test_conv_refuses_channels_that_do_not_match_its_kernel() -> None:
    """In Flax's words; the function under the layer has its own."""
    layer = nn.Conv1D(3, 3)
    with pytest.raises(flax.errors.ScopeParamShapeError, match=r"\(3, 3, 3\), .* received has shape \(3, 2, 3\)"):
        layer.apply(random_params(layer, X), STREAMS["tags"])
