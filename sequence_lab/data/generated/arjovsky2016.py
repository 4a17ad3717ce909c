"""Copy memory of Arjovsky, Shah and Bengio (2016), after Hochreiter and Schmidhuber (1997)."""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot, recalled
from sequence_lab.data.splits import Arrays, Dataset


def copy_memory(
    length: int = 50, num_symbols: int = 10, num_train: int = 0, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Copy memory: repeat ``num_symbols`` symbols after ``length`` blanks.

    Inputs ``[length + 2 * num_symbols, 10]``: one-hot of the symbols 1..8, blanks (0), and a 9 that asks for them;
    labels at every step: blank, then the symbols in order. Remembering nothing costs
    num_symbols * ln(8) / (length + 2 * num_symbols) nats a step.
    """
    at_least(1, length=length, num_symbols=num_symbols)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        symbols, labels = recalled(random, size, length, 8, num_symbols)
        return {"inputs": one_hot(symbols, 10), "labels": labels}

    return drawn(draw, {"num_outputs": 10}, num_train, num_test, seed)
