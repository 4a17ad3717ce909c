"""Files in a folder per class, or in such folders for each split."""

import re
from collections.abc import Collection
from pathlib import Path

from sequence_lab.data.own import reading
from sequence_lab.data.own.rows import SPLITS, Labelled

GROUPS = ("", "prefix")


def prefix(path: Path) -> str:
    """A file's name up to the first _ or -: what files of one speaker, author or subject often have in common."""
    return re.split("[_-]", path.stem)[0]


def by_class(name: str, endings: Collection[str] | None, what: str, group: str = "") -> tuple[list[Path], Labelled]:
    """The files NAME/CLASS/FILE or, where NAME has folders of splits alone, NAME/SPLIT/CLASS/FILE.

    Files with other endings, and what begins with a dot, are left out.

    Args:
      name: of the folder.
      endings: of the files' names, in lower case, with a dot; None: any.
      what: the files are, for messages.
      group: what stays in one split: files with one "prefix".

    Raises:
      ValueError: an unknown group, the folder is not there, or one that should have files of a class has none.
    """
    if group not in GROUPS:
        raise ValueError(f"dataset.group is {group!r}; allowed: prefix, or none")
    root = reading.folder(name)
    tops = _folders(root)
    splits = {path.name for path in tops}
    is_split = "train" in splits and splits <= set(SPLITS) and all(_folders(path) for path in tops)
    classes = [own for path in tops for own in _folders(path)] if is_split else tops
    if not classes:
        raise ValueError(f"{root} has no folders; allowed: a folder of {what} for each class")
    files, labels, given = list[Path](), list[str](), list[str]()
    for own in classes:
        found = sorted(path for path in own.iterdir() if _counts(path, endings))
        if not found:
            raise ValueError(
                f"{own} has no {what}; allowed: {root}/CLASS/FILE, or {root}/SPLIT/CLASS/FILE with the splits "
                f"{', '.join(SPLITS)}"
            )
        files += found
        labels += [own.name] * len(found)
        given += [own.parent.name] * len(found)
    groups = list(map(prefix, files)) if group else None
    return files, Labelled(labels, list(map(str, files)), groups, given if is_split else None)


def _counts(path: Path, endings: Collection[str] | None) -> bool:
    ends = endings is None or path.suffix.lower() in endings
    return ends and path.is_file() and not path.name.startswith(".")


def _folders(path: Path) -> list[Path]:
    return sorted(own for own in path.iterdir() if own.is_dir() and not own.name.startswith("."))
