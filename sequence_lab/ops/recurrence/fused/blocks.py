"""A step of a cell on some of its units: one array per gate, where the cell has gates side by side in one array.

A kernel for a GPU holds tiles and cannot cut them. So what stands in a cell as an array ``[..., G U]`` is here a tuple
of G arrays ``[..., U]``, and the equations, traced for U units, are carried out on those.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array
Blocks = tuple[Array, ...]

CALLS = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint")
# fmt: off
TRANSCENDENTAL = frozenset(("exp", "exp2", "expm1", "log", "log1p", "logistic", "pow", "rsqrt", "sqrt", "tanh"))
# Their arguments have one shape, or none.
ELEMENTWISE = TRANSCENDENTAL | frozenset((
    "abs", "add", "add_any", "and", "convert_element_type", "copy", "div", "eq", "ge", "gt", "integer_pow", "le", "lt",
    "max", "min", "mul", "ne", "neg", "not", "or", "select_n", "sign", "square", "stop_gradient", "sub",
))
# fmt: on


def evaluate(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Blocks], units: int) -> list[Blocks]:
    """The results of ``jaxpr``, traced for ``units`` units, on blocks.

    Raises:
      NotImplementedError: an operation whose units do not keep apart, or that no kernel has.
    """
    known: dict[Any, Blocks] = dict(zip(jaxpr.constvars, ((jnp.asarray(const),) for const in consts), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable: Any) -> Blocks:
        return (variable.val,) if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.eqns:
        found = _results(equation, [read(variable) for variable in equation.invars], units)
        known |= dict(zip(equation.outvars, found, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _results(equation: Any, values: list[Blocks], units: int) -> list[Blocks]:
    name, options = equation.primitive.name, equation.params
    if name in CALLS:
        inner = options.get("jaxpr", options.get("call_jaxpr"))
        return evaluate(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values, units)
    if name == "split" and options["axis"] == equation.invars[0].aval.ndim - 1:
        ends = [sum(options["sizes"][: i + 1]) for i in range(len(options["sizes"]))]
        return [_cut(values[0], end - size, end, units) for end, size in zip(ends, options["sizes"], strict=True)]
    if name == "concatenate" and options["dimension"] == equation.outvars[0].aval.ndim - 1:
        return [sum(values, ())]
    if name == "slice" and _takes_all_rows(equation):
        return [_cut(values[0], options["start_indices"][-1], options["limit_indices"][-1], units)]
    if name == "pad" and not any(any(config) for config in options["padding_config"][:-1]):
        return [_padded(values[0], values[1][0], options["padding_config"][-1], units)]
    if name == "broadcast_in_dim":
        return [_broadcast(values[0], equation.outvars[0].aval.shape, units)]
    if name == "one_minus_square":  # the derivative of tanh since jax 0.11, in terms that kernels have
        return [tuple(1 - block * block for block in values[0])]
    if name not in ELEMENTWISE:
        raise NotImplementedError(name)
    count = max(map(len, values))
    each = [value if len(value) == count else value * count for value in values]
    return [tuple(_elementwise(equation, blocks) for blocks in zip(*each, strict=True))]


def _elementwise(equation: Any, blocks: Sequence[Any]) -> Array:
    dtype = equation.outvars[0].aval.dtype
    if equation.primitive.name in TRANSCENDENTAL and dtype.itemsize < 4:  # no GPU has them in less than float32
        wide = [jnp.asarray(block, jnp.float32) for block in blocks]
        return equation.primitive.bind(*wide, **equation.params).astype(dtype)
    return equation.primitive.bind(*blocks, **equation.params)


def _cut(blocks: Blocks, start: int, end: int, units: int) -> Blocks:
    if start % units or end % units:
        raise NotImplementedError("cuts through units")
    return blocks[start // units : end // units]


def _takes_all_rows(equation: Any) -> bool:
    options, shape = equation.params, equation.invars[0].aval.shape
    whole = tuple(options["limit_indices"][:-1]) == shape[:-1] and not any(options["start_indices"][:-1])
    return whole and (options["strides"] is None or set(options["strides"]) == {1})


def _padded(blocks: Blocks, value: Any, config: tuple[int, int, int], units: int) -> Blocks:
    low, high, between = config
    if low % units or high % units or min(low, high) < 0 or between:
        raise NotImplementedError("pads within units")
    fill = (jnp.full_like(blocks[0], value),)
    return fill * (low // units) + blocks + fill * (high // units)


def _broadcast(blocks: Blocks, shape: tuple[int, ...], units: int) -> Blocks:
    if shape[-1] % units:
        raise NotImplementedError("broadcasts to less than its units")
    one = (*shape[:-1], units)
    if jnp.ndim(blocks[0]) and blocks[0].shape[-1] != units:
        raise NotImplementedError("broadcasts over units")
    count = shape[-1] // units if not jnp.ndim(blocks[0]) else 1
    return tuple(jnp.broadcast_to(block, one) for block in blocks) * count
