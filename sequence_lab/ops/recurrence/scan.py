"""Engine ``scan``: one ``lax.scan`` over time with a reverse pass of its own, for any cell."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.extend.core
import jax.numpy as jnp
from jax import lax

from sequence_lab.ops.recurrence.cells import Carry, Cell, Params
from sequence_lab.ops.recurrence.engine import (
    Call,
    Given,
    Inputs,
    Start,
    Steps,
    local_parameters,
    multiplied,
    parted,
    products,
    without_forward_mode,
)
from sequence_lab.ops.recurrence.scan_plain import where
from sequence_lab.ops.recurrence.scan_products import outer, product, replay

Array = jax.Array
Product = Callable[[Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Scan:
    """Any cell; see ``engine.Engine`` for the contract.

    The forward pass records what every product with a matrix gave. The reverse pass goes through time once, with
    nothing but the chain from carry to carry in the loop: the rest of a step is pointwise and differentiated by its own
    vjp, in which a product is its record. All other gradients (of matrices, biases, peepholes, inputs) follow after the
    loop for all of time at once, one product per matrix, from the cotangents of the products, which the loop writes
    down: on a CPU that is quicker than to find them again after the loop from the cotangents of the carries.

    It is plain JAX and can be differentiated again: ``jvp`` of ``grad``, ``grad`` of ``grad``. Forward mode alone (a
    ``jvp`` of the layer itself) needs ``scan_plain``, as the error says; under ``jax.jit``, and of what
    ``jax.linearize`` gives, it is JAX that says it, as "can't apply forward-mode autodiff (jvp) to a custom_vjp
    function".
    """

    def refusal(self, call: Call) -> str | None:
        return None

    def __call__(
        self, cell: Cell, params: Params, steps: Steps, initial_carry: Carry, start: Start, *, reverse: bool = False
    ) -> tuple[Array, Carry]:
        inputs, given = parted(params, steps, initial_carry, start)
        with without_forward_mode(
            f"the engine is {type(self).__name__.lower()}, which has no forward mode; allowed for jvp and "
            "jacfwd: scan_plain"
        ):
            return _scan(self, cell, reverse, inputs, given)

    def forward(
        self, cell: Cell, reverse: bool, inputs: Inputs, given: Given, *, recorded: bool
    ) -> tuple[tuple[Array, Carry], "Record | None"]:
        """The loop; and its record, or None where no reverse pass will read it."""
        out, record = run(cell, reverse, inputs, given)
        return out, record if recorded else None

    def backward(self, steps: "Replay", reverse: bool, first: Any, xs: Any) -> tuple[Any, Any]:
        """The reverse loop, as a scan over ``steps.back``."""
        return lax.scan(steps.back, first, xs, reverse=not reverse)


class Record(NamedTuple):
    """Of every step: the carry before it (after a reset), what each product, with what was added, gave, and u.

    ``u`` is None where it is but added to a product.
    """

    carry: Carry
    products: dict[str, Array]
    u: Any


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _scan(engine: Scan, cell: Cell, reverse: bool, inputs: Inputs, given: Given) -> tuple[Array, Carry]:
    return engine.forward(cell, reverse, inputs, given, recorded=False)[0]


def _forward(engine: Scan, cell: Cell, reverse: bool, inputs: Inputs, given: Given) -> tuple[tuple[Array, Carry], Any]:
    out, record = engine.forward(cell, reverse, inputs, given, recorded=True)
    return out, (inputs, given, record)


def run(cell: Cell, reverse: bool, inputs: Inputs, given: Given) -> tuple[tuple[Array, Carry], Record]:
    """Outputs, last carry and record, by one ``lax.scan``."""
    params, dtype = inputs.params, inputs.x_TBC.dtype
    dot = products(params, dtype)
    ahead, kept = _input_product_ahead(cell, params, inputs.x_TBC), reads_input(cell, inputs, given)

    def step(carry: Carry, now: Any) -> tuple[Carry, Any]:
        x_BC, valid_B, reset_B, index = now
        if reset_B is not None:
            carry = where(reset_B, inputs.start_carry, carry)
        products: dict[str, Array] = {}

        def recorded(name: str, a: Array, add: Array | None = None) -> Array:
            products[name] = dot(name, a, add)
            return products[name]

        u = x_BC if ahead else input_products(cell, params, x_BC)
        noise = given.noise(cell, index, jax.tree.leaves(x_BC)[0].shape[:-1])
        new_carry, y_BD = cell.step(
            local_parameters(cell, params.local, dtype), carry, u, recorded, given.context, noise
        )
        record = Record(carry, products, u if kept else None)
        new_carry, y_BD = cast_like(new_carry, carry), y_BD.astype(dtype)
        if valid_B is None:
            return new_carry, (y_BD, record)
        return where(valid_B, new_carry, carry), (where(valid_B, y_BD, jnp.zeros_like(y_BD)), record)

    x = input_products(cell, params, inputs.x_TBC) if ahead else inputs.x_TBC
    xs = (x, given.valid_TB, given.reset_TB, given.index_T)
    carry, (y_TBD, record) = lax.scan(step, inputs.initial_carry, xs, reverse=reverse)
    return (y_TBD, carry), record


class Replay(NamedTuple):
    """The steps again, in which a product is its record."""

    cell: Cell
    local: Any
    given: Given
    transposed: dict[str, Array]
    batch_shape: tuple[int, ...]
    dtype: Any

    def step(
        self, local: Any, at: Record, u: Any, probes: dict[str, Array], known: dict[str, Array], index: Any
    ) -> tuple[Any, dict[str, Array]]:
        """One step; and what was multiplied."""
        operands: dict[str, Array] = {}

        def dot(name: str, a: Array, add: Array | None = None) -> Array:
            operands[name] = a.astype(self.dtype)
            add = None if add is None else jnp.broadcast_to(add, at.products[name].shape)
            matrix, record = self.transposed[name], at.products[name]
            return replay(operands[name], matrix, add, record, probes[name], known.get(name))

        local = local_parameters(self.cell, local, self.dtype)
        noise = self.given.noise(self.cell, index, self.batch_shape)
        new_carry, y = self.cell.step(local, at.carry, u, dot, self.given.context, noise)
        return (cast_like(new_carry, at.carry), y.astype(self.dtype)), operands

    def back(self, state: Any, now: Any) -> tuple[Any, Any]:
        """The loop: the cotangents of carry and start carry one step earlier, and what is written down."""
        ct_carry, ct_start = state
        ct_y_BD, at, u, valid_B, reset_B, index = now

        def chain(carry: Carry, probes: Any, u: Any) -> Any:
            return self.step(self.local, at._replace(carry=carry), u, probes, {}, index)[0]

        ct_out, ct_held = _split(valid_B, ct_carry, ct_y_BD)
        ct_before, ct_products, ct_u = jax.vjp(chain, at.carry, _zeros(at.products), u)[1](ct_out)
        ct_before = ct_before if ct_held is None else _add(ct_before, ct_held)
        if reset_B is not None:
            nothing = _zeros(ct_before)
            ct_start = _add(ct_start, where(reset_B, ct_before, nothing))
            ct_before = where(reset_B, nothing, ct_before)
        return (ct_before, ct_start), (ct_carry, ct_products, None if at.u is None else ct_u)

    def rest(self, at: Record, u: Array, known: dict[str, Array], index: Any, ct: Any) -> Any:
        """What a step gives to the parameters that are no matrices, and to u; and what it multiplied."""
        # The probes only make every product one that is differentiated, as a second derivative needs.
        _, pull, operands = jax.vjp(
            lambda local, u, probes: self.step(local, at, u, probes, known, index),
            self.local,
            u,
            _zeros(at.products),
            has_aux=True,
        )
        ct_local, ct_u, _ = pull(ct)
        return ct_local, ct_u, operands


def _backward(
    engine: Scan, cell: Cell, reverse: bool, saved: Any, cotangents: tuple[Array, Carry]
) -> tuple[Inputs, None]:
    inputs, given, record = saved
    (matrices, local), x_TBC, (ct_y_TBD, ct_carry) = inputs.params, inputs.x_TBC, cotangents
    u_T, pull_inputs = jax.vjp(lambda m, x: input_products(cell, Params(m, local), x, product), matrices, x_TBC)
    u_T = u_T if record.u is None else record.u
    # Without the barrier XLA would transpose every matrix again at every step.
    transposed = {name: lax.optimization_barrier(m.astype(u_T.dtype).T) for name, m in matrices.items()}
    steps = Replay(cell, local, given, transposed, x_TBC.shape[1:-1], u_T.dtype)

    xs = (ct_y_TBD, record, u_T, given.valid_TB, given.reset_TB, given.index_T)
    first = (ct_carry, _zeros(inputs.start_carry))
    (ct_initial, ct_start), written = engine.backward(steps, reverse, first, xs)
    ct_carry_T, ct_products, ct_u = written

    def to_local(x: Array, ct_u: Any) -> Any:
        return jax.vjp(lambda local: input_products(cell, Params(matrices, local), x), local)[1](ct_u)[0]

    # A vjp for each step: their sum over time is in the type of the parameters, whatever that of a step.
    ct_out_T = _split(given.valid_TB, ct_carry_T, ct_y_TBD)[0]
    ct_local_T, ct_added, operands = jax.vmap(steps.rest)(record, u_T, ct_products, given.index_T, ct_out_T)
    ct_u = ct_added if record.u is None else ct_u
    ct_local = jax.tree.map(lambda a, b: jnp.sum(a + b, axis=0), ct_local_T, jax.vmap(to_local)(x_TBC, ct_u))
    ct_matrices, ct_x = pull_inputs(ct_u)
    products_too = {n: outer(operands[n], ct, matrices[n].dtype) for n, ct in ct_products.items()}
    ct_matrices = {n: _add(ct, products_too[n]) if n in products_too else ct for n, ct in ct_matrices.items()}
    return Inputs(Params(ct_matrices, ct_local), ct_x, ct_initial, ct_start), None


_scan.defvjp(_forward, _backward)


def _input_product_ahead(cell: Cell, params: Params, x: Array) -> bool:
    """Whether the inputs are multiplied before the loop, for all of time at once.

    On a CPU that pays where the product is as narrow as the carry (an RNN). Where it is wider it costs more to write
    and to read again than it saves (an LSTM, a GRU).
    """
    u = jax.eval_shape(functools.partial(input_products, cell), params, x)
    carry = cell.initial_carry((), x.dtype)
    return sum(a.shape[-1] for a in jax.tree.leaves(u)) <= sum(a.shape[-1] for a in jax.tree.leaves(carry))


def reads_input(cell: Cell, inputs: Inputs, given: Given) -> bool:
    """Whether a step does anything with u but add it to a product, found by tracing one."""
    params, x, carry = inputs.params, inputs.x_TBC, inputs.initial_carry

    def step(u: Any) -> Any:
        def dot(name: str, a: Array, add: Array | None = None) -> Array:
            return jnp.zeros((*a.shape[:-1], params.matrices[name].shape[-1]), x.dtype)

        noise = None if given.index_T is None else given.noise(cell, jnp.zeros((), jnp.int32), x.shape[1:-1])
        return cell.step(local_parameters(cell, params.local, x.dtype), carry, u, dot, given.context, noise)

    shapes = jax.eval_shape(functools.partial(input_products, cell), params, jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
    jaxpr = jax.make_jaxpr(step)(shapes).jaxpr
    read = {v for equation in jaxpr.eqns for v in equation.invars if not isinstance(v, jax.extend.core.Literal)}
    return not read.isdisjoint(jaxpr.invars)


def input_products(cell: Cell, params: Params, x: Array, multiply: Product = multiplied) -> Any:
    return cell.inputs(local_parameters(cell, params.local, x.dtype), x, products(params, x.dtype, multiply))


def _split(valid: Array | None, ct_carry: Carry, ct_y: Array) -> tuple[tuple[Carry, Array], Carry]:
    """What of the cotangents goes to the step, and what to the carry that an invalid step holds."""
    if valid is None:
        return (ct_carry, ct_y), None
    nothing = _zeros((ct_carry, ct_y))
    return where(valid, (ct_carry, ct_y), nothing), where(valid, nothing[0], ct_carry)


def cast_like(tree: Any, like: Any) -> Any:
    return jax.tree.map(lambda array, other: array.astype(other.dtype), tree, like)


def _zeros(tree: Any) -> Any:
    return jax.tree.map(jnp.zeros_like, tree)


def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.add, a, b)
