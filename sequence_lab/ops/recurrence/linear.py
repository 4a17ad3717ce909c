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
      a_T: real or complex ``[T, ...]``, or what broadcasts to it: one a for all steps is not repeated in memory.
      b_T: ``[T, ...]``.
      initial: what stands for h before the first step, ``[...]``.
      reverse: from the last step to the first, h_t = a_t * h_{t+1} + b_t, where ``initial`` comes after the last.
      method: "scan", a loop with T short steps; "associative_scan", about 2 log2 T steps over all of time (Blelloch
        1990); "logarithms", the same on the logarithms of a and of the positive and the negative part of b, whose range
        no product or sum leaves on its way (Heinsen 2023), for real a >= 0 alone; None for "scan" on CPUs, where
        forward and backward it took 0.54 to 1.13 of the time over the shapes of ``Associative``, elsewhere for
        "associative_scan", the usual choice, which is unmeasured there.

    Raises:
      ValueError: shapes that do not fit, an unknown method, complex numbers by "logarithms".
    """
    solver = SOLVERS[resolved(method)]
    fits = a_T.ndim <= b_T.ndim and all(a in (1, b) for a, b in zip(a_T.shape[::-1], b_T.shape[::-1], strict=False))
    if not fits or initial.shape != b_T.shape[1:]:
        shapes = f"{a_T.shape}, {b_T.shape} and {initial.shape}"
        raise ValueError(f"a, b and initial have shapes {shapes}; allowed: what broadcasts to b, b, one step of b")
    dtype = jnp.result_type(a_T, b_T, initial)
    if method == "logarithms" and jnp.issubdtype(dtype, jnp.complexfloating):
        raise ValueError(f"method is 'logarithms' and the type {dtype}; allowed: real numbers, or another method")
    a_T, b_T = a_T.reshape((1,) * (b_T.ndim - a_T.ndim) + a_T.shape).astype(dtype), b_T.astype(dtype)
    first = slice(-1, None) if reverse else slice(None, 1)
    b_T = b_T.at[first].add(a_T[first] * initial.astype(dtype))

    # As a system of linear equations, whose derivatives JAX takes from its solution and from that of its transpose.
    def equations(h_T: Array) -> Array:
        return h_T - a_T * before(h_T, jnp.zeros_like(initial, dtype), reverse)

    return lax.custom_linear_solve(
        equations,
        b_T,
        lambda _, b_T: solver(a_T, b_T, reverse),
        lambda _, b_T: solver(a_T, b_T, not reverse, transposed=True),
    )


def check_method(method: str | None) -> None:
    """Raises ValueError unless there is such a method; leaves the backend alone, as an import may call it."""
    if method is not None and method not in SOLVERS:
        raise ValueError(f"method is {method!r}; allowed: {', '.join(SOLVERS)}, or None")


def resolved(method: str | None) -> str:
    """The method, by the backend if it is None."""
    check_method(method)
    return method or ("scan" if jax.default_backend() == "cpu" else "associative_scan")


def before(h_T: Array, initial: Array, reverse: bool) -> Array:
    """What each step starts from: h after the step before it, ``initial`` for the first."""
    ends = [h_T[1:], initial[None]] if reverse else [initial[None], h_T[:-1]]
    return jnp.concatenate(ends)[: h_T.shape[0]]


def _by_scan(a_T: Array, b_T: Array, reverse: bool, transposed: bool = False) -> Array:
    def step(h: Array, now: tuple[Array | None, Array]) -> tuple[Array, Array]:
        a, b = now
        h = (a_T[0] if a is None else a) * h + b
        return h, h

    def step_transposed(ah: Array, now: tuple[Array | None, Array]) -> tuple[Array, Array]:
        a, b = now
        h = ah + b
        return (a_T[0] if a is None else a) * h, h

    start = jnp.zeros(b_T.shape[1:], b_T.dtype)
    by_step = None if a_T.shape[0] == 1 else a_T
    return lax.scan(step_transposed if transposed else step, start, (by_step, b_T), reverse=reverse)[1]


def _by_associative_scan(a_T: Array, b_T: Array, reverse: bool, transposed: bool = False) -> Array:
    def after(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    a_T = jnp.broadcast_to(a_T, b_T.shape)
    a_T = before(a_T, jnp.zeros_like(a_T[0]), reverse) if transposed and a_T.shape[0] else a_T
    return lax.associative_scan(after, (a_T, b_T), reverse=reverse)[1]


def _by_logarithms(a_T: Array, b_T: Array, reverse: bool, transposed: bool = False) -> Array:
    def after(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] + first[0], jnp.logaddexp(second[0] + first[1], second[1])

    a_T = jnp.broadcast_to(a_T, b_T.shape)
    a_T = before(a_T, jnp.zeros_like(a_T[0]), reverse) if transposed and a_T.shape[0] else a_T
    parts = jnp.stack([jnp.maximum(b_T, 0), jnp.maximum(-b_T, 0)], axis=1)
    log_a = jnp.broadcast_to(jnp.log(a_T)[:, None], parts.shape)
    h_T = jnp.exp(lax.associative_scan(after, (log_a, jnp.log(parts)), reverse=reverse)[1])
    return h_T[:, 0] - h_T[:, 1]


SOLVERS: Mapping[str, Callable[..., Array]] = {
    "scan": _by_scan,
    "associative_scan": _by_associative_scan,
    "logarithms": _by_logarithms,
}
