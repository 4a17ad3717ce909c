"""Real-valued targets, per sequence or at every step, as the model's outputs are."""

import jax

from sequence_lab.ops import losses, metrics

Array = jax.Array


def regression(outputs_K: Array, targets_K: Array, mask: Array) -> dict[str, metrics.Mean]:
    """Mean squared error per target."""
    if outputs_K.shape != targets_K.shape:
        raise ValueError(f"regression compares arrays of one shape; got {outputs_K.shape} and {targets_K.shape}")
    return {"loss": metrics.weighted(losses.squared_error(outputs_K, targets_K), mask)}
