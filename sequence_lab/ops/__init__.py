"""Pure array functions: no parameters, no modules, no state. Needs JAX alone."""

from sequence_lab.ops import (
    audio,
    augmentation,
    convolution,
    dropout,
    losses,
    masking,
    metrics,
    pooling,
    recurrence,
    symbols,
    windows,
)

__all__ = [
    "audio",
    "augmentation",
    "convolution",
    "dropout",
    "losses",
    "masking",
    "metrics",
    "pooling",
    "recurrence",
    "symbols",
    "windows",
]
