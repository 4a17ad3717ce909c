"""Grain over a split: order, read-ahead and resumable state of the training batches."""

import sys
import time
from collections.abc import Callable
from typing import Any

import grain

from sequence_lab.data.sequences import Batch

READ_AHEAD = 2  # batches made while the devices are busy


class TrainingBatches:
    """An endless iterator over ``make_batch(0), make_batch(1), ...`` whose state goes into the checkpoint.

    Attributes:
      seconds: processor time spent on making batches so far, in the thread that makes them.
    """

    def __init__(self, make_batch: Callable[[int], Batch]) -> None:
        self.seconds = 0.0

        def timed(index: int) -> Batch:
            started = time.thread_time()
            batch = make_batch(index)
            self.seconds += time.thread_time() - started
            return batch

        options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=READ_AHEAD)
        self._iterator = iter(grain.MapDataset.range(sys.maxsize).map(timed).to_iter_dataset(options))

    def __next__(self) -> Batch:
        return next(self._iterator)

    def get_state(self) -> dict[str, Any]:
        """Position, as plain JSON values."""
        return self._iterator.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        self._iterator.set_state(state)
