"""One class at every time step."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import losses, metrics

Array = jax.Array


def labelling(logits_BTK: Array, labels_BT: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """Cross-entropy in nats and accuracy, per real step; "sequence_accuracy": rows whose real steps are all right.

    A packed row counts as one, however many sequences are in it.
    """
    if logits_BTK.ndim != 3 or labels_BT.shape != logits_BTK.shape[:2]:
        raise ValueError(
            f"labelling compares logits [B, T, K] with labels [B, T]; got {logits_BTK.shape} and {labels_BT.shape}"
        )
    return {
        "loss": metrics.weighted(losses.cross_entropy(logits_BTK, labels_BT), mask_BT),
        "accuracy": metrics.accuracy(logits_BTK, labels_BT, mask_BT),
        "sequence_accuracy": metrics.all_right(jnp.argmax(logits_BTK, axis=-1) == labels_BT, mask_BT),
    }
