"""One class per sequence or image."""

import jax

from sequence_lab.ops import losses, metrics

Array = jax.Array


def classification(logits_BK: Array, labels_B: Array, mask_B: Array) -> dict[str, metrics.Mean]:
    """Cross-entropy in nats and accuracy, per row."""
    if logits_BK.ndim != 2 or labels_B.shape != logits_BK.shape[:1]:
        raise ValueError(
            f"classification compares logits [B, K] with labels [B]; got {logits_BK.shape} and {labels_B.shape}"
        )
    return {
        "loss": metrics.weighted(losses.cross_entropy(logits_BK, labels_B), mask_B),
        "accuracy": metrics.accuracy(logits_BK, labels_B, mask_B),
    }
