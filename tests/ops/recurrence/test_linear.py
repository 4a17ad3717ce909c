"""The elementwise linear recurrence against a Python loop: values, derivatives of three orders, memory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops.recurrence.linear import SOLVERS, linear_recurrence
from tests.ops.recurrence.variants import assert_close, draw

every_method = pytest.mark.parametrize("method", SOLVERS)


def drawn(steps: int, seed: int, dtype: Any = float) -> tuple[Any, ...]:
    shapes = ((steps, 2), (steps, 2), (2,))
    real, imaginary = ([draw(shape, s + i) for i, shape in enumerate(shapes)] for s in (seed, seed + 9))
    return tuple(r + 1j * i if dtype is complex else r for r, i in zip(real, imaginary, strict=True))


def positive(a_T: Any, method: str) -> Any:
    """Factors that the method takes."""
    return np.abs(a_T) if method == "logarithms" else a_T


def loop(a_T: Any, b_T: Any, initial: Any, reverse: bool = False) -> Any:
    h, h_T = initial, [initial] * len(b_T)
    for t in reversed(range(len(b_T))) if reverse else range(len(b_T)):
        h = h_T[t] = a_T[t] * h + b_T[t]
    return jnp.stack(h_T)


@pytest.mark.parametrize(
    ("method", "dtype", "reverse"),
    [
        ("scan", complex, False),
        ("associative_scan", float, True),
        ("logarithms", float, False),
        ("logarithms", float, True),
    ],
)
def test_linear_recurrence_equals_a_loop_up_to_third_derivatives(method: str, dtype: Any, reverse: bool) -> None:
    """``jvp``, ``grad``, ``jvp`` of ``grad``, ``grad`` of ``grad``, and ``grad`` of that; two rows under ``vmap``."""
    a_T, *others = jax.tree.map(lambda *a: np.stack(a), *(drawn(4, seed, dtype) for seed in (1, 31)))
    rows = (positive(a_T, method), *others)
    direction, weights = drawn(4, 61, dtype), drawn(4, 91, dtype)[0]

    def results(solve: Any) -> Any:
        def loss(point: Any) -> Any:
            return jnp.sum(weights * jnp.sin(solve(*point))).real

        def along(slope: Any) -> Any:
            return lambda point: sum(jnp.sum(a * d) for a, d in zip(slope(point), direction, strict=True)).real

        first, second = jax.grad(loss), jax.grad(along(jax.grad(loss)))
        of = jax.vmap(
            lambda point: (
                solve(*point),
                jax.jvp(loss, (point,), (direction,)),
                jax.jvp(first, (point,), (direction,)),
                second(point),
                jax.grad(along(second))(point),
            )
        )
        return jax.jit(of)(rows)

    with jax.enable_x64(True):
        expected = results(lambda *point: loop(*point, reverse))
        actual = results(lambda *point: linear_recurrence(*point, reverse=reverse, method=method))
    assert_close(actual, expected, rtol=1e-11, atol=1e-12)


@every_method
def test_linear_recurrence_takes_no_steps_one_and_what_is_broadcast(method: str) -> None:
    for steps in (0, 1):
        a_T, b_T, initial = drawn(steps, 1)
        a_T, b_T, initial = map(jnp.asarray, (positive(a_T, method), b_T, initial))
        h_T = linear_recurrence(a_T, b_T, initial, method=method)
        np.testing.assert_allclose(h_T, a_T * initial + b_T, rtol=1e-6)
    a_T, b_T, initial = drawn(5, 1)
    a_T, b_T, initial = map(jnp.asarray, (positive(a_T, method), b_T, initial))
    h_T = linear_recurrence(a_T[:1], b_T, initial, method=method)
    np.testing.assert_allclose(h_T, loop(np.repeat(a_T[:1], 5, axis=0), b_T, initial), rtol=1e-5)


@every_method
def test_linear_recurrence_with_factors_of_zero_and_one_is_exact(method: str) -> None:
    """Nothing is lost over 500 steps where a is 1, and nothing stays where it is 0."""
    b_T = np.zeros((500, 2), np.float32)
    a_T = np.ones_like(b_T)
    a_T[100, 0] = 0
    solve = jax.jit(linear_recurrence, static_argnames="method")
    h_T = solve(a_T, b_T, jnp.array([0.3, 0.7]), method=method)
    expected = np.where(np.cumprod(a_T, axis=0) > 0, np.float32([0.3, 0.7]), 0)
    np.testing.assert_allclose(h_T, expected, rtol=1e-6 if method == "logarithms" else 0)


def test_logarithms_keep_their_precision_over_many_steps_and_far_beyond_the_range_of_a_product() -> None:
    """Factors whose product over all steps is 10^-4000, and states of either sign."""
    generator = np.random.default_rng(0)
    a_T, b_T = generator.uniform(0, 1, (9000, 2)), generator.normal(size=(9000, 2))
    solve = jax.jit(linear_recurrence, static_argnames="method")
    h_T = solve(jnp.float32(a_T), jnp.float32(b_T), jnp.ones(2), method="logarithms")
    h, expected = np.ones(2), []
    for a, b in zip(a_T, b_T, strict=True):
        h = a * h + b
        expected.append(h)
    np.testing.assert_allclose(h_T, np.stack(expected), rtol=0, atol=1e-4)


def test_linear_recurrence_refuses_shapes_and_methods() -> None:
    a_T, b_T, initial = map(jnp.asarray, drawn(3, 1))
    with pytest.raises(ValueError, match="method is 'blelloch'; allowed: scan, associative_scan, logarithms, or None"):
        linear_recurrence(a_T, b_T, initial, method="blelloch")
    with pytest.raises(ValueError, match="method is 'logarithms' and the type complex64; allowed: real numbers"):
        linear_recurrence(a_T * 1j, b_T, initial, method="logarithms")
    wrong = [(a_T, b_T, initial[None]), (a_T, initial, initial), (a_T[:2], b_T, initial), (a_T[None], b_T, initial)]
    for shapes in wrong:
        with pytest.raises(ValueError, match=r"a, b and initial have shapes .*; allowed: what broadcasts to b, b, one"):
            linear_recurrence(*shapes)
