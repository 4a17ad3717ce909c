"""The corpora of the running Python: whole documents, no leaks between splits, the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from sequence_lab.data import python_text
from sequence_lab.data.python_text import DOCUMENT_SEPARATOR, python_docs, stdlib_text

SPLITS = ["train", "validation", "test"]


@pytest.fixture(scope="module")
def docs() -> dict[str, str]:
    return python_docs()


def _shingles(text: str, length: int = 40) -> set[str]:
    clean = " ".join(text.split())
    return {clean[i : i + length] for i in range(len(clean) - length + 1)}


def test_python_docs_hold_every_topic_once(docs: dict[str, str]) -> None:
    assert list(docs) == SPLITS
    found = [topic for split in SPLITS for topic in docs[split].split(DOCUMENT_SEPARATOR)]
    assert sorted(found) == sorted(topics.values())


def test_python_docs_splits_have_the_promised_sizes(docs: dict[str, str]) -> None:
    total = sum(map(len, docs.values()))
    for split in ("validation", "test"):
        assert 0.06 < len(docs[split]) / total < 0.075
        largest = max(map(len, docs[split].split(DOCUMENT_SEPARATOR)))
        assert largest <= 0.035 * total


@pytest.mark.parametrize("split", ["validation", "test"])
def test_python_docs_held_out_topics_repeat_nothing(docs: dict[str, str], split: str) -> None:
    """Neither text of another split nor of another topic in their own: at most a stock phrase is shared."""
    held_out = docs[split].split(DOCUMENT_SEPARATOR)
    elsewhere = _shingles("".join(docs[other] for other in SPLITS if other != split))
    for topic in held_out:
        own_split = _shingles("".join(other for other in held_out if other is not topic))
        shingles = _shingles(topic)
        assert len(shingles & elsewhere) <= 0.15 * len(shingles)
        assert len(shingles & own_split) <= 0.15 * len(shingles)
    together = _shingles(docs[split])
    assert len(together & elsewhere) <= 0.02 * len(together)


def test_python_docs_do_not_depend_on_the_hash_seed(docs: dict[str, str]) -> None:
    program = (
        "import hashlib; from sequence_lab.data.python_text import python_docs;"
        "print(hashlib.sha256(repr(list(python_docs().items())).encode()).hexdigest())"
    )
    root = Path(python_text.__file__).parents[2]
    expected = hashlib.sha256(repr(list(docs.items())).encode()).hexdigest()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", program]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert result.stdout.strip() == expected


def test_python_docs_without_pydoc_data_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ValueError, match="pydoc_data"):
        python_docs()


def test_stdlib_text_is_large_and_holds_no_tests_and_no_docs() -> None:
    text = stdlib_text()
    total = sum(map(len, text.values()))
    assert list(text) == SPLITS
    assert total > 8_000_000
    assert all(0.02 < len(text[split]) / total < 0.08 for split in ("validation", "test"))
    everything = DOCUMENT_SEPARATOR.join(text.values())
    import textwrap  # a file the library surely has

    assert Path(textwrap.__file__).read_text(encoding="utf-8") in everything
    assert topics["assert"][:300] not in everything
    assert "build_time_vars = {" not in everything


def _write(root: Path, name: str, content: bytes) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)


def test_stdlib_text_splits_by_file_in_the_order_of_the_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up library: each file in one split, the left-out and the undecodable nowhere."""
    monkeypatch.setattr(python_text.sysconfig, "get_path", lambda _: str(tmp_path))
    names = sorted(f"{folder}m{i}.py" for folder in ("", "a/", "b/c/") for i in range(100))
    for name in reversed(names):
        _write(tmp_path, name, f"# {name} é\r\n".encode())
    for folder in ("test", "a/tests", "site-packages/x", "pydoc_data", "idlelib/idle_test", "config-3.11"):
        _write(tmp_path, f"{folder}/left_out.py", b"left out")
    _write(tmp_path, "latin.py", "left out é".encode("latin-1"))
    _write(tmp_path, "readme.txt", b"left out")
    text = stdlib_text()
    pieces = {split: text[split].split(DOCUMENT_SEPARATOR) for split in SPLITS}
    assert all(piece == sorted(piece) for piece in pieces.values())
    found = [piece for split in SPLITS for piece in pieces[split]]
    assert sorted(found) == sorted(f"# {name} é\n" for name in names)
    assert all(3 <= len(pieces[split]) <= 30 for split in ("validation", "test"))
    # A hash of the path alone: neither a change in a file nor a new one moves a file.
    for name in names:
        _write(tmp_path, name, f"# {name} edited".encode())
    _write(tmp_path, "a/m1000.py", b"new")
    edited = stdlib_text()
    for split in SPLITS:
        expected = {piece.replace(" é\n", " edited") for piece in pieces[split]}
        assert set(edited[split].split(DOCUMENT_SEPARATOR)) - {"new"} == expected


def test_stdlib_text_without_sources_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_text.sysconfig, "get_path", lambda _: str(tmp_path / "absent"))
    with pytest.raises(ValueError, match=r"\.py files.*absent"):
        stdlib_text()
