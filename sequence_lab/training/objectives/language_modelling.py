"""The next symbol, at every step of a text."""

import math

import jax

from sequence_lab.ops import losses, metrics

Array = jax.Array


def language_modelling(logits_BTV: Array, labels_BT: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """Cross-entropy per symbol, in nats ("loss") and in bits ("bits_per_symbol")."""
    if logits_BTV.ndim != 3 or labels_BT.shape != logits_BTV.shape[:2]:
        raise ValueError(
            f"language_modelling compares logits [B, T, V] with labels [B, T]; "
            f"got {logits_BTV.shape} and {labels_BT.shape}"
        )
    nats = metrics.weighted(losses.cross_entropy(logits_BTV, labels_BT), mask_BT)
    return {"loss": nats, "bits_per_symbol": metrics.Mean(nats.total / math.log(2), nats.count)}


def perplexity(means: dict[str, float]) -> dict[str, float]:
    """exp of the mean loss: the number of equally likely symbols that would be as hard to guess."""
    return {"perplexity": math.exp(min(means["loss"], 700.0))}
