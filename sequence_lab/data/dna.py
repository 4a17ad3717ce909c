"""DNA as numbers."""

import numpy as np

from sequence_lab.ops import symbols

BASES = symbols.DNA.symbols
CODES = "".join(symbols.DNA.ambiguous)  # of IUPAC, for any one of several bases

UNKNOWN = 4  # the id of whatever is not one base

_IDS = np.full(256, 255, np.uint8)
_IDS[list(CODES.encode())] = UNKNOWN
_IDS[list(BASES.encode())] = range(4)


def ids(sequence: str) -> np.ndarray:
    """``[T]``, uint8: 0 to 3 for A, C, G, T, 4 for IUPAC's other codes (N).

    Raises:
      ValueError: another letter.
    """
    found = _IDS[np.frombuffer(sequence.encode("latin-1", "replace"), np.uint8)]
    if (wrong := np.flatnonzero(found == 255)).size:
        raise ValueError(f"{sequence[wrong[0]]!r}; allowed: {BASES} and IUPAC's codes {CODES}")
    return found


def one_hot(sequence: str) -> np.ndarray:
    """``[T, 4]``, float32: which of A, C, G, T each letter is; zeros for others (N)."""
    letters = np.frombuffer(sequence.encode(), np.uint8)
    return (letters[:, None] == np.frombuffer(BASES.encode(), np.uint8)).astype(np.float32)
