"""The files of a data set as its authors gave them: as they are, compressed, or in an archive."""

import bz2
import fnmatch
import functools
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

OPENERS = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}
Opener = Callable[[], IO[bytes]]
TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


class Missing(ValueError):
    """A file of a data set is nowhere to be found."""


class Originals:
    """Files found by the ends of their paths, wherever they stand under a folder.

    A file may be there itself, compressed (``.gz``, ``.xz``, ``.bz2``), or in an archive (``.zip``, ``.tar`` and its
    compressed kinds), which may be in another. Only archives with a name like ``archives`` are opened.

    Args:
      paths: folders and files.
      archives: patterns, as of a shell, for names of archives, with | between them, whatever their case.
    """

    def __init__(self, paths: Iterable[Path], archives: str) -> None:
        self.paths, self.archives = list(paths), archives.lower()

    def matching(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Path and content of every file whose path ends like ``pattern``, which may name folders: ``pos/*.txt``.

        Of files whose paths end alike (one in a folder and one in an archive), the first alone.

        Raises:
          Missing: there is none.
          ValueError: an archive or a compressed file is broken; names it.
        """
        seen = set()
        for path, content in self._found(pattern):
            end = path.split("/")[-len(pattern.split("/")) :]
            if tuple(end) not in seen:
                seen.add(tuple(end))
                yield path, content
        if not seen:
            raise self._missing(pattern)

    def one(self, name: str, *sha256: str) -> bytes:
        """The content of the file of that name with one of these checksums, of what is in it when decompressed.

        Raises:
          Missing: there is none.
          ValueError: none has such a checksum.
        """
        wrong = ""
        for path, content in self._found(name):
            found = hashlib.sha256(content).hexdigest()
            if not sha256 or found in sha256:
                return content
            wrong = (
                f"{path} has the SHA-256 {found[:16]}... and {len(content):,} bytes; allowed: "
                f"{', '.join(s[:16] + '...' for s in sha256)}: it is cut off, or another edition"
            )
        if wrong:
            raise ValueError(wrong)
        raise self._missing(name)

    def preferred(self, name: str, *sha256: str) -> bytes:
        """The content of the file of that name with one of these checksums, or of the first, if none has.

        Of a set that goes about in several editions, of which one is known to be whole; Missing as ``one``.
        """
        found = [content for _, content in self._found(name)]
        if not found:
            raise self._missing(name)
        return next((content for content in found if hashlib.sha256(content).hexdigest() in sha256), found[0])

    def _missing(self, name: str) -> Missing:
        return Missing(f"{name} is not in {', '.join(map(str, self.paths))}, nor in an archive {self.archives} there")

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return next(self._found(name), None) is not None

    def _found(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        for root in self.paths:
            files = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
            for path in files:
                if _is_archive(path.name):
                    if self._opens(path.name):
                        yield from self._within(str(path), functools.partial(io.FileIO, path), pattern)
                elif (path.with_suffix("") if path.suffix in OPENERS else path).match(pattern):
                    yield str(path), _read(path)

    def _opens(self, name: str) -> bool:
        name = name.rpartition("/")[2].lower()
        return _is_archive(name) and any(fnmatch.fnmatch(name, one) for one in self.archives.split("|"))

    def _within(self, archive: str, opener: Opener, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Those in an archive, and in the archives in it."""
        for name, content in _members(archive, opener, lambda n: self._opens(n) or PurePosixPath(n).match(pattern)):
            if self._opens(name):
                yield from self._within(f"{archive}/{name}", functools.partial(io.BytesIO, content), pattern)
            else:
                yield f"{archive}/{name}", content


def _is_archive(name: str) -> bool:
    return name.lower().endswith((*TARS, ".zip"))


def _read(path: Path) -> bytes:
    try:
        return OPENERS.get(path.suffix, bytes)(path.read_bytes())
    except (*BROKEN, ValueError) as error:  # the latter is bz2's
        raise _broken(path, error) from error


def _broken(path: Path | str, error: Exception) -> ValueError:
    return ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}; it may be cut off")


def _members(archive: str, opener: Opener, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of those of an archive, in its order."""
    try:
        if archive.lower().endswith(".zip"):
            with opener() as file, zipfile.ZipFile(file) as opened:
                for name in opened.namelist():
                    if not name.endswith("/") and wanted(name):
                        yield name, opened.read(name)
            return
        with opener() as file, tarfile.open(fileobj=file) as tar:
            for member in tar:
                if member.isfile() and wanted(member.name):
                    held = tar.extractfile(member)
                    assert held is not None
                    yield member.name, held.read()
    except BROKEN as error:
        raise _broken(archive, error) from error
