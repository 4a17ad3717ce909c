"""What every builder shares."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from sequence_lab.data.originals import Missing, Originals

Example = dict[str, Any]


class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Reads a set's original files from ``manual_dir``, or fetches them where their authors publish them.

    A set is described by its fields and two methods, ``features`` and ``examples``. Its docstring is its description.
    Examples are stored in the order they come in.

    Attributes:
      VERSION: of what is stored; another, when that changes.
      HOMEPAGE, LICENCE, CITATION: of the set.
      MANUAL_DOWNLOAD_INSTRUCTIONS: which files ``manual_dir`` is to have.
      ARCHIVES: names of archives that may hold them, see ``Originals``.
      URLS: where its authors publish it; empty where nobody may.
      COUNTS: examples in each split, as published.
      LATER: splits that a set may be prepared without, and the file that each comes from.
      ARCHIVE_SHA256: of the authors' archives, where what is in them has no checksum that is known.
    """

    VERSION = tfds.core.Version("1.0.0")
    HOMEPAGE: ClassVar[str]
    LICENCE: ClassVar[str]
    CITATION: ClassVar[str]
    ARCHIVES: ClassVar[str]
    URLS: ClassVar[tuple[str, ...]] = ()
    COUNTS: ClassVar[Mapping[str, int]]
    LATER: ClassVar[Mapping[str, str]] = {}
    ARCHIVE_SHA256: ClassVar[Mapping[str, str]] = {}

    def features(self) -> Mapping[str, Any]:
        """Of an example, by name."""
        raise NotImplementedError

    def examples(self, files: Originals) -> Mapping[str, Iterable[Example]]:
        """Of every split, by its name.

        Raises:
          ValueError: a file is missing, broken or not the published one, or a record of it is wrong; names it.
        """
        raise NotImplementedError

    def turned_up(self, manual_dir: Path) -> list[str]:
        """Files in ``manual_dir`` of splits that the prepared set is without."""
        files = Originals([manual_dir], self.ARCHIVES)
        return [name for split, name in self.LATER.items() if split not in self.info.splits and files.has(name)]

    def _info(self) -> Any:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(dict(self.features())),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENCE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> Mapping[str, Any]:
        try:
            files = Originals([Path(dl_manager.manual_dir)], self.ARCHIVES, self.ARCHIVE_SHA256)
        except AssertionError as error:  # TFDS's own: there is no such folder, or nothing in it
            if not self.URLS:
                raise Missing(f"{self.name} must be fetched by hand: {self.MANUAL_DOWNLOAD_INSTRUCTIONS}") from error
            files = Originals([self._downloaded(dl_manager)], "*", self.ARCHIVE_SHA256)
        with _last_read(files):
            found = self.examples(files)
        return {split: self._generate_examples(split, examples, files) for split, examples in found.items()}

    def _downloaded(self, dl_manager: Any) -> Path:
        """A folder of the files under the names that their authors gave them; TFDS gives them others.

        Raises:
          Missing: they cannot be had; names the way out.
        """
        try:
            fetched = dl_manager.download({url.rpartition("/")[2]: url for url in self.URLS})
        except Exception as error:  # TFDS's own and those of several libraries, of no common kind
            raise Missing(
                f"{self.name} cannot be downloaded from {', '.join(self.URLS)}: {type(error).__name__}: "
                f"{str(error).partition(chr(10))[0]}; allowed: --manual_dir=FOLDER, where "
                f"FOLDER has {self.MANUAL_DOWNLOAD_INSTRUCTIONS}"
            ) from error
        folder = Path(next(iter(fetched.values()))).parent / f"{self.name}.named"
        folder.mkdir(exist_ok=True)
        for name, path in fetched.items():
            link = folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(Path(path).resolve())
        return folder

    def _generate_examples(
        self, split: str, examples: Iterable[Example], files: Originals
    ) -> Iterator[tuple[int, Example]]:
        count = 0
        with _last_read(files):
            for count, example in enumerate(examples, 1):
                yield count - 1, example
        if count != self.COUNTS[split]:
            raise ValueError(
                f"{self.name} has {count:,} examples in {split}; allowed: {self.COUNTS[split]:,}, as published: a file "
                "is cut off, or another edition"
            )


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """What goes wrong in here is one line that names the file; errors that begin with its name stay as they are.

    Raises:
      ValueError: anything went wrong.
    """
    try:
        yield
    except Exception as error:  # of a library that reads a format: of any kind
        if isinstance(error, ValueError) and str(error).startswith(where):
            raise
        raise ValueError(f"{where} cannot be read: {_in_a_line(error)}") from error


@contextlib.contextmanager
def _last_read(files: Originals) -> Iterator[None]:
    """What a builder does not foresee, in one line with the file that it was at; ValueErrors say theirs themselves."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
            raise
        raise ValueError(f"{files.last or 'no file'} cannot be read: {_in_a_line(error)}") from error


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def utf8(content: bytes, where: str) -> str:
    """A text in UTF-8; ValueError if it is none, which names it."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{where}, line {line} is not in UTF-8; allowed: a text that is") from error


def lines(content: bytes) -> list[str]:
    """Of a text in UTF-8, else in the code page 1252; the end of the last one may be missing."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    found = text.split("\n")
    return [line.removesuffix("\r") for line in (found[:-1] if found[-1] == "" else found)]
