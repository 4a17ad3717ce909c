"""Data sets that were prepared once: TFDS record files, and beside them the same as arrays that a run maps into memory.

Reading records one by one, each decoded anew, takes a run half a minute for a set that its arrays have in no time.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.data.builders import BUILDERS, CATALOGUE, builder
from sequence_lab.data.originals import Missing
from sequence_lab.data.ragged import Ragged

Column = np.ndarray | Ragged
Columns = Mapping[str, Column]
ARRAYS = "arrays.2"  # the number is that of the format: what another one wrote is not read
MANIFEST = "manifest.json"  # of the arrays: size and SHA-256 of every file
SUMMED = 2**26  # bytes up to which a file is read whole, before a run uses it; 0.07 s
COLUMN = "a text, or an array that differs from row to row in its first axis at most"
__all__ = ["COLUMN", "Column", "Columns", "Missing", "Prepared", "data_dir", "load", "prepare", "texts"]


def data_dir() -> Path:
    """Where prepared sets are: $SEQUENCE_LAB_DATA, or in the folder of caches."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SEQUENCE_LAB_DATA") or cache / "sequence_lab" / "data")


def prepare(name: str, folder: Path, manual_dir: Path | None = None, say: Callable[[str], None] = print) -> Path:
    """Prepares a set, unless it is there; returns its folder. What is there only in part is made anew.

    So is one that is damaged, and a set that was prepared without a split whose file has turned up, which ``say`` is
    told. Features that are no column, as nested ones, stay in the record files alone.

    Raises:
      ValueError: files are missing, broken, or not the published ones, or no feature is a column; one line.
    """
    import tensorflow_datasets as tfds  # a second to import, for those who use it

    with _alone(folder, name):
        made, manual_dir = builder(name, str(folder)), manual_dir or folder / "manual"
        path = Path(str(made.data_path))
        later = made.turned_up(manual_dir) if name in BUILDERS and made.is_prepared() else []
        if later:
            say(f"{name} is prepared anew: it was without {', '.join(later)}")
        with _set_aside(path) if later else contextlib.nullcontext():
            made = builder(name, str(folder))
            if not made.is_prepared():
                config = tfds.download.DownloadConfig(manual_dir=str(manual_dir))
                with contextlib.redirect_stdout(sys.stderr), _in_words(name):  # where it tells of its progress
                    made.download_and_prepare(download_config=config)
                _settle(path)
            arrays = path / ARRAYS
            if arrays.is_dir() and (damage := _damage(arrays, whole=True)):
                say(f"{name} is prepared anew: {damage}")
                shutil.rmtree(arrays)
            if not arrays.is_dir():
                _keep_arrays(name, made, arrays)
    return path


def _keep_arrays(name: str, made: Any, path: Path) -> None:
    """The records of every split as arrays."""
    if not any(map(_is_column, made.info.features.values())):
        raise ValueError(f"{name} has no feature that is {COLUMN}; allowed: one or more")
    try:
        splits = {split: made.as_data_source(split) for split in made.info.splits}
        columns = {split: _columns(source, made.info.features) for split, source in splits.items()}
    except Exception as error:  # of the library that reads the records
        raise ValueError(
            f"the records in {path.parent} cannot be read: {type(error).__name__}: {_first_line(error)}; allowed: to "
            "take that folder away, and to prepare it anew"
        ) from error
    _write(path, columns)


@contextlib.contextmanager
def _set_aside(path: Path) -> Iterator[None]:
    """A prepared set out of the way of another, which takes its place, or does not come about."""
    aside = path.with_name(f"incomplete.{path.name}.before")
    path.rename(aside)
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        aside.rename(path)
        raise
    shutil.rmtree(aside)


@contextlib.contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Other processes that prepare this set wait; what one left that was killed is taken away."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name.replace('/', '.')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for pattern in ("incomplete.*", f"*/{ARRAYS}.unfinished.*"):
            for left in (folder / name.removeprefix(CATALOGUE)).glob(pattern):
                shutil.rmtree(left)
        yield


