"""oneDNN's convolutions: right, in every derivative, and only where they were asked for and can be."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from sequence_lab.ops import convolution
from sequence_lab.ops.convolution import formulations, onednn, primitive
from sequence_lab.ops.convolution.geometry import Geometry
from sequence_lab.ops.windows import Window
from sequence_lab.training.parallel import AXIS, REPLICATED, SHARDED, Parallel

GEOMETRIES: dict[str, tuple[Geometry, int, int]] = {
    "one dimension": (Geometry((Window(3, 2, 2, (1, 3)),), (9,)), 2, 3),
    "strided, dilated": (Geometry((Window(2, 2, 1, (0, 1)), Window(3, 3, 2, (4, 2))), (6, 5)), 1, 2),
    "padded beyond its reach": (Geometry((Window(2, 1, 1, (3, 0)), Window(1, 1, 1, (0, 2))), (3, 3)), 2, 1),
    "groups": (Geometry((Window(2, 1, 1, (1, 0)), Window(2)), (3, 4), 3), 6, 9),
    "depthwise": (Geometry((Window(4, 1, 1, (2, 1)),), (6,), 5), 5, 5),
    "depthwise, strided, twice as many": (Geometry((Window(2, 2, 1, (1, 0)), Window(3)), (5, 4), 2), 2, 4),
}


def arrays(name: str) -> tuple[Any, Any]:
    geometry, channels, features = GEOMETRIES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    shapes = (4, *geometry.sizes, channels), (*geometry.kernel_size, channels // geometry.groups, features)
    x, kernel = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return x, kernel


def assert_close(actual: Any, expected: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), actual, expected)


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As ``launch.py`` has it, on one device; nobody else sees it, and no filter of warnings stays."""
    monkeypatch.setenv("SEQUENCE_LAB_ONEDNN", "1")
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    monkeypatch.setattr(onednn, "LEAST", 0)
    onednn.is_at_hand.cache_clear()
    with warnings.catch_warnings():
        onednn.ignore_cache()
        if not onednn.is_at_hand():
            pytest.skip("this jaxlib has no oneDNN, or another than was tried")
        yield
    onednn.is_at_hand.cache_clear()


@pytest.mark.usefixtures("asked_for")
@pytest.mark.parametrize("name", GEOMETRIES)
def test_output_is_that_of_xla(name):
    geometry, x, kernel = GEOMETRIES[name][0], *arrays(name)
    found = jax.jit(functools.partial(onednn.output, geometry=geometry))(x, kernel)
    assert_close(found, formulations.xla(jnp.asarray(x), jnp.asarray(kernel), geometry))


@pytest.mark.usefixtures("asked_for")
@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_derivative_is_that_of_xla_and_passes_through_it(name):
    geometry, at = GEOMETRIES[name][0], arrays(name)
    along = jax.tree.map(np.cos, at)

    def derivatives(convolved: Any, at: Any, along: Any) -> Any:
        gradient = jax.grad(lambda x, kernel: jnp.sum(jnp.sin(convolved(x, kernel, geometry))), (0, 1))
        return jax.jvp(gradient, at, along)

    mine = jax.jit(lambda at, along: derivatives(primitive.convolution, at, along))
    assert onednn.TARGET in mine.lower(at, along).as_text()
    assert_close(mine(at, along), derivatives(formulations.xla, at, along))


@pytest.mark.usefixtures("asked_for")
def test_outside_jit_and_under_vmap():
    geometry, (x, kernel) = GEOMETRIES["groups"][0], arrays("groups")
    own = functools.partial(primitive.convolution, geometry=geometry)
    assert_close(own(jnp.asarray(x), jnp.asarray(kernel)), formulations.xla(jnp.asarray(x), kernel, geometry))
    found = jax.vmap(own, in_axes=(0, None))(jnp.stack([x, 2 * x]), jnp.asarray(kernel))
    expected = formulations.xla(jnp.asarray(x), jnp.asarray(kernel), geometry)
    assert_close(found, jnp.stack([expected, 2 * expected]))


