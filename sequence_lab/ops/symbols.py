"""Symbols as vectors without parameters: one-hot, with codes for any one of several symbols; words of symbols."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops import masking

Array = jax.Array


def one_hot(
    ids_BT: Array,
    num_symbols: int,
    lengths_B: Array | None = None,
    *,
    ambiguous: Sequence[Sequence[int]] = (),
    dtype: Any = jnp.float32,
) -> Array:
    """One-hot vectors: integer ``[..., T]`` to ``[..., T, num_symbols]``, zero past the length.

    Args:
      ids_BT: 0..num_symbols-1 are the symbols; num_symbols + i is ``ambiguous[i]``; any other is unknown, all zeros.
      ambiguous: per code the symbols of which it may be any: equal weights that sum to 1.

    Raises:
      ValueError: ids that are no integers, a code that stands for no symbol or for one out of range, or ambiguous
        symbols and a ``dtype`` that holds no fractions.
    """
    if not jnp.issubdtype(ids_BT.dtype, jnp.integer):
        raise ValueError(f"ids have type {ids_BT.dtype}; allowed: an integer type")
    lengths_B = masking.checked_lengths(lengths_B, ids_BT.shape[:-1], ids_BT.shape[-1])
    hot = (ids_BT[..., None] == jnp.arange(num_symbols + len(ambiguous))).astype(dtype)
    if ambiguous:
        if not jnp.issubdtype(dtype, jnp.floating):
            raise ValueError(f"dtype is {jnp.dtype(dtype)}; allowed with ambiguous symbols: a floating type")
        weights = jnp.asarray([_weights(symbols, num_symbols) for symbols in ambiguous], dtype)
        # At the highest precision, as an accelerator would round the weights.
        shared = jnp.matmul(hot[..., num_symbols:], weights, precision=jax.lax.Precision.HIGHEST)
        hot = hot[..., :num_symbols] + shared
    return masking.zero_padding(hot, lengths_B)


def k_mers(
    ids_BT: Array, k: int, lengths_B: Array | None = None, *, num_symbols: int = 4
) -> tuple[Array, Array | None]:
    """Overlapping words of k symbols, each as one symbol: integer ``[..., T]`` to (``[..., T - k + 1]``, lengths).

    The word s_t ... s_(t+k-1) of V symbols is sum_j s_(t+j) V^(k-1-j), so that of A, C, G, T the word AAC is 1; one in
    which a symbol is unknown, not in 0..V-1 (N), is V^k. Of a row of L there are max(L - k + 1, 0); zero past these.

    Raises:
      ValueError: ids that are no integers, words longer than the rows, or more of them than int32 can tell apart.
    """
    if not jnp.issubdtype(ids_BT.dtype, jnp.integer):
        raise ValueError(f"ids have type {ids_BT.dtype}; allowed: an integer type")
    steps = ids_BT.shape[-1]
    most = min(steps, int(math.log(2**31 - 1, max(num_symbols, 2))))
    if not 1 <= k <= most:
        raise ValueError(f"k is {k}; allowed of {num_symbols} symbols in rows of {steps} steps: 1 to {most}")
    lengths_B = masking.checked_lengths(lengths_B, ids_BT.shape[:-1], steps)
    known_BT = (ids_BT >= 0) & (ids_BT < num_symbols)
    places = steps - k + 1
    words_BT = jnp.zeros((*ids_BT.shape[:-1], places), jnp.int32)
    all_known_BT = jnp.ones(words_BT.shape, bool)
    for first in range(k):
        words_BT = num_symbols * words_BT + ids_BT[..., first : first + places].astype(jnp.int32)
        all_known_BT &= known_BT[..., first : first + places]
    words_BT = jnp.where(all_known_BT, words_BT, num_symbols**k)
    lengths_B = None if lengths_B is None else jnp.maximum(lengths_B - (k - 1), 0)
    return masking.zero_padding(words_BT, lengths_B), lengths_B


def reverse_complement(x_BTC: Array, lengths_B: Array | None = None) -> Array:
    """The other strand of DNA as it is read: one-hot A, C, G, T, ``[..., T, 4]``, zero past the length.

    Raises:
      ValueError: another number of channels.
    """
    if x_BTC.shape[-1] != 4:
        raise ValueError(f"bases have shape {x_BTC.shape}; allowed: [..., T, 4], A, C, G and T")
    batch_shape = x_BTC.shape[:-2]
    lengths_B = masking.checked_lengths(lengths_B, batch_shape, x_BTC.shape[-2])
    return masking.reverse_within_length(masking.zero_padding(x_BTC, lengths_B), lengths_B)[..., ::-1]


def _weights(symbols: Sequence[int], num_symbols: int) -> np.ndarray:
    if not symbols or not set(symbols) <= set(range(num_symbols)):
        raise ValueError(
            f"an ambiguous symbol stands for {tuple(symbols)}; allowed: one or more of 0 to {num_symbols - 1}"
        )
    return np.bincount(symbols, minlength=num_symbols) / len(symbols)


@dataclasses.dataclass(frozen=True, eq=False)
class Alphabet:
    """Letters, upper and lower case alike, and codes that stand for any one of several letters.

    Attributes:
      symbols: the letter of each id.
      ambiguous: code to letters; the i-th code has the id ``len(symbols) + i``.

    Raises:
      ValueError: something else than single ASCII characters, one of them twice (in either case), or a code for no
        letter or for one that is not in ``symbols``.
    """

    symbols: str
    ambiguous: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        letters = [*self.symbols, *self.ambiguous]
        if wrong := [letter for letter in letters if len(letter) != 1 or not letter.isascii()]:
            raise ValueError(f"an alphabet has {wrong[0]!r}; allowed: single ASCII characters")
        if len({letter.lower() for letter in letters}) != len(letters):
            raise ValueError(f"an alphabet has {''.join(letters)!r}; allowed: each letter once, in one case")
        for code, choices in self.ambiguous.items():
            if not choices or not set(choices) <= set(self.symbols):
                raise ValueError(f"{code!r} stands for {choices!r}; allowed: one or more of {self.symbols!r}")

    @functools.cached_property
    def _ids(self) -> np.ndarray:
        """Id of every code point; the last entry, one past the largest that is known, is unknown."""
        letters = [*self.symbols, *self.ambiguous]
        ids = {ord(case): i for i, letter in enumerate(letters) for case in {letter.lower(), letter.upper()}}
        table = np.full(max(ids, default=0) + 2, -1, np.int32)
        table[list(ids)] = list(ids.values())
        return table

    def encode(self, text: str) -> np.ndarray:
        """Ids [T] (int32) of the T characters of ``text``; -1 where a character is unknown."""
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        return self._ids[np.minimum(code_points, len(self._ids) - 1)]

    def one_hot(self, ids_BT: Array, lengths_B: Array | None = None, *, dtype: Any = jnp.float32) -> Array:
        """``[..., T]`` to ``[..., T, len(symbols)]``; see the function ``one_hot``."""
        choices = [[self.symbols.index(letter) for letter in letters] for letters in self.ambiguous.values()]
        return one_hot(ids_BT, len(self.symbols), lengths_B, ambiguous=choices, dtype=dtype)


# The nucleotide code of IUPAC (Cornish-Bowden 1985), in which U, the T of RNA, is a code for T.
DNA = Alphabet(
    "ACGT",
    {
        "U": "T",
        "R": "AG",
        "Y": "CT",
        "S": "CG",
        "W": "AT",
        "K": "GT",
        "M": "AC",
        "B": "CGT",
        "D": "AGT",
        "H": "ACT",
        "V": "ACG",
        "N": "ACGT",
    },
)
