"""What a convolution is, beside its operands."""

from typing import NamedTuple

from sequence_lab.ops.windows import Window


class Geometry(NamedTuple):
    """Of a convolution ``[N, *sizes, C], [*kernel_size, C // groups, D] -> [N, *out, D]``, beside its operands."""

    windows: tuple[Window, ...]
    sizes: tuple[int, ...]
    groups: int = 1

    @property
    def kernel_size(self) -> tuple[int, ...]:
        return tuple(window.size for window in self.windows)

    @property
    def out(self) -> tuple[int, ...]:
        return tuple(window.output_length(size) for window, size in zip(self.windows, self.sizes, strict=True))

    @classmethod
    def transposed(cls, windows: tuple[Window, ...], out: tuple[int, ...], groups: int = 1) -> "Geometry":
        """That of a convolution without padding with such an output, which nothing of the input is left out of."""
        sizes = ((n - 1) * window.stride + window.reach for window, n in zip(windows, out, strict=True))
        return cls(windows, tuple(sizes), groups)
