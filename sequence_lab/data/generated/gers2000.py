"""Tasks of time alone (Gers and Schmidhuber 2000; Gers, Schraudolph and Schmidhuber 2002): spikes and their delays."""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn
from sequence_lab.data.splits import Arrays, Dataset


def spike_intervals(
    interval: int = 49, intervals: int = 2, num_train: int = 0, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Measuring the delays of spikes: was it ``interval`` steps since the last one, or one more?

    Inputs ``[1 + intervals * (interval + 1), 1]``: 1 at the first step and after each delay, 0 elsewhere; labels at
    every step: 1 where the longer of the two delays ends, 0 elsewhere; the mask is 1 at spikes but the first, for there
    is nothing to tell in between. Both delays are as likely: guessing is right in 1/2.

    Args:
      interval: F, steps of the shorter delay.
      intervals: delays in a sequence.
    """
    at_least(1, interval=interval, intervals=intervals)
    width = 1 + intervals * (interval + 1)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        longer = random.integers(0, 2, (size, intervals))
        rows, places = np.arange(size)[:, None], np.cumsum(interval + longer, axis=1)
        inputs, labels = np.zeros((size, width, 1), np.float32), np.zeros((size, width), np.int32)
        mask = np.zeros((size, width), np.float32)
        inputs[:, 0] = inputs[rows, places] = mask[rows, places] = 1
        labels[rows, places] = longer
        return {"inputs": inputs, "labels": labels, "mask": mask}

    return drawn(draw, {"num_outputs": 2}, num_train, num_test, seed)


def timed_spikes(
    period: int = 10, length: int = 100, test_length: int = 1_000, num_train: int = 32, num_test: int = 1, seed: int = 0
) -> Dataset:
    """Generating timed spikes: one every ``period`` steps, without anything to count but the network's own state.

    Inputs ``[length, 1]``: 1 at the first step, zeros after it, so that the network runs freely; labels at every step:
    1 at steps period, 2 * period and so on, else 0. All examples are the same one. Never to spike is right in about
    1 - 1/period of the steps, and in no sequence.

    Args:
      length: steps in training.
      test_length: steps in the test. Validation is half-way between the two: the test goes on where it ends.
    """
    at_least(2, period=period)
    at_least(period + 1, length=length, test_length=test_length)

    def draw(random: np.random.Generator, size: int, steps: int = length) -> Arrays:
        step = np.arange(steps)
        inputs = np.tile((step == 0).astype(np.float32)[:, None], (size, 1, 1))
        labels = np.tile(((step > 0) & (step % period == 0)).astype(np.int32), (size, 1))
        return {"inputs": inputs, "labels": labels}

    def validation(random: np.random.Generator, size: int) -> Arrays:
        return draw(random, size, (length + test_length) // 2)

    def test(random: np.random.Generator, size: int) -> Arrays:
        return draw(random, size, test_length)

    return drawn(draw, {"num_outputs": 2}, num_train, num_test, seed, validation=validation, test=test)
