"""DNA as numbers."""

import numpy as np

BASES = "ACGT"
CODES = "URYSWKMBDHVN"  # of IUPAC, for any one of several bases


def one_hot(sequence: str) -> np.ndarray:
    """``[T, 4]``, float32: which of A, C, G, T each letter is; zeros for others (N)."""
    letters = np.frombuffer(sequence.encode(), np.uint8)
    return (letters[:, None] == np.frombuffer(BASES.encode(), np.uint8)).astype(np.float32)
