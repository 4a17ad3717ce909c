"""Pooling of a padded batch against PyTorch's pooling of each row alone: values, indices and gradients.

Inputs are small whole numbers, so that equal values abound.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequence_lab.ops import pooling

FULL = (6, 5)
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
some = settings(max_examples=10, derandomize=True, deadline=None, database=None)


class Batch(NamedTuple):
    """``x`` [B, *spatial, 2] and the sizes [B, spatial] of its rows; None: all are full."""

    x: np.ndarray
    sizes: np.ndarray | None

    @property
    def full(self) -> tuple[int, ...]:
        return self.x.shape[1:-1]

    @property
    def spatial(self) -> int:
        return len(self.full)

    @property
    def weights(self) -> np.ndarray:
        """Of a loss, for outputs of any size up to 16."""
        shape = (len(self.x), *(16,) * self.spatial, 2)
        return np.random.default_rng(0).normal(size=shape).astype(self.x.dtype)


class Alone(NamedTuple):
    """What PyTorch makes of one row: outputs, gradient and indices, channels last.

    Where a window holds nothing real, the output is -inf, its index may lie outside, and no gradient is asked for.
    """

    y: np.ndarray
    gradient: np.ndarray | None
    indices: np.ndarray | None


@st.composite
def batches(draw: Any) -> Batch:
    """A full row, two of any size and an empty one, or four full ones, in one or two dimensions."""
    full = FULL[: draw(st.integers(1, 2))]
    sizes = [draw(st.tuples(*(st.integers(1, size) for size in full))) for _ in range(2)]
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    x = generator.integers(-3, 4, (4, *full, 2)).astype(draw(st.sampled_from(sorted(TOLERANCE))))
    return Batch(x, np.array([full, *sizes, (0,) * len(full)], np.int32) if draw(st.integers(0, 2)) else None)


def draw_window(data: st.DataObject, spatial: int, dilated: bool) -> dict[str, Any]:
    """Options that PyTorch takes: padding of half a window at most."""

    def draw(least: int, most: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(least, most)) for _ in range(spatial))

    kernel_size, dilation = draw(1, 3), draw(1, 2 if dilated else 1)
    options = {
        "kernel_size": kernel_size,
        "strides": draw(1, 3),
        "padding": tuple(data.draw(st.integers(0, k // 2)) for k in kernel_size),
        "ceil_mode": data.draw(st.booleans()),
    }
    return {**options, "dilation": dilation} if dilated else options


def in_torch(options: dict[str, Any]) -> dict[str, Any]:
    return {"stride" if name == "strides" else name: value for name, value in options.items()}


def alone(function: Callable[..., Any], x: np.ndarray, weights: np.ndarray, row_number: int) -> Alone | None:
    """``function`` of one row in PyTorch's layout; None where PyTorch refuses it for having no output."""
    torch = pytest.importorskip("torch")
    row = torch.tensor(np.moveaxis(x, -1, 0)[None], requires_grad=True)
    try:
        y, indices = function(torch.nn.functional, row, row_number)
    except RuntimeError as error:
        if "Output size is too small" not in str(error):
            raise
        return None
    outputs = np.moveaxis(y.detach().numpy()[0], 0, -1)
    places = None if indices is None else np.moveaxis(indices.numpy()[0], 0, -1)
    if np.isneginf(outputs).any():
        return Alone(outputs, None, places)
    cut = weights[tuple(map(slice, outputs.shape))]
    y.backward(torch.tensor(np.moveaxis(cut, -1, 0)[None]))
    return Alone(outputs, np.moveaxis(row.grad.numpy()[0], 0, -1), places)


