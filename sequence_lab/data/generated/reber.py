"""The embedded Reber grammar: one string at a time (Hochreiter and Schmidhuber 1997), and without end (Gers 1999).

A string of Reber's grammar between B T and T E, or between B P and P E: the second symbol is to be remembered until it
comes again, as the last but one.
"""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot, past
from sequence_lab.data.splits import Arrays, Dataset

SYMBOLS = "BTPSXVE"
INNER = ("B1 B1", "T2 P3", "S2 X4", "T3 V5", "X3 S6", "P4 V6", "E7 E7")  # of each state, two symbols and what follows


def _graph() -> tuple[np.ndarray, np.ndarray]:
    """The symbols and the states that follow each state of the embedded grammar, ``[states, 2]``; 0 begins anew."""
    arcs = [("B", 1, "B", 1), ("T", 2, "P", 11)]
    for first, around in ((2, "T"), (11, "P")):
        for one, other in (arc.split() for arc in INNER):
            arcs.append((one[0], first + int(one[1]), other[0], first + int(other[1])))
        arcs += [(around, first + 8, around, first + 8), ("E", 0, "E", 0)]
    symbols = np.array([[SYMBOLS.index(one), SYMBOLS.index(other)] for one, _, other, _ in arcs])
    return symbols, np.array([[one, other] for _, one, _, other in arcs])


NEXT_SYMBOL, NEXT_STATE = _graph()
ALLOWED = np.maximum(*(one_hot(NEXT_SYMBOL[:, way], len(SYMBOLS)) for way in (0, 1)))  # [states, 7]


def embedded_reber(longest: int = 30, num_train: int = 0, num_test: int = 500, seed: int = 0) -> Dataset:
    """Embedded Reber grammar (Hochreiter and Schmidhuber 1997, experiment 1): what may come next?

    Inputs ``[longest - 1, 7]``: one-hot symbols of a string but its last; ``lengths``; labels at every step: the next
    symbol; "allowed" ``[longest - 1, 7]``: 1 for each that could follow. Both ways at a fork are as likely. Whoever
    knows the grammar but not the second symbol ranks all allowed symbols first in half of the strings.

    Args:
      longest: symbols of a string; longer ones, one in 800 at 30, are drawn again.
    """
    at_least(9, longest=longest)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        symbols, states, lengths = (np.zeros((size, longest), int), np.zeros((size, longest), int), np.zeros(size, int))
        while len(rows := np.flatnonzero(lengths == 0)):
            symbols[rows], states[rows] = _walk(random, len(rows), longest)
            ended = states[rows] == 0
            lengths[rows] = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, 0)
        return _predicted(symbols, states, (lengths - 1).astype(np.int32))

    return drawn(draw, {"num_outputs": len(SYMBOLS)}, num_train, num_test, seed)


def continual_reber(
    length: int = 100, test_length: int = 1_000, num_train: int = 0, num_test: int = 20, seed: int = 0
) -> Dataset:
    """Continual embedded Reber grammar (Gers et al. 1999): string after string, and no mark where one ends.

    Inputs ``[length, 7]``: one-hot symbols, from the start of a string; labels and "allowed" as in ``embedded_reber``.
    A network that knows the grammar but remembers no second symbol is wrong once a string, in half of them.

    Args:
      length: steps of a training example.
      test_length: steps of an example of validation and test.
    """
    at_least(1, length=length, test_length=test_length)

    def draw(random: np.random.Generator, size: int, steps: int = length) -> Arrays:
        return _predicted(*_walk(random, size, steps + 1))

    def test(random: np.random.Generator, size: int) -> Arrays:
        return draw(random, size, test_length)

    return drawn(draw, {"num_outputs": len(SYMBOLS)}, num_train, num_test, seed, test=test)


def _walk(random: np.random.Generator, size: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Symbols ``[size, steps]``, and the states after each."""
    ways = random.integers(0, 2, (steps, size))
    symbols, states, state = np.zeros((size, steps), int), np.zeros((size, steps), int), np.zeros(size, int)
    for step, way in enumerate(ways):
        symbols[:, step], state = NEXT_SYMBOL[state, way], NEXT_STATE[state, way]
        states[:, step] = state
    return symbols, states


def _predicted(symbols: np.ndarray, states: np.ndarray, lengths: np.ndarray | None = None) -> Arrays:
    """All symbols but the last, to predict the next; of them the first ``lengths``."""
    inputs, labels = one_hot(symbols[:, :-1], len(SYMBOLS)), symbols[:, 1:].astype(np.int32)
    arrays = {"inputs": inputs, "labels": labels, "allowed": ALLOWED[states[:, :-1]]}
    if lengths is None:
        return arrays
    for array in arrays.values():
        array[past(lengths, inputs.shape[1])] = 0
    return arrays | {"lengths": lengths}
