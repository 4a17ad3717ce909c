"""Characters to ids and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

UNKNOWN = "\ufffd"  # Unicode's replacement character; always id 0

# Lone surrogates are legal in a Python string, so they must survive the way to code points and back.
_UTF32 = ("utf-32-le", "surrogatepass")


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode(*_UTF32), dtype="<u4")


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows: `symbols[i]` is the character with id `i`.

    Id 0 stands for every character that is not listed, and reads as U+FFFD.

    Raises:
      ValueError: `symbols` does not start with U+FFFD, repeats a character, or holds something else than
        single characters.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.symbols[:1] != (UNKNOWN,):
            raise ValueError(f"symbols[0] must be {UNKNOWN!r} (unknown), got {self.symbols[:1]}")
        if wrong := [symbol for symbol in self.symbols if len(symbol) != 1]:
            raise ValueError(f"symbols must be single characters, got {wrong[0]!r}")
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("symbols must be distinct, got some character twice")

    @classmethod
    def of(cls, text: str) -> Vocabulary:
        """The vocabulary of a text: its distinct characters in code point order, from id 1 on."""
        return cls((UNKNOWN, *sorted(set(text) - {UNKNOWN})))

    def __len__(self) -> int:
        """Number of ids V, the one for unknown included."""
        return len(self.symbols)

    @property
    def unknown(self) -> int:
        """The id of what is not listed."""
        return 0

    def to_json(self) -> dict[str, list[str]]:
        """As plain values."""
        return {"symbols": list(self.symbols)}

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint32]:
        return _code_points("".join(self.symbols))

    @cached_property
    def _ids(self) -> npt.NDArray[np.int32]:
        """Id of every code point; the last entry, one past the largest known code point, is unknown."""
        table = np.zeros(int(self._codes.max()) + 2, dtype=np.int32)
        table[self._codes] = np.arange(len(self), dtype=np.int32)
        return table

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids [T] of the T characters of `text`; 0 where a character is unknown."""
        return self._ids[np.minimum(_code_points(text), len(self._ids) - 1)]

    def unknown_in(self, text: str) -> list[str]:
        """The characters of a text that are not listed, each once."""
        return [symbol for symbol in dict.fromkeys(text) if symbol not in self.symbols]

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of ids [T]; `decode(encode(text)) == text` up to unknown characters.

        Raises:
          ValueError: an id lies outside [0, V).
        """
        array = np.asarray(ids, dtype=np.int64)
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ValueError(f"ids must lie in [0, {len(self)}), got {array.min()} to {array.max()}")
        return self._codes[array].tobytes().decode(*_UTF32)
