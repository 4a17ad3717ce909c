"""Pooling under the lengths contract: by windows, by parts of a row, over all of time, and by rank.

Every function sees the real steps of a row alone, and every row ends where its own length says. What a window or an
empty row leaves without a real step is zero, never -inf or NaN; a NaN in a real step comes out as NaN.

Maxima give their whole gradient to one place, the first of equals, as PyTorch's do. Means, sums and softmax are taken
in float32 at least, and the result has the type of the input (float32 for integers).
"""

from sequence_lab.ops.pooling.adaptive import adaptive_avg_pool, adaptive_max_pool
from sequence_lab.ops.pooling.k_max import dynamic_k, k_max_pool
from sequence_lab.ops.pooling.over_time import (
    attention_over_time,
    first_over_time,
    last_over_time,
    log_sum_exp_over_time,
    max_over_time,
    mean_over_time,
)
from sequence_lab.ops.pooling.sliding import avg_pool, max_pool, max_pool_with_indices
from sequence_lab.ops.pooling.unpooling import max_unpool

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "attention_over_time",
    "avg_pool",
    "dynamic_k",
    "first_over_time",
    "k_max_pool",
    "last_over_time",
    "log_sum_exp_over_time",
    "max_over_time",
    "max_pool",
    "max_pool_with_indices",
    "max_unpool",
    "mean_over_time",
]
