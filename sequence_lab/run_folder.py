"""A run is a folder: who may write there, and the JSON files that say what the run is and what came of it."""

import fcntl
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from sequence_lab.schema import Refused

CONFIG, ENVIRONMENT, SUMMARY = "config.json", "environment.json", "summary.json"
VOCABULARY = "vocabulary.json"  # ids of the symbols, where there are any
DATA = "data.json"  # the fingerprint of the data set
LOCK = ".lock"  # marks a run's folder, too: one that holds it may hold other files before the run begins

Complete = Callable[[Mapping[str, Any]], Mapping[str, Any]]

# What a run samples, scans or stands beside: starts of fields that make no other run of it.
BESIDE = ("generation.", "scan.", "published", "replicates", "guesses", "dynamic_rate")


class RunFolder:
    """The files of one run under ``path``; nothing is made or touched before ``claim``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    def check(self, config: Mapping[str, Any], complete: Complete = dict, *, writing: bool = True) -> None:
        """Raises ValueError if the folder holds another experiment's run, or is to be written and cannot be.

        Args:
          complete: from the config that is kept, one with the fields that there are since then.
        """
        known = self.read(CONFIG)
        if known is not None:
            check_same(f"the run in {self.path}", complete(known), config, may_differ)
        if writing:
            self.check_free("run", CONFIG, LOCK)

    def check_free(self, kind: str, *marks: str) -> None:
        """Raises ValueError if the folder holds files, and none of the marks of its kind, or cannot be written."""
        marked = any((self.path / mark).exists() for mark in marks)
        if not marked and self.path.is_dir() and any(self.path.iterdir()):
            raise ValueError(f"--workdir {self.path} holds other files; allowed: a new or empty folder, or a {kind}")
        check_writable(self.path)

    @contextmanager
    def claim(self, config: Mapping[str, Any]) -> Iterator[None]:
        """Makes the folder, keeps other processes out, writes ``config.json``.

        Raises:
          Refused: another process is at work in the folder.
        """
        with exclusive(self.path, LOCK):
            self.write(CONFIG, config)
            yield

    def write(self, name: str, value: Any) -> None:
        """Writes a JSON file, atomically."""
        temporary = self.path / f"{name}.tmp"
        temporary.write_text(json.dumps(value, indent=2) + "\n")
        temporary.rename(self.path / name)

    def read(self, name: str) -> Any:
        """A JSON file's value; None if there is no such file.

        Raises:
          ValueError: the file is not JSON.
        """
        try:
            return json.loads((self.path / name).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ValueError(f"{self.path / name} cannot be read: {error.strerror}") from None
        except ValueError:
            raise ValueError(f"{self.path / name} is damaged: it is not JSON") from None


def short(path: Path) -> str:
    """A path as a person would type it: from the current folder on, where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def check_same(
    what: str, known: Mapping[str, Any], config: Mapping[str, Any], may_differ: Callable[[str, Any, Any], bool]
) -> None:
    """Raises ValueError for the first field that differs from what is known and may not.

    Args:
      may_differ: of a dotted field, its value before and its value now.
    """
    old, new = (flatten(json.loads(json.dumps(one))) for one in (known, config))
    for name in sorted({*old, *new}, key=lambda name: (name != "name", name)):
        before, now = old.get(name, "not there"), new.get(name, "not there")
        if before != now and not may_differ(name, before, now):
            more = may_differ(name, before, float("inf"))
            allowed = f"{before} or more" if more else "the same, or another --workdir"
            raise ValueError(f"config.{name} is {now!r}, but {what} has {before!r}; allowed: {allowed}")


def may_differ(name: str, before: Any, now: Any) -> bool:
    """What may change between two launches of a run: how long it trains, what it samples, scans or stands beside."""
    return name.startswith(BESIDE) or (name == "training.num_steps" and isinstance(now, int | float) and now >= before)


@contextmanager
def exclusive(folder: Path, lock_name: str) -> Iterator[None]:
    """Makes the folder, and keeps other processes that ask for the same lock out of it.

    Raises:
      Refused: another process is at work in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / lock_name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"--workdir {folder} is in use by another process") from None
        yield


def check_writable(folder: Path) -> None:
    """Raises ValueError if the folder, or the nearest one above it that there is, takes no files."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK) or not _takes_files(existing):
        raise ValueError(f"--workdir {folder} cannot be written ({existing} takes no files)")


def flatten(config: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` to ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{start}{key}.")
        else:
            flat[f"{start}{key}"] = value
    return flat


def environment(devices: list[jax.Device]) -> dict[str, Any]:
    """What else a result hangs on: equal here means equal bit for bit, otherwise to rounding."""
    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
    return {
        "device": {"kind": devices[0].device_kind, "platform": devices[0].platform, "count": len(devices)},
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "onednn": os.environ.get("SEQUENCE_LAB_ONEDNN", ""),
        "versions": {
            "sequence_lab": importlib.metadata.version("sequence-lab"),
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in packages},
        },
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """The commit the package's source is at, with "+" if it has been changed since; None outside a checkout."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"],
            cwd=here, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def _takes_files(folder: Path) -> bool:
    """Whether a file can really be made here: permission bits do not tell of a read-only or a kernel file system."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
