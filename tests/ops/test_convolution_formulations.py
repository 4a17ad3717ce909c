"""The formulations of a convolution for a CPU against XLA's own, in every derivative."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from sequence_lab.ops import convolution
from sequence_lab.ops.convolution import formulations, primitive
from sequence_lab.ops.convolution.geometry import Geometry
from sequence_lab.ops.windows import Window

# By the rule that each falls under: geometry, batch, channels, features.
CASES: dict[str, tuple[Geometry, int, int, int]] = {
    "plain 1-D": (Geometry((Window(3, 2, 1, (1, 0)),), (7,)), 3, 2, 3),
    "1-D, longer out than in": (Geometry((Window(3, 1, 2, (5, 4)),), (4,)), 2, 3, 2),
    "2-D in blocks": (Geometry((Window(3, 1, 1, (1, 1)), Window(2, 1, 1, (0, 1))), (4, 5)), 5, 2, 3),
    "2-D strided, dilated": (Geometry((Window(2, 2, 1, (0, 1)), Window(3, 3, 2, (4, 2))), (6, 5)), 3, 1, 2),
    "2-D padded beyond its reach": (Geometry((Window(2, 1, 1, (3, 0)), Window(1, 1, 1, (0, 2))), (3, 3)), 2, 2, 1),
    "overhanging": (Geometry((Window(3, 1, 1, (1, 1)), Window(1)), (3, 2)), 2, 32, 2),
    "one place": (Geometry((Window(1, 2, 1, (1, 0)), Window(1)), (4, 3)), 2, 3, 2),
    "depthwise 1-D": (Geometry((Window(3, 1, 2, (4, 0)),), (6,), 4), 5, 4, 4),
    "depthwise 2-D, strided, twice as many": (Geometry((Window(2, 2, 1, (1, 0)), Window(3)), (5, 4), 2), 3, 2, 4),
    "depthwise, no example": (Geometry((Window(3),), (6,), 4), 0, 4, 4),
    "2-D, no example": (Geometry((Window(2), Window(3)), (4, 4)), 0, 2, 3),
    "groups": (Geometry((Window(2, 1, 1, (1, 0)), Window(2)), (3, 4), 3), 4, 6, 9),
    "wide": (Geometry((Window(1), Window(3, 2, 1, (2, 0))), (3, 7)), 5, 2, 3),
}


@pytest.fixture(autouse=True)
def small_blocks_on_one_device(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(formulations, "BLOCK", 60)
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    with jax.enable_x64(True):
        yield


def arrays(case: str) -> tuple[Any, Any]:
    """The two arguments, and as many directions."""
    geometry, batch, channels, features = CASES[case]
    rng = np.random.default_rng(sum(map(ord, case)))

    def both() -> tuple[Any, Any]:
        x = rng.normal(size=(batch, *geometry.sizes, channels))
        return x, rng.normal(size=(*geometry.kernel_size, channels // geometry.groups, features))

    return both(), both()


def assert_close(actual: Any, expected: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), actual, expected)


def by(function: Any, case: str) -> Any:
    return functools.partial(function, geometry=CASES[case][0])


def loss(convolved: Any, x: Any, kernel: Any) -> Any:
    y = convolved(x, kernel)
    return jnp.sum(jnp.sin(y) * jnp.cos(jnp.arange(y.size)).reshape(y.shape))


def derivatives(convolved: Any, at: Any, along: Any) -> Any:
    """Forward, backward, forward over backward, backward over backward."""
    gradient = jax.grad(functools.partial(loss, convolved), (0, 1))

    def steepness(*at: Any) -> Any:
        return sum(jnp.sum(jnp.tanh(g)) for g in gradient(*at))

    return (
        jax.jvp(convolved, at, along),
        jax.jvp(gradient, at, along),
        jax.grad(steepness, (0, 1))(*at),
    )


@pytest.mark.parametrize("case", CASES)
def test_every_formulation_equals_xla_in_every_derivative(case: str) -> None:
    at, along = arrays(case)
    results = [
        jax.jit(functools.partial(derivatives, by(function, case)))(at, along)
        for function in (primitive.convolution, formulations.xla)
    ]
    assert_close(*results)


@pytest.mark.parametrize(
    ("windows", "out", "groups"),
    [
        ((Window(3, 2),), (4,), 1),
        ((Window(2, 1, 3),), (5,), 2),
        ((Window(1, 3),), (2,), 6),
        ((Window(3, 1, 2), Window(2, 3)), (3, 2), 1),
        ((Window(2, 2), Window(3)), (2, 3), 3),
    ],
    ids=str,
)
def test_transposed_equals_xla_in_every_derivative(windows: Any, out: Any, groups: int) -> None:
    rng = np.random.default_rng(0)
    geometry = Geometry.transposed(windows, out, groups)

    def both() -> tuple[Any, Any]:
        kernel = rng.normal(size=(*geometry.kernel_size, 6 // groups, 12))
        return rng.normal(size=(4, *out, 6)), kernel

    at, along = both(), both()
    results = [
        jax.jit(functools.partial(derivatives, functools.partial(function, geometry=geometry)))(at, along)
        for function in (primitive.convolution_transposed, formulations.xla_transposed)
    ]
    assert_close(*results)


@pytest.mark.parametrize("axes", [(0, None), (None, 2), (1, 0)])
@pytest.mark.parametrize("case", ["plain 1-D", "2-D in blocks", "depthwise 1-D"])
def test_vmap_equals_one_by_one(case: str, axes: tuple[int | None, ...]) -> None:
    at, along = arrays(case)
    pairs = [(a, a) if axis is None else (a, b) for a, b, axis in zip(at, along, axes, strict=True)]
    stacked = [a if axis is None else np.stack((a, b), axis) for (a, b), axis in zip(pairs, axes, strict=True)]

    def value_and_gradients(*at: Any) -> Any:
        return jax.value_and_grad(functools.partial(loss, by(primitive.convolution, case)), (0, 1))(*at)

    one = jax.jit(value_and_gradients)
    found = jax.jit(jax.vmap(value_and_gradients, axes))(*stacked)
    expected = [one(*(pair[i] for pair in pairs)) for i in range(2)]
    assert_close(found, jax.tree.map(lambda *each: jnp.stack(each), *expected))


def test_vmap_over_nothing_gives_nothing() -> None:
    (x, kernel), _ = arrays("2-D in blocks")
    found = jax.vmap(by(primitive.convolution, "2-D in blocks"), (0, None))(np.zeros((0, *x.shape)), kernel)
    assert found.shape == (0, 5, 4, 5, 3)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("case", ["groups", "depthwise 1-D"])
def test_groups_do_not_see_each_other(case: str, poison: float) -> None:
    (x, kernel), _ = arrays(case)
    x[..., 0] = poison
    convolved = jax.jit(by(primitive.convolution, case))
    clean = jax.jit(by(formulations.xla, case))(np.where(np.isfinite(x), x, 0), kernel)
    features = clean.shape[-1] // CASES[case][0].groups
    np.testing.assert_allclose(convolved(x, kernel)[..., features:], clean[..., features:], rtol=1e-10)
    gradient = jax.jit(jax.grad(functools.partial(loss, by(primitive.convolution, case)), 1))(x, kernel)
    assert np.isfinite(gradient[..., features:]).all()


def test_gradients_are_exported_with_a_batch_of_any_size() -> None:
    (x, kernel), _ = arrays("2-D in blocks")
    gradient = jax.jit(jax.grad(functools.partial(loss_of, "2-D in blocks"), (0, 1)))
    rows = jax.ShapeDtypeStruct(jax.export.symbolic_shape(f"b, {', '.join(map(str, x.shape[1:]))}"), x.dtype)
    exported = jax.export.export(gradient)(rows, jax.ShapeDtypeStruct(kernel.shape, kernel.dtype))
    assert_close(exported.call(x, kernel), gradient(x, kernel))


def loss_of(case: str, x: Any, kernel: Any) -> Any:
    return jnp.sum(jnp.sin(by(primitive.convolution, case)(x, kernel)))


def test_several_devices_are_left_to_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    traced = jax.make_jaxpr(by(primitive.convolution, "2-D in blocks"))(*arrays("2-D in blocks")[0])
    assert [equation.primitive.name for equation in traced.jaxpr.eqns] == ["conv_general_dilated"]


@pytest.mark.parametrize("check_vma", [False, True])
def test_a_convolution_under_shard_map_has_the_gradients_of_the_whole(check_vma: bool) -> None:
    (x, kernel), _ = arrays("2-D in blocks")
    x = np.concatenate([x, -x[:3]])
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))

    def whole(x: Any, kernel: Any) -> Any:
        return jnp.sum(jnp.sin(convolution.convolve(x, kernel, padding="SAME")[0]))

    def parts(x: Any, kernel: Any) -> Any:
        return jax.lax.psum(whole(x, kernel), "data")

    specs = PartitionSpec("data"), PartitionSpec()
    mapped = jax.shard_map(parts, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=check_vma)
    assert_close(jax.jit(jax.grad(mapped, (0, 1)))(x, kernel), jax.jit(jax.grad(whole, (0, 1)))(x, kernel))


@pytest.mark.parametrize(("dtype", "used"), [("float32", 1), ("float64", 1), ("bfloat16", 0), ("float16", 0)])
def test_other_types_than_float32_and_float64_are_left_to_xla(dtype: str, used: int) -> None:
    at, _ = arrays("2-D in blocks")
    x, kernel = (jnp.asarray(a, dtype) for a in at)
    traced = jax.make_jaxpr(convolution.convolve)(x, kernel)
    names = [equation.primitive.name for equation in traced.jaxpr.eqns]
    assert names.count("convolution_form") == used
    assert names.count("conv_general_dilated") == 1 - used
