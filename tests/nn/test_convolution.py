"""Convolution layers against PyTorch at each row's own length; causality; types, errors, transforms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import convolution

LENGTHS = np.array([7, 4, 3, 0], np.int32)


def draw(tree: Any, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda a: generator.normal(size=a.shape).astype(np.float32), tree)


X = draw(jnp.empty((4, 7, 2)), 0)
IMAGES = draw(jnp.empty((4, 7, 5, 2)), 1)


def random_params(layer: Any, x: np.ndarray, seed: int = 2) -> Any:
    return draw(jax.eval_shape(layer.init, jax.random.key(0), x), seed)


def torch_convolution(params: Any, x: np.ndarray, layer: Any, spatial: int) -> np.ndarray:
    """``layer`` on one row ``[*spatial, C]``, by PyTorch."""
    torch = pytest.importorskip("torch")
    kernel, bias = params["params"]["kernel"], params["params"]["bias"]

    def per_axis(value: Any) -> tuple[int, ...]:
        return (value,) * spatial if isinstance(value, int) else value

    widths = convolution.pad_widths(layer.padding, kernel.shape[:-2], per_axis(layer.kernel_dilation))
    padded = np.moveaxis(np.pad(x, (*widths, (0, 0))), -1, 0)[None]
    function = torch.nn.functional.conv1d if spatial == 1 else torch.nn.functional.conv2d
    y = function(
        torch.from_numpy(padded.copy()),
        torch.from_numpy(np.transpose(kernel, (-1, -2, *range(spatial))).copy()),
        torch.from_numpy(bias),
        stride=per_axis(layer.strides),
        dilation=per_axis(layer.kernel_dilation),
    )
    return np.moveaxis(y[0].numpy(), 0, -1)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1D(3, 3),
        nn.Conv1D(3, 4, strides=2),
        nn.Conv1D(3, 2, strides=2, padding="VALID"),
        nn.Conv1D(3, 3, padding="CAUSAL", kernel_dilation=2),
        nn.Conv1D(3, 3, strides=3, padding=1),
    ],
    ids=lambda layer: f"{layer.padding}_k{layer.kernel_size}_s{layer.strides}_d{layer.kernel_dilation}",
)
def test_conv1d_equals_torch_at_each_rows_own_length(layer: nn.Conv1D) -> None:
    params = random_params(layer, X)
    y, lengths = layer.apply(params, X, LENGTHS)
    for row, length in enumerate(LENGTHS[:3]):
        expected = torch_convolution(params, X[row, :length], layer, 1)
        assert lengths[row] == len(expected)
        np.testing.assert_allclose(y[row, : len(expected)], expected, rtol=1e-5, atol=1e-5)
    assert lengths[3] == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2D(3, (3, 2), strides=(1, 2)),
        nn.Conv2D(3, (2, 3), padding="CAUSAL", kernel_dilation=(2, 1)),
        nn.Conv2D(3, 2, strides=2, padding=((0, 1), (1, 1))),
    ],
    ids=["same", "causal", "pairs"],
)
@pytest.mark.parametrize("axes", [1, 2])
def test_conv2d_equals_torch_at_each_rows_own_size(layer: nn.Conv2D, axes: int) -> None:
    params = random_params(layer, IMAGES)
    sizes = np.stack([LENGTHS, [5, 3, 4, 2] if axes == 2 else [5] * 4], axis=-1)
    y, lengths = layer.apply(params, IMAGES, sizes if axes == 2 else LENGTHS)
    assert lengths.shape == ((4, 2) if axes == 2 else (4,))
    for row, (height, width) in enumerate(sizes[:3]):
        expected = torch_convolution(params, IMAGES[row, :height, :width], layer, 2)
        assert tuple(np.atleast_1d(lengths[row])) == expected.shape[:axes]
        inner = y[row, : expected.shape[0], : expected.shape[1]]
        np.testing.assert_allclose(inner, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("padding", "sees_ahead"), [("CAUSAL", False), ("SAME", True)])
def test_conv1d_causal_sees_no_later_step(padding: str, sees_ahead: bool) -> None:
    layer = nn.Conv1D(2, 3, padding=padding, kernel_dilation=2)
    params = random_params(layer, X)
    jacobian = jax.jacrev(lambda x: layer.apply(params, x[None], jnp.array([5]))[0][0])(X[0])
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
    jacobian = jax.jacrev(lambda x: layer.apply(params, x[None])[0][0])(IMAGES[0])
    influence = np.abs(jacobian).sum(axis=(1, 2, 4, 5))  # y_H by x_H
    np.testing.assert_array_equal(influence > 0, np.tril(np.ones((7, 7)), 0) - np.tril(np.ones((7, 7)), -2))


@pytest.mark.parametrize(("layer", "x"), [(nn.Conv1D(3, 3, strides=2), X), (nn.Conv2D(3, 2), IMAGES)], ids=["1d", "2d"])
def test_conv_under_transforms_equals_plain(layer: Any, x: np.ndarray) -> None:
    """jit, a second call that compiles nothing, several batch axes, none, and vmap over models."""
    params, other = random_params(layer, x), random_params(layer, x, seed=5)
    expected, expected_lengths = layer.apply(params, x, LENGTHS)
    traces = []

    @jax.jit
    def compiled(params: Any, x: Any, lengths: Any) -> Any:
        traces.append(x.shape)
        return layer.apply(params, x, lengths)

    y, lengths = compiled(params, x, LENGTHS)
    compiled(params, x + 1, LENGTHS[::-1].copy())
    assert len(traces) == 1
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(lengths, expected_lengths)

    folded, folded_lengths = compiled(params, x.reshape(2, 2, *x.shape[1:]), LENGTHS.reshape(2, 2))
    np.testing.assert_allclose(folded.reshape(y.shape), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(folded_lengths, expected_lengths.reshape(2, 2))
    alone, length = layer.apply(params, x[1], LENGTHS[1])
    np.testing.assert_allclose(alone, expected[1], rtol=1e-5, atol=1e-6)
    assert length == expected_lengths[1]

    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, other)
    together, _ = jax.vmap(lambda params: layer.apply(params, x, LENGTHS))(both)
    np.testing.assert_allclose(together[0], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(together[1], layer.apply(other, x, LENGTHS)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("layer", "x"), [(nn.Conv1D(3, 3), X), (nn.Conv2D(3, 3), IMAGES)], ids=["1d", "2d"])
def test_conv_computes_in_its_dtype_with_float32_params(layer: Any, x: np.ndarray) -> None:
    layer = layer.clone(dtype=jnp.bfloat16)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    y, lengths = jax.eval_shape(layer.apply, params, x, LENGTHS)
    assert y.dtype == jnp.bfloat16
    assert lengths.dtype == jnp.int32
    without = jax.eval_shape(layer.clone(use_bias=False).init, jax.random.key(0), x)
    assert set(without["params"]) == {"kernel"}


def test_conv_takes_an_empty_batch() -> None:
    layer = nn.Conv1D(3, 3)
    y, _ = layer.apply(random_params(layer, X), X[:0], LENGTHS[:0])
    assert y.shape == (0, 7, 3)


REFUSALS = {
    "padding": (
        nn.Conv1D(3, 3, padding="REFLECT"),
        X,
        None,
        "padding is 'REFLECT'; allowed: VALID, SAME, CAUSAL",
    ),
    "pairs": (nn.Conv2D(3, 3, padding=((1, 1),)), IMAGES, None, r"padding is \(\(1, 1\),\); allowed: "),
    "kernel": (nn.Conv1D(3, 8, padding="VALID"), X, None, "window of 8 .* spatial axis 0 of the input has 7"),
    "kernel_size": (
        nn.Conv1D(3, (3, 3)),
        X,
        None,
        r"kernel_size is \(3, 3\); allowed: an int >= 1 or 1 of them",
    ),
    "strides": (nn.Conv2D(3, 3, strides=0), IMAGES, None, "strides is 0; allowed: an int >= 1 or 2 of them"),
    "dilation": (nn.Conv1D(3, 3, kernel_dilation=1.5), X, None, "kernel_dilation is 1.5; allowed: an int"),
    "rows": (nn.Conv1D(3, 3), X, LENGTHS[:2], r"lengths of shape \(2,\) do not describe .* \(4, 7, 2\)"),
    "lengths": (
        nn.Conv1D(3, 3),
        X,
        np.ones((4, 7), np.int32),
        r"lengths have shape \(4, 7\); allowed: one per",
    ),
    "axes": (
        nn.Conv2D(3, 3),
        X[0],
        None,
        r"input has shape \(7, 2\); allowed: batch axes, 2 spatial, channels",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_conv_refuses_what_it_cannot_mean(name: str) -> None:
    layer, x, lengths, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(layer.init, jax.random.key(0), x, lengths)
