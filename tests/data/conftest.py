"""Data sets that tests prepare: from files that they make, in a folder of their own."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from sequence_lab.data import builders
from sequence_lab.data.originals import sum_of
from tests.data.originals_made import Made, sha256


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Made], Path]:
    """Lays files down as originals of a set whose counts and sums are theirs; returns the folder."""
    monkeypatch.setenv("SEQUENCE_LAB_DATA", str(tmp_path / "store"))

    def lay(name: str, made: Made, archive: str = "") -> Path:
        folder = tmp_path / "originals"
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as zipped:
            for path, content in made.files.items():
                zipped.writestr(path, content)
        files = {archive: held.getvalue()} if archive else made.files
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        kind: Any = builders.builder_class(name)
        monkeypatch.setattr(kind, "COUNTS", made.counts)
        if hasattr(kind, "SHA256"):
            monkeypatch.setattr(kind, "SHA256", _sums(kind.SHA256, made))
        sums = {path: sha256(data) for path, data in made.files.items() if path in kind.ARCHIVE_SHA256}
        monkeypatch.setattr(kind, "ARCHIVE_SHA256", sums)
        return folder

    return lay


def _sums(known: Any, made: Made) -> Any:
    """Of the made files, as the builder has those of the published ones."""
    plain = {
        path.rpartition("/")[2].removesuffix(".gz"): sha256(gzip.decompress(data) if path.endswith(".gz") else data)
        for path, data in made.files.items()
    }
    if isinstance(known, str):
        return next(iter(plain.values()))
    if isinstance(known, tuple):
        return tuple(plain.values())
    return {
        key: _sum(key, made) if {*"*?"} & {*key} else next((v for name, v in plain.items() if key in name), "")
        for key in known
    }


def _sum(pattern: str, made: Made) -> str:
    """Of all files of a pattern together."""
    depth = pattern.count("/") + 1
    found = {path: data for path, data in made.files.items() if PurePosixPath(path).match(pattern)}
    return sum_of({"/".join(path.split("/")[-depth:]): data for path, data in found.items()})
