"""Convolution as one form, linear in each of its three arguments, so that every derivative of it is fast.

sum over n, o, i, c, d of y[n, o, d] kernel[i, c, d] x[n, o * stride + i * dilation - left, c]: its gradient by y is the
convolution, its gradients by x and by the kernel are those of the convolution. Each is linear in the two arguments that
are left, and transposed it is another of the three. So a JAX primitive that stands for them gets forward and reverse
mode of any order from ``jax.interpreters.ad.defbilinear``, and all of it runs as ``formulations`` has it.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from sequence_lab.ops.convolution import formulations
from sequence_lab.ops.convolution.formulations import Geometry

Array = jax.Array
ROLES = ("x", "kernel", "y")
BY_ROLE = {
    "x": formulations.input_gradient,
    "kernel": formulations.kernel_gradient,
    "y": formulations.output,
}


def convolution(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """``[N, *sizes, C], [*kernel_size, C // groups, D] -> [N, *out, D]``, as fast as is known on the backend.

    On others than a CPU that is XLA's own, and so it is for other types than float32 and float64.
    """
    if jax.default_backend() == "cpu" and x.dtype == kernel.dtype and _is_plain(x) and _is_plain(kernel):
        return _gradient("y", geometry, x=x, kernel=kernel)
    return formulations.xla(x, kernel, geometry)


def _is_plain(a: Array) -> bool:
    """Whether its type is float32 or float64 and a shape, and names no axis of a mesh, as ``shard_map`` makes it do."""
    plain = f"{a.dtype}[{','.join(map(str, a.shape))}]"
    return a.dtype in (jnp.float32, jnp.float64) and jax.typeof(a).str_short() == plain


_gradient_p = Primitive("convolution_form")


def _gradient(by: str, geometry: Geometry, **operands: Array) -> Array:
    return _gradient_p.bind(*(operands[role] for role in _others(by)), by=by, geometry=geometry)


def _others(by: str) -> list[str]:
    return [role for role in ROLES if role != by]


def _run(a: Array, b: Array, *, by: str, geometry: Geometry) -> Array:
    return BY_ROLE[by](a, b, geometry)


def _shape(a: Any, b: Any, *, by: str, geometry: Geometry) -> Any:
    if by == "kernel":
        shape = (*geometry.kernel_size, a.shape[-1] // geometry.groups, b.shape[-1])
    elif by == "x":
        shape = (b.shape[0], *geometry.sizes, a.shape[-2] * geometry.groups)
    else:
        shape = (a.shape[0], *geometry.out, b.shape[-1])
    return ShapedArray(shape, a.dtype)


def _transpose(position: int, cotangent: Any, a: Any, b: Any, *, by: str, geometry: Geometry) -> Any:
    """The gradient by the operand in that position: the form again, with the cotangent in the place of ``by``."""
    others = _others(by)
    known = {others[1 - position]: (b, a)[position], by: cotangent}
    return _gradient(others[position], geometry, **known)


def _batch(operands: Any, axes: Any, *, by: str, geometry: Geometry) -> tuple[Any, int]:
    """More examples where that is what the axis means; else one after the other, for each is large."""
    others = _others(by)
    operands = [a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(operands, axes, strict=True)]
    batched = [role for role, axis in zip(others, axes, strict=True) if axis is not None]
    if by != "kernel" and "kernel" not in batched:
        count = next(a.shape[0] for a, axis in zip(operands, axes, strict=True) if axis is not None)
        merged = [a if axis is None else a.reshape(-1, *a.shape[2:]) for a, axis in zip(operands, axes, strict=True)]
        found = _gradient_p.bind(*merged, by=by, geometry=geometry)
        return found.reshape(count, -1, *found.shape[1:]), 0

    def one(given: list[Array]) -> Array:
        rest = iter(given)
        full = [a if axis is None else next(rest) for a, axis in zip(operands, axes, strict=True)]
        return _gradient_p.bind(*full, by=by, geometry=geometry)

    return lax.map(one, [a for a, axis in zip(operands, axes, strict=True) if axis is not None]), 0


_gradient_p.def_impl(jax.jit(_run, static_argnames=("by", "geometry")))
_gradient_p.def_abstract_eval(_shape)
ad.defbilinear(_gradient_p, functools.partial(_transpose, 0), functools.partial(_transpose, 1))
batching.primitive_batchers[_gradient_p] = _batch
mlir.register_lowering(_gradient_p, mlir.lower_fun(_run, multiple_results=False))
