"""Several independent yes-or-no labels at every step, such as the notes that sound; or per row."""

import jax

from sequence_lab.ops import losses, metrics

Array = jax.Array


def multilabel(logits_K: Array, labels_K: Array, mask: Array) -> dict[str, metrics.Mean]:
    """Negative log-likelihood in nats, summed over the K labels, per step (or row).

    "accuracy" is Bay et al.'s (2009), as in Boulanger-Lewandowski et al. (2012): true positives over true
    positives, false positives and false negatives, summed over all steps.
    """
    if logits_K.shape != labels_K.shape:
        raise ValueError(f"multilabel compares arrays of one shape; got {logits_K.shape} and {labels_K.shape}")
    said, true = logits_K > 0, labels_K > 0
    hits = metrics.weighted((said & true).sum(-1).astype(mask.dtype), mask).total
    union = metrics.weighted((said | true).sum(-1).astype(mask.dtype), mask).total
    return {
        "loss": metrics.weighted(losses.bernoulli_cross_entropy(logits_K, labels_K), mask),
        "accuracy": metrics.Mean(hits, union),
    }
