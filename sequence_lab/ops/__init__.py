"""Pure array functions: no parameters, no modules, no state. Needs JAX alone."""

from sequence_lab.ops import (
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
