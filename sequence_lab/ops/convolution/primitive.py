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
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from sequence_lab.ops.convolution import formulations, onednn
from sequence_lab.ops.convolution.geometry import Geometry

Array = jax.Array
ROLES = ("x", "kernel", "y")


def convolution(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """``[N, *sizes, C], [*kernel_size, C // groups, D] -> [N, *out, D]``, as fast as is known on the backend.

    That is ``formulations`` on a CPU which is one device, in float32 and float64. All else is XLA's own: on several
    devices that share an array, for XLA could not split the formulations by itself, and where ``vmap`` runs over
    kernels. To ``jax.checkpoint``'s policies the result is none of the products that ``dots_saveable`` keeps.
    """
    if _runs_here(x, kernel):
        return _gradient("y", geometry, x=x, kernel=kernel)
    return formulations.xla(x, kernel, geometry)


def convolution_transposed(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """``[N, *out, D], [*kernel_size, D // groups, C] -> [N, *sizes, C]``, the same of the transpose."""
    if not _runs_here(y, kernel):
        return formulations.xla_transposed(y, kernel, geometry)
    # It is the gradient by x of a convolution from C to D channels.
    *size, each, channels = kernel.shape
    by_groups = kernel.reshape(*size, each, geometry.groups, channels // geometry.groups)
    turned = jnp.moveaxis(by_groups, -1, -3).swapaxes(-1, -2).reshape(*size, -1, each * geometry.groups)
    return _gradient("x", geometry, kernel=turned, y=y)


def _runs_here(x: Array, kernel: Array) -> bool:
    on_one_cpu = jax.default_backend() == "cpu" and jax.device_count() == 1
    return on_one_cpu and x.dtype == kernel.dtype and _is_plain(x) and _is_plain(kernel)


def _is_plain(a: Array) -> bool:
    """Whether its type is float32 or float64 and a shape, and names no axis of a mesh, as ``shard_map`` makes it do."""
    plain = f"{a.dtype}[{','.join(map(str, a.shape))}]"
    return a.dtype in (jnp.float32, jnp.float64) and jax.typeof(a).str_short() == plain


_gradient_p = Primitive("convolution_form")


def _gradient(by: str, geometry: Geometry, **operands: Array) -> Array:
    return _gradient_p.bind(*(operands[role] for role in _others(by)), by=by, geometry=geometry)


def _others(by: str) -> list[str]:
    return [role for role in ROLES if role != by]


def _lower_for_cpu(context: mlir.LoweringRuleContext, *operands: Any, by: str, geometry: Geometry) -> Any:
    # What is exported goes into a file.
    by_onednn = not context.module_context.lowering_parameters.for_export and onednn.is_at_hand()
    lower = mlir.lower_fun(functools.partial(_run, by_onednn=by_onednn), multiple_results=False)
    return lower(context, *operands, by=by, geometry=geometry)


def _run(a: Array, b: Array, *, by: str, geometry: Geometry, by_onednn: bool) -> Array:
    if by == "kernel":
        return formulations.kernel_gradient(a, b, geometry)
    function = formulations.output if by == "y" else formulations.input_gradient
    return function(a, b, geometry, by_onednn)


def _run_by_xla(a: Array, b: Array, *, by: str, geometry: Geometry) -> Array:
    if by == "y":
        return formulations.xla(a, b, geometry)
    wanted = _shape(a, b, by=by, geometry=geometry)
    wanted = jax.ShapeDtypeStruct(wanted.shape, wanted.dtype)
    if by == "x":
        return jax.linear_transpose(lambda x: formulations.xla(x, a, geometry), wanted)(b)[0]
    return jax.linear_transpose(lambda kernel: formulations.xla(a, kernel, geometry), wanted)(b)[0]


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
    """More examples where that is what the axis means; else XLA's own, which makes groups of what is batched."""
    if by == "kernel" or axes[_others(by).index("kernel")] is not None:
        own = functools.partial(_run_by_xla, by=by, geometry=geometry)
        return jax.vmap(own, in_axes=tuple(axes))(*operands), 0
    (position,) = (i for i, axis in enumerate(axes) if axis is not None)
    batched = jnp.moveaxis(operands[position], axes[position], 0)
    count, batch, *rest = batched.shape
    merged = [*operands]
    merged[position] = batched.reshape(count * batch, *rest)
    found = _gradient_p.bind(*merged, by=by, geometry=geometry)
    return found.reshape(count, batch, *found.shape[1:]), 0


_gradient_p.def_impl(jax.jit(_gradient_p.bind, static_argnames=("by", "geometry")))
_gradient_p.def_abstract_eval(_shape)
ad.defbilinear(_gradient_p, functools.partial(_transpose, 0), functools.partial(_transpose, 1))
batching.primitive_batchers[_gradient_p] = _batch
mlir.register_lowering(_gradient_p, mlir.lower_fun(_run_by_xla, multiple_results=False))
mlir.register_lowering(_gradient_p, _lower_for_cpu, platform="cpu")
