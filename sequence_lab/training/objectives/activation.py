"""Penalties on what a layer puts out at every step, whatever the labels are."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import metrics

Array = jax.Array


def activation(outputs_BTD: Array, labels: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """Mean square of a unit's output, per step: activation regularisation, alpha its weight (Merity et al. 2018)."""
    del labels
    return {"loss": metrics.weighted(jnp.mean(outputs_BTD**2, axis=-1), mask_BT)}


def slowness(outputs_BTD: Array, labels: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """Mean square of its change from step to step: temporal activation regularisation, beta its weight (the same)."""
    del labels
    changes = jnp.mean((outputs_BTD[:, 1:] - outputs_BTD[:, :-1]) ** 2, axis=-1)
    return {"loss": metrics.weighted(changes, mask_BT[:, 1:] * mask_BT[:, :-1])}
