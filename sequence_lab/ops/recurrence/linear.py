"""The elementwise linear recurrence h_t = a_t * h_{t-1} + b_t, solved for all steps."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array


def linear_recurrence(
    a_T: Array, b_T: Array, initial: Array, *, reverse: bool = False, method: str | None = None
) -> Array:
    """h_t = a_t * h_{t-1} + b_t for every t, elementwise: h_T.

    Exact in value and in derivatives of every order, forward mode and ``vmap`` included. The reverse pass is the same
    recurrence run the other way (Martin and Cundy 2018), for which a_T and h_T alone are kept.

    Args:
      a_T, b_T: real or complex ``[T, ...]``, of one shape up to broadcasting.
      initial: what stands for h before the first step, ``[...]``.
      reverse: from the last step to the first, h_t = a_t * h_{t+1} + b_t, where ``initial`` comes after the last.
      method: "scan", a loop with T short steps; "associative_scan", about 2 log2 T steps over all of time (Blelloch
        1990); None for "scan" on CPUs, elsewhere "associative_scan".

    Raises:
      ValueError: shapes that do not fit, an unknown method.
    """
    if method is None:
        method = "scan" if jax.default_backend() == "cpu" else "associative_scan"
    if method not in SOLVERS:
        raise ValueError(f"method is {method!r}; allowed: {', '.join(SOLVERS)}, or None")
    shape = jnp.broadcast_shapes(a_T.shape, b_T.shape)
    if initial.shape != shape[1:]:
        raise ValueError(f"initial has shape {initial.shape}; allowed: {shape[1:]}, one step of {shape}")
    dtype = jnp.result_type(a_T, b_T, initial)
    a_T, b_T = (jnp.broadcast_to(array, shape).astype(dtype) for array in (a_T, b_T))
    first = slice(-1, None) if reverse else slice(None, 1)
    b_T = b_T.at[first].add(a_T[first] * initial.astype(dtype))

    solver = SOLVERS[method]

    # As a system of linear equations, whose derivatives JAX takes from its solution and from that of its transpose.
    def equations(h_T: Array) -> Array:
        return h_T - a_T * _moved(h_T, reverse)

    return lax.custom_linear_solve(
        equations,
        b_T,
        lambda _, b_T: solver(a_T, b_T, reverse),
        lambda _, b_T: solver(a_T, b_T, not reverse, transposed=True),
    )


def _moved(array_T: Array, reverse: bool) -> Array:
    """What the step before had, the one after under ``reverse``; zeros at the first."""
    nothing = jnp.zeros_like(array_T[:1])
    return jnp.concatenate([array_T[1:], nothing] if reverse else [nothing, array_T[:-1]])


def _by_scan(a_T: Array, b_T: Array, reverse: bool, transposed: bool = False) -> Array:
    def step(h: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        a, b = now
        h = a * h + b
        return h, h

    def step_transposed(ah: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        a, b = now
        h = ah + b
        return a * h, h

    zeros = jnp.zeros(b_T.shape[1:], b_T.dtype)
    return lax.scan(step_transposed if transposed else step, zeros, (a_T, b_T), reverse=reverse)[1]


def _by_associative_scan(a_T: Array, b_T: Array, reverse: bool, transposed: bool = False) -> Array:
    def after(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    a_T = _moved(a_T, reverse) if transposed else a_T
    return lax.associative_scan(after, (a_T, b_T), reverse=reverse)[1]


SOLVERS: Mapping[str, Callable[..., Array]] = {"scan": _by_scan, "associative_scan": _by_associative_scan}
