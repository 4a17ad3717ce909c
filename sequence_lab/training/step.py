"""The pure training step and evaluation step, for one device's share of a batch."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax
from jax import lax

from sequence_lab.ops.metrics import Mean
from sequence_lab.training import objectives
from sequence_lab.training.parallel import AXIS
from sequence_lab.training.state import TrainState

Array = jax.Array
Carry = Any
Batch = Mapping[str, Array]


class Apply(Protocol):
    """A model as training sees it: ``(variables, batch, carry) -> (outputs, carry, statistics)``.

    ``variables`` are as in ``TrainState.variables``, and what comes back with the outputs are the statistics after
    this pass. A model without memory hands ``carry`` through.
    """

    def __call__(
        self, variables: Mapping[str, Any], batch: Batch, carry: Carry, *, train: bool, key: Array | None
    ) -> tuple[Any, Carry, Any]: ...


def train_step(
    apply: Apply,
    tasks: Sequence[objectives.Task],
    tx: optax.GradientTransformation,
    clip_norm: float,
    k1: int,
    average_from: int,
    state: TrainState,
    carry: Carry,
    batch: Batch,
) -> tuple[TrainState, Carry, dict[str, Mean]]:
    """One update: the gradient of sums over counts, summed over devices before it is clipped and applied.

    An update is left out whole, carry and statistics included, when nothing in the batch counts, or when the loss or
    the norm of the gradient before clipping is not finite; "finite" then says so.

    Args:
      k1: truncated back-propagation: steps of the window after which the carry is handed on; 0: all of them.
      average_from: step from which on the parameters are averaged (Polyak and Juditsky 1992), if they are.

    Returns:
      state, carry, measures: those of the tasks, and "grad_norm" before clipping, "clipped", "finite".
    """
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key_data), state.step)
    key = jax.random.fold_in(key, lax.axis_index(AXIS))

    loss = functools.partial(_loss, apply, tasks, state, carry, batch, k1, key)
    (value, (new_carry, new_statistics, measures)), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    value, grads = lax.psum((value, grads), AXIS)
    norm = optax.tree.norm(grads)
    finite = jnp.isfinite(norm) & jnp.isfinite(value)
    counted = sum(measures[objectives.prefixed(tasks, task, "loss")].count for task in tasks) > 0
    clipped = finite & (norm > clip_norm) & (clip_norm > 0)

    kept = state.params, state.opt_state, state.statistics, carry
    params, opt_state, statistics, carry = lax.cond(
        finite & counted, lambda: (*_applied(tx, grads, state), new_statistics, new_carry), lambda: kept
    )
    average = None if state.average is None else _averaged(state.average, params, state.step + 1 - average_from)
    one = jnp.ones((), jnp.float32)
    measures |= {
        "grad_norm": Mean(norm, one),
        "clipped": Mean(clipped.astype(jnp.float32), one),
        "finite": Mean(finite.astype(jnp.float32), one),
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        statistics=statistics,
        average=average,
        clipped=state.clipped + clipped,
    )
    return state, carry, measures


def _loss(
    apply: Apply,
    tasks: Sequence[objectives.Task],
    state: TrainState,
    carry: Carry,
    batch: Batch,
    k1: int,
    key: Array,
    params: Any,
) -> tuple[Array, tuple[Carry, Any, dict[str, Mean]]]:
    """This device's part of the loss; and the carry, statistics and, summed over devices, measures after it."""
    variables = {**state.variables, "params": params}
    outputs, new_carry, statistics = run_window(apply, variables, batch, carry, k1, key)
    measures = objectives.measure(tasks, outputs, batch)
    totals = {name: mean.total for name, mean in measures.items()}
    # The counts of all devices divide each device's own total: the gradients then only need adding up.
    counts = {name: lax.psum(lax.stop_gradient(mean.count), AXIS) for name, mean in measures.items()}
    measures = {name: Mean(lax.psum(totals[name], AXIS), counts[name]) for name in measures}
    return objectives.weighted_loss(tasks, totals, counts), (new_carry, statistics, measures)


def _applied(tx: optax.GradientTransformation, grads: Any, state: TrainState) -> tuple[Any, Any]:
    """The parameters and the optimizer's state after an update."""
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    updates = jax.tree.map(lambda u: u * state.learning_rate_scale.astype(u.dtype), updates)
    return optax.apply_updates(state.params, updates), opt_state


def _averaged(average: Any, params: Any, count: Array) -> Any:
    """The mean over ``count`` states, the newest included; before the first the newest alone."""
    share = 1 / jnp.maximum(count, 1).astype(jnp.float32)
    return jax.tree.map(lambda mean, new: mean + share.astype(new.dtype) * (new - mean), average, params)


def evaluation_step(
    apply: Apply, tasks: Sequence[objectives.Task], variables: Mapping[str, Any], carry: Carry, batch: Batch
) -> tuple[Carry, dict[str, Mean]]:
    """The measures of one batch, summed over devices, and the carry for the next."""
    outputs, carry, _ = apply(variables, batch, carry, train=False, key=None)
    measures = objectives.measure(tasks, outputs, batch)
    return carry, {name: Mean(*lax.psum(tuple(mean), AXIS)) for name, mean in measures.items()}


def run_window(
    apply: Apply, variables: Mapping[str, Any], batch: Batch, carry: Carry, k1: int, key: Array
) -> tuple[Any, Carry, Any]:
    """Outputs over the whole window; the carry and statistics after its first k1 steps, where the next window starts.

    Truncated back-propagation (Williams and Peng 1990; k1, k2 as in Sutskever 2013): the window holds k2 steps, the
    gradient flows through all of them, and no further, since the carry comes in as data.
    """
    if k1 in (0, jax.tree.leaves(batch["inputs"])[0].shape[1]):
        return apply(variables, batch, carry, train=True, key=key)
    first = {**batch, "inputs": batch["inputs"][:, :k1]}
    rest = {**batch, "inputs": batch["inputs"][:, k1:], "start": jnp.zeros_like(batch["start"])}
    keys = jax.random.split(key)
    first_outputs, handed_on, statistics = apply(variables, first, carry, train=True, key=keys[0])
    rest_outputs, _, _ = apply(variables, rest, handed_on, train=True, key=keys[1])
    join = lambda a, b: jnp.concatenate([a, b], axis=1)  # noqa: E731
    return jax.tree.map(join, first_outputs, rest_outputs), handed_on, statistics
