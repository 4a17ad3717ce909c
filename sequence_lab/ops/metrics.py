"""Metrics as (total, count): they merge over steps, devices and batches by addition.

They are divided once, at the end.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array


class Mean(NamedTuple):
    """A mean that is not yet divided."""

    total: Any
    count: Any

    def __add__(self, other: "Mean") -> "Mean":  # type: ignore[override]
        return Mean(self.total + other.total, self.count + other.count)

    def value(self) -> float:
        """total / count; NaN over nothing."""
        return float(self.total) / float(self.count) if float(self.count) else float("nan")


def weighted(values: Array, mask: Array) -> Mean:
    """Sum and count of ``values`` where ``mask`` (same shape, booleans or weights >= 0) is not 0.

    A value under a mask of 0 is never read, NaN included, and takes no gradient. Sums in float32 or wider.
    """
    if mask.shape != values.shape:
        raise ValueError(f"mask has shape {mask.shape}; allowed: that of the values, {values.shape}")
    values, mask = jnp.asarray(values), jnp.asarray(mask)
    wide = jnp.promote_types(values.dtype, jnp.float32)
    weights = mask.astype(wide)
    kept = jnp.where(mask != 0, values, jnp.zeros((), values.dtype)).astype(wide)
    return Mean(jnp.sum(kept * weights), jnp.sum(weights))


def accuracy(logits_K: Array, labels: Array, mask: Array) -> Mean:
    """Share of the unmasked places whose largest logit is the label (the first one at ties)."""
    return weighted(jnp.argmax(logits_K, axis=-1) == labels, mask)


def all_right(right_BT: Array, mask_BT: Array) -> Mean:
    """Share of the sequences whose unmasked steps are all right; those without any do not count."""
    counts_BT = mask_BT != 0
    return weighted(jnp.all(right_BT | ~counts_BT, axis=1), jnp.any(counts_BT, axis=1))


def merge(many: Iterable[Mapping[str, Mean]]) -> dict[str, Mean]:
    """Adds up dicts of metrics, in order, in Python's float64."""
    merged: dict[str, Mean] = {}
    for metrics in many:
        for name, mean in metrics.items():
            mean = Mean(float(mean.total), float(mean.count))
            merged[name] = merged[name] + mean if name in merged else mean
    return merged
