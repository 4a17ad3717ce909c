"""The lengths that rows of different lengths are padded to: a few, so that few programs are compiled."""

import numpy as np

MOST_DISTINCT = 2048  # lengths; more are rounded up, by a 2048th of the longest at most


def widths(lengths: np.ndarray, num_shapes: int) -> tuple[int, ...]:
    """At most ``num_shapes`` widths that pad the rows least in all, ascending; the last is the longest row.

    Each row is padded to the least width that holds it. The optimum, by dynamic programming over the distinct lengths:
    with k widths for the rows up to length l, the last of them being l, the least total is

        total(k, l) = min over m < l of total(k - 1, m) + l * (number of rows longer than m and up to l).

    It takes O(num_shapes * distinct lengths^2); see ``MOST_DISTINCT``.

    Args:
      lengths: of the rows, ints; at least one.

    Raises:
      ValueError: ``num_shapes`` is less than 1.
    """
    if num_shapes < 1:
        raise ValueError(f"num_shapes is {num_shapes}; allowed: 1 or more")
    distinct, counts = np.unique(np.maximum(lengths, 1), return_counts=True)
    if len(distinct) > MOST_DISTINCT:
        step = -(-distinct[-1] // MOST_DISTINCT)
        rounded = np.minimum(-(-lengths // step) * step, distinct[-1])
        distinct, counts = np.unique(np.maximum(rounded, 1), return_counts=True)
    rows = np.concatenate([[0], np.cumsum(counts)])  # up to and with the i-th distinct length
    # padded[m, i]: steps of the rows after the m-th distinct length and up to the i-th, padded to the i-th.
    padded = (rows[None, 1:] - rows[:-1, None]) * distinct.astype(np.float64)
    padded[np.tril_indices(len(distinct), -1)] = np.inf
    total, previous = padded[0], []
    for _ in range(min(num_shapes, len(distinct)) - 1):
        through = np.concatenate([[np.inf], total[:-1]])[:, None] + padded
        previous.append(through.argmin(axis=0))
        total = np.minimum(through.min(axis=0), np.inf)
    chosen, last = [], len(distinct) - 1
    for came_from in reversed(previous):
        chosen.append(int(distinct[last]))
        last = came_from[last] - 1
    return (*sorted([*chosen, int(distinct[last])]),)
