"""The files of a data set as its authors gave them: as they are, compressed, or in an archive."""

import bz2
import fnmatch
import functools
import gzip
import hashlib
import io
import lzma
import tarfile
import types
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

OPENERS = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}
Opener = Callable[[], IO[bytes]]
Files = dict[str, tuple[str, bytes]]  # path and content, by the end of the path
TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
NO_SUMS: Mapping[str, str] = types.MappingProxyType({})


class Missing(ValueError):
    """A file of a data set is nowhere to be found."""


class Originals:
    """Files found by the ends of their paths, wherever they stand under a folder.

    A file may be there itself, compressed (``.gz``, ``.xz``, ``.bz2``), or in an archive (``.zip``, ``.tar`` and its
    compressed kinds), which may be in another. Only archives with a name like ``archives`` are opened.

    Args:
      paths: folders and files.
      archives: patterns, as of a shell, for names of archives, with | between them, whatever their case.
      sha256: checksums of archives, by name; one that has another stays closed.

    Attributes:
      last: path of the file that was found last.
    """

    def __init__(self, paths: Iterable[Path], archives: str, sha256: Mapping[str, str] = NO_SUMS) -> None:
        self.paths, self.archives, self.sha256 = list(paths), archives.lower(), sha256
        self.last = ""
        self._wrong: dict[Path, str] = {}  # of archives with a sum that is known, what is wrong

    def matching(self, pattern: str, *sha256: str) -> Iterator[tuple[str, bytes]]:
        """Path and content of every file whose path ends like ``pattern``, which may name folders: ``pos/*.txt``.

        Of files whose paths end alike (one in a folder and one in an archive), the first alone; where checksums are
        given, those of one folder or archive that have such a ``sum_of`` all together. If none have, the files come
        all the same, so that whoever reads them can name the one that is broken, and then the error.

        Raises:
          Missing: there is none.
          ValueError: an archive or a compressed file is broken, which it names, or the files have no such checksum.
        """
        if not sha256:
            yield from self._first_of_each(pattern)
            return
        every, by_place = dict[str, tuple[str, bytes]](), dict[str, Files]()
        for path, content in self._found(pattern):
            place, end = _parted(path, pattern)
            for files in (every, by_place.setdefault(place, {})):
                files.setdefault(end, (path, content))
        if not every:
            raise self._missing(pattern)
        right = next((files for files in (every, *by_place.values()) if _sum(files) in sha256), None)
        yield from (right or every).values()
        if right is None:
            raise ValueError(
                f"{len(every):,} files {pattern} in {', '.join(map(str, self.paths))} have the SHA-256 "
                f"{_short(_sum(every))} together; allowed: {', '.join(map(_short, sha256))}: one is missing, cut off, "
                "or of another edition"
            )

    def _first_of_each(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        seen = set()
        for path, content in self._found(pattern):
            _, end = _parted(path, pattern)
            if end not in seen:
                seen.add(end)
                yield path, content
        if not seen:
            raise self._missing(pattern)

    def one(self, name: str, *sums: str) -> bytes:
        """The content of the file of that name with one of these checksums, of what is in it when decompressed.

        A checksum is a SHA-256, or git's name for the content, which has 40 digits.

        Raises:
          Missing: there is none.
          ValueError: none has such a checksum.
        """
        wrong = ""
        for path, content in self._found(name):
            found = hashlib.sha256(content).hexdigest()
            if not sums or {found, _git(content)} & {*sums}:
                return content
            wrong = (
                f"{path} has the SHA-256 {_short(found)} and {len(content):,} bytes; allowed: "
                f"{', '.join(map(_short, sums))}: it is cut off, or another edition"
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

    def _missing(self, name: str) -> ValueError:
        if wrong := next(filter(None, self._wrong.values()), None):
            return ValueError(wrong)
        return Missing(f"{name} is not in {', '.join(map(str, self.paths))}, nor in an archive {self.archives} there")

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return next(self._found(name), None) is not None

    def _found(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        for root in self.paths:
            files = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
            for path in files:
                if _is_archive(path.name):
                    if self._opens(path.name) and self._is_right(path):
                        yield from self._within(str(path), functools.partial(io.FileIO, path), pattern)
                elif (path.with_suffix("") if path.suffix in OPENERS else path).match(pattern):
                    self.last = str(path)
                    yield str(path), _read(path)

    def _opens(self, name: str) -> bool:
        name = name.rpartition("/")[2].lower()
        return _is_archive(name) and any(fnmatch.fnmatch(name, one) for one in self.archives.split("|"))

    def _is_right(self, archive: Path) -> bool:
        """Whether it has its checksum, where that is known; reads it once."""
        if archive.name in self.sha256 and archive not in self._wrong:
            with archive.open("rb") as file:
                found, allowed = hashlib.file_digest(file, "sha256").hexdigest(), self.sha256[archive.name]
            self._wrong[archive] = "" if found == allowed else (
                f"{archive} has the SHA-256 {_short(found)} and {archive.stat().st_size:,} bytes; allowed: "
                f"{_short(allowed)}: it is cut off, or another edition"
            )  # fmt: skip
        return not self._wrong.get(archive)

    def _within(self, archive: str, opener: Opener, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Those in an archive, and in the archives in it."""
        for name, content in _members(archive, opener, lambda n: self._opens(n) or PurePosixPath(n).match(pattern)):
            if self._opens(name):
                yield from self._within(f"{archive}/{name}", functools.partial(io.BytesIO, content), pattern)
            else:
                self.last = f"{archive}/{name}"
                yield self.last, content


def sum_of(files: Mapping[str, bytes]) -> str:
    """One checksum of many files: the SHA-256 of what ``sha256sum`` prints of them in the order of their names.

    In texts (``.txt``) a line ends in ``\\n``, however it does in the file, as some who keep them change that.
    """
    printed = ""
    for name, content in sorted(files.items()):
        content = content.replace(b"\r\n", b"\n") if name.endswith(".txt") else content
        printed += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
    return hashlib.sha256(printed.encode()).hexdigest()


def _sum(files: Files) -> str:
    return sum_of({end: content for end, (_, content) in files.items()})


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _short(checksum: str) -> str:
    return f"{checksum[:16]}..."


def _parted(path: str, pattern: str) -> tuple[str, str]:
    """Where it is, and the end of it that the pattern is about, without that of a compressed file."""
    parts = (path.removesuffix(end) if (end := PurePosixPath(path).suffix) in OPENERS else path).split("/")
    depth = pattern.count("/") + 1
    return "/".join(parts[:-depth]), "/".join(parts[-depth:])


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
