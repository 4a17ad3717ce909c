"""Fixed filters that find edges, to compare learnt ones with."""

from collections.abc import Mapping

import numpy as np

_SOBEL = np.outer([1, 2, 1], [-1, 0, 1])
_PREWITT = np.outer([1, 1, 1], [-1, 0, 1])

# Kernels [3, 3, D], for convolution as cross-correlation: positive where brightness grows to the right (the first of
# two) or downwards (the second); the Laplacian where a pixel is darker than its four neighbours.
EDGES: Mapping[str, np.ndarray] = {
    "sobel": np.stack([_SOBEL, _SOBEL.T], axis=-1) / 8,
    "prewitt": np.stack([_PREWITT, _PREWITT.T], axis=-1) / 6,
    "laplacian": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float)[:, :, None],
}
_SLOPES = {1: ("",), 2: (" x", " y")}  # of a filter of one kernel, which has no direction, and of one of two


def edge_kernel(name: str, channels: int = 1) -> np.ndarray:
    """A filter of ``EDGES`` over the mean of all channels: ``[3, 3, channels, D]``, as ``ops.convolution`` takes it.

    They are scaled to the slope in brightness a pixel, and, the Laplacian, to its change (Sobel and Feldman 1968;
    Prewitt 1970).

    Raises:
      ValueError: an unknown name, or no channels.
    """
    if name not in EDGES:
        raise ValueError(f"an edge filter is {name!r}; allowed: {', '.join(EDGES)}")
    if channels < 1:
        raise ValueError(f"channels is {channels}; allowed: 1 or more")
    kernel = EDGES[name][:, :, None, :] / channels
    return np.repeat(kernel, channels, axis=2).astype(np.float32)


def edge_kernels(channels: int = 1) -> tuple[list[str], np.ndarray]:
    """All of ``EDGES`` side by side, and the name of each: ``[3, 3, channels, D]``; arguments as of ``edge_kernel``."""
    kernels = {name: edge_kernel(name, channels) for name in EDGES}
    names = [name + slope for name, kernel in kernels.items() for slope in _SLOPES[kernel.shape[-1]]]
    return names, np.concatenate(list(kernels.values()), axis=-1)
