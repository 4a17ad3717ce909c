"""Real-valued targets, per sequence or at every step, as the model's outputs are."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import losses, metrics

Array = jax.Array

TOLERANCE = 0.04  # the error up to which an output is right in Hochreiter and Schmidhuber (1997)


def regression(outputs_K: Array, targets_K: Array, mask: Array) -> dict[str, metrics.Mean]:
    """Mean squared error per target ("loss") and mean absolute error ("absolute_error").

    "within_0.04": the share of places all of whose targets are met that closely.
    """
    if outputs_K.shape != targets_K.shape:
        raise ValueError(f"regression compares arrays of one shape; got {outputs_K.shape} and {targets_K.shape}")
    right = jnp.all(jnp.abs(outputs_K - targets_K) <= TOLERANCE, axis=-1)
    return {
        "loss": metrics.weighted(losses.squared_error(outputs_K, targets_K), mask),
        "absolute_error": metrics.weighted(losses.absolute_error(outputs_K, targets_K), mask),
        f"within_{TOLERANCE}": metrics.weighted(right, mask),
    }
