"""Several symbols that may each come next, at every time step: whether a model tells them from all others."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import losses, metrics

Array = jax.Array


def symbol_sets(logits_BTK: Array, allowed_BTK: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """-log of the probability that all allowed symbols have together, in nats per real step.

    "accuracy" are the steps at which every allowed symbol has a larger logit than every other, "sequence_accuracy" the
    rows all of whose steps are such (Hochreiter and Schmidhuber 1997, experiment 1).
    """
    if logits_BTK.ndim != 3 or allowed_BTK.shape != logits_BTK.shape:
        raise ValueError(
            f"symbol_sets compares logits [B, T, K] with sets [B, T, K]; got {logits_BTK.shape} and {allowed_BTK.shape}"
        )
    allowed = allowed_BTK > 0
    least = jnp.min(jnp.where(allowed, logits_BTK, jnp.inf), axis=-1)
    most = jnp.max(jnp.where(allowed, -jnp.inf, logits_BTK), axis=-1)
    right_BT = least > most
    return {
        "loss": metrics.weighted(losses.set_cross_entropy(logits_BTK, allowed), mask_BT),
        "accuracy": metrics.weighted(right_BT, mask_BT),
        "sequence_accuracy": metrics.all_right(right_BT, mask_BT),
    }
