"""Files that a user names, and the lines in them."""

import bz2
import contextlib
import csv
import glob
import gzip
import lzma
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sequence_lab.data.originals import BROKEN, OPENERS

STREAMS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
LONGEST = 2**31 - 1  # characters of a cell: what is a long on every machine


def paths(files: str, field: str = "files", group: str = "dataset") -> list[Path]:
    """The files of a comma-separated list, which may have patterns (``*``), in its order; of a pattern, by name.

    A path that is there is taken as it is, commas and signs of patterns included.

    Args:
      field, group: of the config, for messages.

    Raises:
      ValueError: one is not there, or nothing is named.
    """
    found, parts = list[Path](), files.split(",")
    while parts:
        joined = [",".join(parts[:count]).strip() for count in range(len(parts), 0, -1)]
        name = next((one for one in joined if os.path.exists(one)), joined[-1])
        matched = [name] if os.path.exists(name) else sorted(glob.glob(name, recursive=True))
        if name and not matched:
            raise ValueError(
                f"{group}.{field} names {name!r}, which is not there; allowed: files that are, or patterns"
            )
        found += map(Path, matched)
        del parts[: name.count(",") + 1]
    resolved = [path.resolve() for path in found]
    if len(set(resolved)) < len(resolved):
        again = next(path for place, path in enumerate(found) if path.resolve() in resolved[:place])
        raise ValueError(f"{group}.{field} names {again} twice; allowed: every file once")
    if not found:
        raise ValueError(f"{group}.{field} is {files!r}; allowed: one file or more, with commas between them")
    return found


def folder(name: str, field: str = "folder") -> Path:
    """A folder that is there; ValueError if it is not."""
    if not name or not Path(name).is_dir():
        raise ValueError(f"dataset.{field} is {name!r}; allowed: a folder that is there")
    return Path(name)


def kind(path: Path) -> str:
    """The ending of a name that says what a file is, in lower case: ".csv" of A.CSV.gz."""
    return (path.with_suffix("") if path.suffix in OPENERS else path).suffix.lower()


def content(path: Path) -> bytes:
    """What is in a file, compressed (.gz, .xz, .bz2) or not; ValueError if it cannot be read."""
    try:
        return OPENERS.get(path.suffix, bytes)(path.read_bytes())
    except (*BROKEN, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def text(path: Path, encoding: str | None = None) -> str:
    """The text of a file, compressed or not, without a byte order mark, lines ending in ``\\n``.

    Args:
      encoding: ``config.dataset.encoding``; None, of sets that have no such field: UTF-8.

    Raises:
      ValueError: it cannot be read, or is not in that encoding; names file and line.
    """
    raw, named = content(path), "utf-8" if encoding is None else encoding
    try:
        found = raw.decode("utf-8-sig" if named.lower().replace("_", "-") in ("utf-8", "utf8") else named)
    except LookupError as error:
        raise ValueError(
            f"dataset.encoding is {encoding!r}; allowed: utf-8, latin-1, or another that Python knows"
        ) from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        allowed = "UTF-8" if encoding is None else "dataset.encoding as the file's, such as latin-1"
        raise ValueError(f"{path}, line {line} is not {named}; allowed: {allowed}") from error
    return found.replace("\r\n", "\n").replace("\r", "\n")


@contextlib.contextmanager
def long_cells() -> Iterator[None]:
    """Where the module csv reads cells of any length, and not up to 131,072 characters alone."""
    before = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def check_headings(headings: Sequence[str], path: Path) -> None:
    """Raises ValueError where two columns have one name."""
    if twice := [name for place, name in enumerate(headings) if name in headings[:place]]:
        raise ValueError(f"{path} has two columns {twice[0]!r}; allowed: every heading once")


def lines(path: Path, encoding: str | None = None) -> list[str]:
    """The lines of ``text``, empty ones among them, but for the one that the end of the last line makes."""
    found = text(path, encoding).split("\n")
    return found[:-1] if found[-1] == "" else found


def streamed(path: Path, most: int = 1 << 16) -> Iterator[str]:
    """The lines of a file, compressed or not, in pieces of ``most`` characters or fewer, the last with its ``\\n``.

    However large the file and however long its lines, little of it is held at once.

    Raises:
      ValueError: it cannot be read.
    """
    try:
        with STREAMS.get(path.suffix, open)(path, "rt", encoding="utf-8-sig") as file:
            while piece := file.readline(most):
                yield piece
    except (*BROKEN, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
