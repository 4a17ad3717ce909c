"""A batch dealt to the processes of a run: each makes the rows of its own devices, and no others."""

from typing import NamedTuple

import numpy as np


class Share(NamedTuple):
    """The ``part``-th of ``parts`` equal ones of every batch, as its rows lie."""

    part: int = 0
    parts: int = 1

    def size(self, batch_size: int) -> int:
        """Rows of this part.

        Raises:
          ValueError: the rows cannot be dealt equally.
        """
        if batch_size % self.parts:
            raise ValueError(f"batch_size is {batch_size}; allowed: a multiple of {self.parts}, the processes")
        return batch_size // self.parts

    def of(self, rows: np.ndarray, batch_size: int) -> np.ndarray:
        """Those of the ``batch_size`` rows of a batch that are in this part; there may be fewer rows, at the end."""
        size = self.size(batch_size)
        return rows[self.part * size : (self.part + 1) * size]


WHOLE = Share()
