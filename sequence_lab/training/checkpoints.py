"""Checkpoints by Orbax, asynchronous, each sealed by a manifest of SHA-256 sums once all of it is on disk.

Orbax commits a checkpoint atomically but does not checksum the bytes of arrays: a flipped one would be restored
without a word. So a step without a manifest counts as incomplete, a step whose files differ from theirs as damaged,
and both as if they had never been: the step before is restored.
"""

import dataclasses
import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

MANIFEST = "manifest.json"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # of a disk that takes nothing more
FIRST_ALONE = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})  # the others are not waited for


class _NotOfFullDisks(logging.Filter):
    """Leaves out Orbax's tracebacks of what ``Checkpoints`` raises in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return error is None or not any(os.strerror(number) in str(error) for number in NO_ROOM)


logging.getLogger("absl").addFilter(_NotOfFullDisks())


@dataclasses.dataclass
class _LatestAndBest(checkpoint_managers.PreservationPolicy):
    """Keeps the last two steps, so that there is always one to fall back to, and the best."""

    best_step: int | None = None

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        last = sorted(checkpoint.step for checkpoint in checkpoints)[-2:]
        return [checkpoint.step in last or checkpoint.step == self.best_step for checkpoint in checkpoints]


class Checkpoints:
    """The checkpoints of one run, in ``folder``; of several processes the first alone writes and reads them.

    Args:
      say: called with one line when a checkpoint cannot be used.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = print) -> None:
        self._folder = folder.absolute()
        self._say = say
        self._policy = _LatestAndBest()
        self._unsealed: int | None = None
        self._manager: ocp.CheckpointManager | None = None

    def steps(self) -> list[int]:
        """Steps on disk, newest first, sealed or not."""
        if not self._folder.is_dir():
            return []
        return sorted((int(path.name) for path in self._folder.iterdir() if path.name.isdigit()), reverse=True)

    def save(self, step: int, tree: Any, host: dict[str, Any], best_step: int | None) -> None:
        """Starts writing, unless the step is there already; ``tree`` may change as soon as this returns.

        Args:
          tree: arrays.
          host: plain JSON values, kept beside them.
          best_step: the step to keep however old it gets.
        """
        self.finish()
        if step in self.steps():
            return
        self._policy.best_step = best_step
        args = ocp.args.Composite(arrays=ocp.args.StandardSave(tree), host=ocp.args.JsonSave(host))
        self._open().save(step, args=args, force=True)
        self._unsealed = step

    def poll(self) -> None:
        """Seals the checkpoint that was being written, if it is all there; does not wait for it."""
        if self._unsealed is not None and not self._open().is_saving_in_progress():
            self.finish()

    def finish(self) -> None:
        """Waits for the checkpoint being written, if there is one, and seals it.

        Raises:
          OSError: the disk is full, or takes nothing more; checkpoints before it stay as they are.
        """
        if self._unsealed is None:
            return
        folder = self._folder / str(self._unsealed)
        try:
            self._open().wait_until_finished()
        except Exception as error:
            self._unsealed = None  # it is not waited for again
            number = next((number for number in NO_ROOM if os.strerror(number) in str(error)), None)
            if number is None:
                raise
            raise OSError(number, os.strerror(number), str(folder)) from None  # of TensorStore's ValueError
        _seal(folder)
        self._unsealed = None

    def close(self) -> None:
        self.finish()
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def check(self) -> None:
        """Raises ValueError if checkpoints were written to the end, and none of them is whole any more."""
        faults = {step: self.fault(step) for step in self.steps()}
        sealed = [step for step in faults if (self._folder / str(step) / MANIFEST).exists()]
        if sealed and None not in faults.values():
            said = "; ".join(f"step {step}: {faults[step]}" for step in sealed)
            raise ValueError(
                f"no checkpoint in {self._folder} is whole ({said}); allowed: the same with the files put back, or "
                "to start anew in another --workdir"
            )

    def restore_latest(self, like: Any) -> tuple[int, Any, dict[str, Any]] | None:
        """Step, arrays and host values of the newest whole checkpoint; None if there is none.

        What is newer but incomplete is removed, what is newer but damaged is put aside, both in so many words.

        Args:
          like: a tree of arrays or ``jax.ShapeDtypeStruct`` of the structure to restore.
        """
        for step in self.steps():
            fault = self.fault(step)
            if fault is None:
                return step, *self.restore(step, like)
            self._say(f"checkpoint of step {step} cannot be used ({fault}): falling back to the step before")
            self._discard(step)
        return None

    def restore(self, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
        """Arrays (NumPy) and host values of one step; safe while another process writes."""
        # NumPy, so that the devices the arrays came from need not be there.
        abstract = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
        args = ocp.args.Composite(arrays=ocp.args.StandardRestore(abstract), host=ocp.args.JsonRestore())
        handler = ocp.CompositeCheckpointHandler(
            composite_options=ocp.CompositeOptions(multiprocessing_options=FIRST_ALONE)
        )
        with ocp.Checkpointer(handler, multiprocessing_options=FIRST_ALONE) as checkpointer:
            restored = checkpointer.restore(self._folder / str(step), args=args)
        return restored["arrays"], restored["host"]

    def fault(self, step: int) -> str | None:
        """Why the checkpoint of ``step`` cannot be trusted; None if it is whole."""
        folder = self._folder / str(step)
        try:
            expected = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError):
            return "no manifest: it was not written to the end"
        for name, digest in expected.items():
            if not (folder / name).is_file():
                return f"{name} is missing"
            if _sha256(folder / name) != digest:
                return f"{name} has changed since it was written"
        return None

    def _open(self) -> ocp.CheckpointManager:
        if self._manager is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            options = ocp.CheckpointManagerOptions(
                preservation_policy=self._policy, cleanup_tmp_directories=True, create=False,
                multiprocessing_options=FIRST_ALONE,
            )  # fmt: skip
            self._manager = ocp.CheckpointManager(self._folder, options=options)
        return self._manager

    def _discard(self, step: int) -> None:
        """Removes what was never whole; damaged files are the user's to look at, where no step is looked for."""
        folder = self._folder / str(step)
        if not (folder / MANIFEST).exists():
            shutil.rmtree(folder)
            return
        aside = self._folder / f"damaged-{step}"
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)


def _seal(folder: Path) -> None:
    """Writes the manifest, last and atomically."""
    sums = {str(path.relative_to(folder)): _sha256(path) for path in _files(folder)}
    temporary = folder / f"{MANIFEST}.tmp"
    with temporary.open("w") as file:
        json.dump(sums, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / MANIFEST)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