def check(pool: Callable[..., Any], function: Callable[..., Any], batch: Batch) -> None:
    """``pool(x, sizes) -> (y, new_sizes, indices or None)`` against ``function(torch, x, row)`` of every row alone."""

    @jax.jit
    def run(x: jax.Array) -> Any:
        def loss(x: jax.Array) -> Any:
            y, *others = pool(x, batch.sizes)
            return jnp.vdot(y, batch.weights[tuple(map(slice, y.shape))]), (y, *others)

        return jax.grad(loss, has_aux=True)(x)

    with jax.enable_x64(batch.x.dtype == np.float64):
        gradient, (y, new_sizes, indices) = jax.device_get(run(batch.x))  # what is cut out below is not compiled
    tolerance = TOLERANCE[str(batch.x.dtype)]
    assert y.dtype == batch.x.dtype
    assert (new_sizes is None) == (batch.sizes is None)
    rows = len(batch.x)
    sizes = np.tile(batch.full, (rows, 1)) if batch.sizes is None else batch.sizes
    new_sizes = np.tile(y.shape[1:-1], (rows, 1)) if new_sizes is None else new_sizes
    for row, size in enumerate(sizes):
        inside, new = tuple(map(slice, size)), tuple(map(slice, new_sizes[row]))
        expected = alone(function, batch.x[row][inside], batch.weights[row], row) if size.all() else None
        # All zero but for what is compared below: outputs past the new length, gradients past the old one.
        rest_y, rest_gradient = np.array(y[row]), np.array(gradient[row])
        rest_y[new] = rest_gradient[inside] = 0
        assert not rest_y.any()
        assert not rest_gradient.any()
        if expected is None:
            assert not np.all(new_sizes[row])
            continue
        assert expected.y.shape[:-1] == tuple(new_sizes[row])
        held = expected.y > -np.inf
        np.testing.assert_allclose(y[row][new], np.where(held, expected.y, 0), atol=tolerance, rtol=tolerance)
        if expected.gradient is not None:
            np.testing.assert_allclose(gradient[row][inside], expected.gradient, atol=tolerance, rtol=tolerance)
        if indices is not None:
            assert indices.dtype == np.int32
            assert np.sum(indices[row] >= 0) == np.sum(held)
            assert expected.indices is not None
            places = np.unravel_index(expected.indices[held], tuple(size))
            # The batch is wider than the row.
            wide = np.ravel_multi_index(places, batch.full)
            np.testing.assert_array_equal(indices[row][new][held], wide)


@some
@given(st.data(), batches())
def test_max_pool_equals_torch(data: st.DataObject, batch: Batch) -> None:
    options = draw_window(data, batch.spatial, dilated=True)

    def pool(x: jax.Array, sizes: Any) -> Any:
        return pooling.max_pool_with_indices(x, sizes, **options)

    def function(torch: Any, row: Any, _: int) -> Any:
        return getattr(torch, f"max_pool{batch.spatial}d")(row, return_indices=True, **in_torch(options))

    check(pool, function, batch)


@some
@given(st.data(), batches(), st.booleans())
def test_avg_pool_equals_torch(data: st.DataObject, batch: Batch, count_include_pad: bool) -> None:
    options = {**draw_window(data, batch.spatial, dilated=False), "count_include_pad": count_include_pad}

    def pool(x: jax.Array, sizes: Any) -> Any:
        return *pooling.avg_pool(x, sizes, **options), None

    def function(torch: Any, row: Any, _: int) -> Any:
        return getattr(torch, f"avg_pool{batch.spatial}d")(row, **in_torch(options)), None

    check(pool, function, batch)


@some
@given(st.data(), batches(), st.sampled_from(["avg", "max"]))
def test_adaptive_pool_equals_torch(data: st.DataObject, batch: Batch, kind: str) -> None:
    size = tuple(data.draw(st.integers(1, 8)) for _ in range(batch.spatial))

    def pool(x: jax.Array, sizes: Any) -> Any:
        return *getattr(pooling, f"adaptive_{kind}_pool")(x, sizes, output_size=size), None

    def function(torch: Any, row: Any, _: int) -> Any:
        return getattr(torch, f"adaptive_{kind}_pool{batch.spatial}d")(row, size), None

    check(pool, function, batch)


@some
@given(st.data(), batches())
def test_max_unpool_equals_torch(data: st.DataObject, batch: Batch) -> None:
    kernel_size = tuple(data.draw(st.integers(1, 3)) for _ in range(batch.spatial))

    @jax.jit
    def run(x: jax.Array) -> Any:
        return pooling.max_pool_with_indices(x, batch.sizes, kernel_size=kernel_size, ceil_mode=True)

    with jax.enable_x64(batch.x.dtype == np.float64):
        y, new_sizes, indices = jax.device_get(run(batch.x))

    def unpool(y: jax.Array, _: Any) -> Any:
        return *pooling.max_unpool(y, indices, batch.sizes, output_size=batch.full), None

    def function(torch: Any, y: Any, row: int) -> Any:
        size = batch.full if batch.sizes is None else tuple(map(int, batch.sizes[row]))
        places = np.moveaxis(indices[row][tuple(map(slice, y.shape[2:]))], -1, 0)[None]
        narrow = np.ravel_multi_index(np.unravel_index(places, batch.full), size)
        return getattr(torch, f"max_unpool{batch.spatial}d")(
            y, y.new_tensor(narrow).long(), kernel_size, output_size=size
        ), None

    check(unpool, function, Batch(y, new_sizes))
