"""Word vectors that others have trained, for the symbols of a vocabulary."""

import gzip
import itertools
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ALLOWED = "allowed: lines of a word and its numbers (GloVe, word2vec, fastText; also .gz), or NPZ"
END = b" \r\n"  # word2vec ends its lines with a space


class WordVectors(NamedTuple):
    """A row per symbol, ``[V, D]`` float32, and which of the rows come from the file, ``[V]``."""

    table: np.ndarray
    found: np.ndarray


def load_word_vectors(path: str | Path, symbols: Sequence[str], *, seed: int = 0) -> WordVectors:
    """The vectors of ``symbols``, from the text format of GloVe and word2vec (also gzipped) or from NPZ.

    Text has one word per line and D numbers after it, all separated by single spaces; word2vec's first line, the
    number of words and D, may be there. Without it, D is what follows the first word of the first line; a later word
    may itself contain spaces. NPZ has the arrays ``words`` [N] (strings) and ``vectors`` [N, D]. If a word comes
    twice, the first counts. The file is read as a stream, up to the line where the last of the symbols is found.

    Symbols that the file does not have are drawn from U[-a, a], with an a per dimension that gives the variance of
    the vectors found (Kim 2014).

    Raises:
      ValueError: a file that is empty, damaged or of another format, a line of too few numbers, something that is no
        finite number, or none of the symbols in the file, each with the file's name and the line; a symbol twice.
    """
    path = Path(path)
    rows = {symbol: row for row, symbol in enumerate(symbols)}
    if len(rows) != len(symbols):
        twice = next(symbol for row, symbol in enumerate(symbols) if rows[symbol] != row)
        raise ValueError(f"symbols have {twice!r} twice; allowed: distinct symbols")
    with path.open("rb") as file:
        start = file.read(4)
    reader = _read_npz if start in (b"PK\x03\x04", b"PK\x05\x06") else _read_text
    try:
        vectors = dict(reader(path, rows))
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not vectors:
        raise ValueError(f"{path} has none of the {len(symbols)} symbols, {', '.join(map(repr, symbols[:3]))} ...")
    found = np.zeros(len(symbols), bool)
    found[list(vectors)] = True
    known = np.stack([vectors[row] for row in sorted(vectors)])
    reach_D = np.sqrt(3 * known.var(axis=0, dtype=np.float64))
    table = np.random.default_rng(seed).uniform(-reach_D, reach_D, (len(symbols), known.shape[1])).astype(np.float32)
    table[found] = known
    return WordVectors(table, found)


def _read_text(path: Path, rows: Mapping[str, int]) -> Iterator[tuple[int, np.ndarray]]:
    """Row and vector of each symbol. Works on bytes: not every word of a large file is valid UTF-8."""
    wanted = {symbol.encode("utf-8", "surrogatepass"): row for symbol, row in rows.items()}
    # Most lines are of words that nobody asked for: they are not taken apart.
    beginnings = {word.partition(b" ")[0] for word in wanted}
    with path.open("rb") as raw, gzip.open(raw) if raw.peek(2).startswith(b"\x1f\x8b") else raw as file:
        first = file.readline()
        if not first:
            raise ValueError(f"{path} is empty; {ALLOWED}")
        fields = first.split()
        has_header = len(fields) == 2 and fields[0].isdigit() and fields[1].isdigit()
        size = int(fields[1]) if has_header else first.rstrip(END).count(b" ")
        lines = file if has_header else itertools.chain([first], file)
        for number, line in enumerate(lines, 1 + has_header):
            line = line.rstrip(END)
            if not 0 < size <= line.count(b" "):
                raise ValueError(
                    f"{path}, line {number}: {line.count(b' ')} numbers follow the word, not {max(size, 1)}; {ALLOWED}"
                )
            if line.partition(b" ")[0] not in beginnings and number > 1:
                continue
            word, *numbers = line.rsplit(b" ", size)
            row = wanted.pop(word, None)
            if row is not None or number == 1:
                vector = _vector(numbers, f"{path}, line {number}")
            if row is not None:
                yield row, vector
            if not wanted:
                return


def _read_npz(path: Path, rows: Mapping[str, int]) -> Iterator[tuple[int, np.ndarray]]:
    wanted = dict(rows)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if not {"words", "vectors"} <= set(arrays.files):
            raise ValueError(f"{path} has the arrays {arrays.files}; allowed: words and vectors")
        try:
            words_N, vectors_ND = arrays["words"], arrays["vectors"]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    right_types = words_N.dtype.kind == "U" and vectors_ND.dtype.kind in "fiu"
    if not right_types or vectors_ND.ndim != 2 or words_N.shape != vectors_ND.shape[:1]:
        raise ValueError(
            f"{path} has words of {words_N.dtype} {words_N.shape} and vectors of {vectors_ND.dtype} "
            f"{vectors_ND.shape}; allowed: strings [N] and numbers [N, D]"
        )
    for index, word in enumerate(words_N.tolist()):
        row = wanted.pop(word, None)
        if row is not None:
            yield row, _vector(vectors_ND[index], f"{path}, row {index}")


def _vector(numbers: Iterable[Any], place: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            vector = np.array(list(map(float, numbers))).astype(np.float32)
    except ValueError as error:
        raise ValueError(f"{place}: {error}; {ALLOWED}") from None
    if not np.isfinite(vector).all():
        raise ValueError(f"{place}: a number is not finite in float32; {ALLOWED}")
    return vector