@pytest.mark.usefixtures("asked_for")
def test_it_has_no_part_in_other_types_nor_in_what_is_exported_nor_for_little_or_nothing(monkeypatch):
    x, kernel = arrays("groups")
    convolve = jax.jit(lambda x, kernel: convolution.convolve(x, kernel, feature_group_count=3)[0])
    assert onednn.TARGET in convolve.lower(x, kernel).as_text()
    assert onednn.TARGET not in jax.export.export(convolve)(x, kernel).mlir_module()
    nothing = jnp.zeros((0, *x.shape[1:]))
    assert convolve(nothing, kernel).shape == (0, 2, 3, 9)
    monkeypatch.setattr(onednn, "LEAST", 2 * 4 * 2 * 3 * 2 * 2 * 2 * 9)
    assert onednn.TARGET not in jax.jit(lambda *a: convolve(*a)).lower(x, kernel).as_text()
    with jax.enable_x64(True):
        assert onednn.TARGET not in convolve.lower(x.astype(float), kernel.astype(float)).as_text()


@pytest.mark.usefixtures("asked_for")
def test_a_persistent_cache_goes_without_such_programs_in_silence(tmp_path):
    x, kernel = arrays("one dimension")
    convolve = jax.jit(lambda x, kernel: convolution.convolve(x, kernel, padding=1)[0])
    kept = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in kept}
    try:
        for name, value in kept.items():
            jax.config.update(name, value)
        convolve(x, kernel)
        entries = [path.name for path in tmp_path.iterdir()]
        jax.jit(lambda x: jnp.sin(x) + 3)(x)
        more = [path.name for path in tmp_path.iterdir()]
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
    assert not [name for name in entries if "convolve" in name or "lambda" in name]
    assert [name for name in more if "lambda" in name], "the cache is not in use"


@pytest.mark.usefixtures("asked_for")
@pytest.mark.parametrize("kind", ["jit", "pmap"])
def test_a_training_step_has_it(kind):
    """Within the ``shard_map`` or ``pmap`` that steps are compiled by."""
    x, kernel = arrays("one dimension")
    spread = Parallel(kind, jax.devices()[:1])

    def step(kernel: Any, x: Any) -> Any:
        def loss(kernel: Any) -> Any:
            return jnp.sum(jnp.sin(convolution.convolve(x, kernel, padding=1)[0]))

        return (jax.lax.psum(jax.grad(loss)(kernel), AXIS),)

    compiled = spread.compile(step, (REPLICATED, SHARDED), (REPLICATED,))
    placed = spread.put(kernel, REPLICATED), spread.put(x, SHARDED)
    assert onednn.TARGET in compiled.lower(*placed).as_text()
    geometry = Geometry((Window(3, padding=(1, 1)),), x.shape[1:-1])
    expected = jax.grad(lambda kernel: jnp.sum(jnp.sin(formulations.xla(jnp.asarray(x), kernel, geometry))))(kernel)
    assert_close(compiled(*placed)[0], expected)


@pytest.mark.parametrize(
    ("change", "value"),
    [("TRIED", ("0.1",)), ("TARGET", "no_such_call"), ("output", lambda x, kernel, geometry: jnp.ones((2, 6, 6, 6)))],
)
@pytest.mark.usefixtures("asked_for")
def test_it_is_not_at_hand_where_it_is_unknown_absent_or_wrong(monkeypatch, change, value):
    onednn.is_at_hand.cache_clear()
    monkeypatch.setattr(onednn, change, value)
    assert not onednn.is_at_hand()


def test_it_is_not_at_hand_unless_asked_for(monkeypatch):
    onednn.is_at_hand.cache_clear()
    monkeypatch.delenv("SEQUENCE_LAB_ONEDNN", raising=False)
    assert not onednn.is_at_hand()
