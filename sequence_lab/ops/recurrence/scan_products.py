"""Products of the engine ``scan``: their gradients are those of a product, taken when and how it wants them."""

from typing import Any

import jax
from jax import lax

from sequence_lab.ops.recurrence.engine import multiplied

Array = jax.Array


@jax.custom_vjp
def replay(a: Array, transposed: Array, add: Array | None, record: Array, probe: Array, known: Array | None) -> Array:
    """The record of ``a @ matrix + add``; its cotangent, or the known one, goes to ``a``, ``add`` and the probe."""
    return record + probe


def _replay_forward(
    a: Array, transposed: Array, add: Array | None, record: Array, probe: Array, known: Array | None
) -> tuple[Array, Any]:
    return record + probe, (transposed, add, known)


def _replay_backward(saved: Any, ct: Array) -> tuple[Any, ...]:
    transposed, add, known = saved
    ct = ct if known is None else known
    return ct @ transposed, None, None if add is None else ct, None, ct, None


replay.defvjp(_replay_forward, _replay_backward)


@jax.custom_vjp
def product(a: Array, matrix: Array) -> Array:
    """``multiplied``, the gradient of the matrix by ``outer``; for ``jax.vjp`` alone, as it has no forward mode."""
    return multiplied(a, matrix)


def _product_forward(a: Array, matrix: Array) -> tuple[Array, Any]:
    return multiplied(a, matrix), (a, matrix)


def _product_backward(saved: Any, ct: Array) -> tuple[Array, Array]:
    a, matrix = saved
    return ct @ matrix.astype(a.dtype).T, outer(a, ct, matrix.dtype)


product.defvjp(_product_forward, _product_backward)


def outer(a: Array, ct: Array, dtype: Any) -> Array:
    """The gradient of a matrix, summed over time and batch in ``dtype``; time first, so that neither is copied."""
    a, ct = a.reshape(-1, a.shape[-1]), ct.reshape(-1, ct.shape[-1])
    return lax.dot_general(a, ct, (((0,), (0,)), ((), ())), preferred_element_type=dtype)