@contextlib.contextmanager
def _in_words(name: str) -> Iterator[None]:
    """What went wrong in one line; ValueErrors of our builders are one."""
    try:
        yield
    except Exception as error:
        if not name.startswith(CATALOGUE):
            if isinstance(error, ValueError):
                raise
            raise ValueError(f"{name} cannot be prepared: {type(error).__name__}: {_first_line(error)}") from error
        if isinstance(error, ImportError):
            raise ValueError(f"{name} needs more to be prepared: {error}; for most, pip install tensorflow") from error
        raise ValueError(f"{name} cannot be prepared: {type(error).__name__}: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class Prepared(NamedTuple):
    """A prepared set.

    Attributes:
      splits: the features, by split and name; a text is a row of bytes, see ``texts``.
      classes: names of the classes, by feature.
      text_features: those that are texts.
    """

    splits: Mapping[str, Columns]
    classes: Mapping[str, tuple[str, ...]]
    text_features: tuple[str, ...]


def load(name: str) -> Prepared:
    """A set that was prepared, its arrays mapped into memory.

    Raises:
      ValueError: it was not prepared, in another format, or is damaged; says how to mend it.
    """
    made = builder(name, str(data_dir()))
    path = Path(str(made.data_path)) / ARRAYS
    command = f"after `python launch.py --mode=prepare --data_dir={data_dir()} --datasets={name}"
    if not path.is_dir() and not made.is_prepared():
        wanted = made.MANUAL_DOWNLOAD_INSTRUCTIONS
        by_hand = f" --manual_dir=FOLDER`, FOLDER having {' '.join(wanted.split())}" if wanted else "`"
        raise ValueError(f"data set {name} is not prepared in {data_dir()}; allowed: {command}{by_hand}")
    if not path.is_dir():
        raise ValueError(
            f"data set {name} is not prepared in {data_dir()} but in another version's format, or in part; allowed: "
            f"{command}`, which reads its records anew"
        )
    if damage := _damage(path):
        raise ValueError(f"{damage}; allowed: {command}`, which reads its records anew")
    names = {feature: getattr(kind, "names", None) for feature, kind in made.info.features.items()}
    classes = {feature: tuple(found) for feature, found in names.items() if found}
    of_text = tuple(feature for feature, kind in made.info.features.items() if _is_text(kind))
    return Prepared(_read(path), classes, of_text)


def texts(column: Column) -> list[str]:
    """The strings of a column of texts."""
    assert isinstance(column, Ragged)
    content, ends = column.values.tobytes(), np.cumsum(column.lengths)
    return [content[end - length : end].decode() for end, length in zip(ends, column.lengths, strict=True)]


def _columns(source: Any, features: Mapping[str, Any]) -> dict[str, Column]:
    rows: dict[str, list[Any]] = {name: [] for name, feature in features.items() if _is_column(feature)}
    for number in range(len(source)):
        example = source[number]
        for name in rows:
            value = example[name]
            rows[name].append(np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value))
    return {name: _column(values, features[name]) for name, values in rows.items()}


def _is_column(feature: Any) -> bool:
    """Whether it is what ``COLUMN`` says; the shape of a feature that has others in it is no tuple."""
    if not isinstance(feature.shape, tuple):
        return False
    return _is_text(feature) or (None not in feature.shape[1:] and feature.np_dtype != np.object_)


def _column(values: list[np.ndarray], feature: Any) -> Column:
    if values and (_is_text(feature) or feature.shape[:1] == (None,)):
        return Ragged.of(values)
    return np.stack(values) if values else np.zeros((0, *feature.shape), feature.np_dtype)


def _is_text(feature: Any) -> bool:
    return not feature.shape and feature.np_dtype == np.object_


def _write(path: Path, splits: Mapping[str, Columns]) -> None:
    """All of it, or nothing, whatever happens to the machine: under another name until it is on the disk."""
    unfinished = Path(tempfile.mkdtemp(prefix=f"{ARRAYS}.unfinished.", dir=path.parent))
    try:
        for split, found in splits.items():
            (unfinished / split).mkdir()
            for name, column in found.items():
                arrays = (
                    {"values": column.values, "lengths": column.lengths} if isinstance(column, Ragged) else {"": column}
                )
                for part, array in arrays.items():
                    np.save(unfinished / split / ".".join(filter(None, (name, part, "npy"))), array)
        _settle(unfinished)
        files = {
            str(file.relative_to(unfinished)): {"bytes": file.stat().st_size, "sha256": _sha256(file)}
            for file in sorted(unfinished.glob("*/*"))
        }
        (unfinished / MANIFEST).write_text(json.dumps({"splits": list(splits), "files": files}, indent=1))
        unfinished.chmod(0o755)  # as TFDS's own files, for all who share the folder
        _settle(unfinished)
        unfinished.rename(path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _settle(folder: Path) -> None:
    """Waits until all files of a folder, and their names, are on the disk."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        _sync(path)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(arrays: Path) -> Any:
    return json.loads((arrays / MANIFEST).read_text())


def _damage(arrays: Path, whole: bool = False) -> str:
    """What is wrong with the first file that is not as it was written, or ""; ``whole``: large ones are read, too."""
    try:
        written = _manifest(arrays)["files"].items()
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{arrays / MANIFEST} cannot be read: {type(error).__name__}"
    for name, known in written:
        path = arrays / name
        if not path.is_file():
            return f"{path} is not there"
        if (size := path.stat().st_size) != known["bytes"]:
            return f"{path} has {size:,} bytes, not the {known['bytes']:,} that were written"
        if (whole or size <= SUMMED) and _sha256(path) != known["sha256"]:
            return f"{path} has another SHA-256 than what was written"
    return ""


def _read(arrays: Path) -> dict[str, Columns]:
    found = _manifest(arrays)
    files = {name.removesuffix(".npy") for name in found["files"]}

    def load(name: str) -> np.ndarray:
        return np.load(arrays / f"{name}.npy", mmap_mode="r")

    def column(name: str) -> Column:
        if f"{name}.values" not in files:
            return load(name)
        return Ragged(load(f"{name}.values"), np.asarray(load(f"{name}.lengths")))

    names = sorted({name.removesuffix(".values").removesuffix(".lengths") for name in files})
    return {
        split: {name.partition("/")[2]: column(name) for name in names if name.partition("/")[0] == split}
        for split in sorted(found["splits"])
    }
