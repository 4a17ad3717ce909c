"""Two text corpora that every Python installation holds: language modelling without a download.

Both are under the Python Software Foundation License, version 2 (https://docs.python.org/3/license.html), and
both are those of the running interpreter: results compare between runs of the same Python release only.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from sequence_lab.data.near_duplicates import group_near_duplicates

DOCUMENT_SEPARATOR = "\f"  # a page break: marks where one topic or file ends and the next begins

_SPLITS = ("train", "validation", "test")

# Shares of validation and of test.
_DOCS_HELD_OUT = 0.07
_STDLIB_HELD_OUT = 0.05

# Not the library: other people's packages, tests, and what `python_docs` holds. And `encodings`, most of
# which is one table printed for a hundred code pages: with it, a quarter of the test text was in train.
_LEFT_OUT_FOLDERS = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idle_test",
    "pydoc_data",
    "encodings",
}
# Records of how this interpreter was built, with the paths of the machine it was built on.
_LEFT_OUT_NAMES = ("_sysconfigdata", "config-")


def python_docs() -> dict[str, str]:
    """The Python language reference, from `pydoc_data.topics`: 79 topics, 465,000 characters in Python 3.11.

    The splits "train", "validation" and "test" hold whole topics, in alphabetical order, joined by
    `DOCUMENT_SEPARATOR`. Validation and test are about 7 % of the text each. Topics that repeat each other
    (many a topic is a section of a larger one) are all in train: no held-out topic stands in another split,
    or twice in its own.

    Raises:
      ValueError: the running Python comes without `pydoc_data`.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ValueError(f"python_docs needs the module pydoc_data of the standard library: {error}") from error
    names = sorted(topics)
    labels = group_near_duplicates([topics[name] for name in names])
    alone = {name: len(topics[name]) for name, n in zip(names, labels, strict=True) if labels.count(n) == 1}
    held_out = _deal(alone, int(_DOCS_HELD_OUT * sum(map(len, topics.values()))))
    split_of = {name: held_out.get(name, "train") for name in names}
    return {
        split: DOCUMENT_SEPARATOR.join(topics[name] for name in names if split_of[name] == split) for split in _SPLITS
    }


def _deal(sizes: dict[str, int], target: int) -> dict[str, str]:
    """The split of each held-out topic: dealt in the order of a stable hash to the emptier split, if it fits.

    A topic larger than half of `target` is not held out, so that no held-out split is a single subject.
    """
    room = {"validation": target, "test": target}
    dealt = {}
    for name in sorted(sizes, key=stable_hash):
        split = max(room, key=room.__getitem__)
        if sizes[name] <= min(room[split], target // 2):
            dealt[name] = split
            room[split] -= sizes[name]
    return dealt


def stdlib_text() -> dict[str, str]:
    """The source text of the standard library: 9.9 million characters in 600 files in Python 3.11.

    The splits "train", "validation" and "test" (90 %, 5 % and 5 % of the files, by a hash of the path) hold
    whole files, in the order of their paths, joined by `DOCUMENT_SEPARATOR` (some files hold it inside, too).
    Test suites, the tables of `encodings` and files that are not UTF-8 are left out.

    Raises:
      ValueError: the running Python comes without the sources of its library.
    """
    return {split: DOCUMENT_SEPARATOR.join(found.values()) for split, found in stdlib_files().items()}


def stdlib_files() -> dict[str, dict[str, str]]:
    """The same by split, each file's text by its path; ValueError as `stdlib_text`."""
    root = Path(sysconfig.get_path("stdlib"))
    files: dict[str, dict[str, str]] = {split: {} for split in _SPLITS}
    for path, text in _sources(root):
        place = stable_hash(path) / 2**64
        held_out = "test" if place < _STDLIB_HELD_OUT else "validation"
        files[held_out if place < 2 * _STDLIB_HELD_OUT else "train"][path] = text
    if not all(files.values()):
        raise ValueError(f"stdlib_text needs the .py files of the standard library, found too few in {root}")
    return files


def _sources(root: Path) -> Iterator[tuple[str, str]]:
    """Relative path and text of each source file, in the order of the paths on every platform."""
    for relative in sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py")):
        parts = relative.split("/")
        if _LEFT_OUT_FOLDERS.isdisjoint(parts) and not parts[0].startswith(_LEFT_OUT_NAMES):
            try:
                yield relative, (root / relative).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def stable_hash(name: str) -> int:
    """64 bits that depend on the name alone; the built-in hash of a string differs between processes."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
