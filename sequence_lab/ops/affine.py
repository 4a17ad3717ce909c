"""The product of features with a matrix."""

import math

import jax

Array = jax.Array


def affine(x: Array, matrix_CD: Array, bias_D: Array | None = None) -> Array:
    """x W + b over any leading axes: ``[..., C]`` to ``[..., D]``.

    As one product of two matrices: XLA's CPU backend transposes copies for the gradients of a product with more axes.
    """
    y = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) @ matrix_CD
    y = y if bias_D is None else y + bias_D
    return y.reshape(*x.shape[:-1], matrix_CD.shape[-1])
