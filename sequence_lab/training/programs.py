"""The compiled programs of a step: one for each shape of its batches, all known before the first of them runs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

Key = tuple[Any, ...]


class Unplanned(RuntimeError):
    """A batch has a shape that was not planned, and would have to be compiled for in the middle of a run."""


class Programs:
    """A step whose last argument is a batch, compiled once for each planned shape of it.

    Args:
      step: by ``jax.jit`` or ``jax.pmap``.
      put: what makes of a batch what the step takes.
    """

    def __init__(self, step: Any, put: Callable[[Any], Any]) -> None:
        self._step, self._put = step, put
        self._compiled: dict[Key, Any] = {}
        self._planned: set[Key] = set()  # keys of batches before they are placed, which may be of another shape

    def compile(self, *arguments: Any, batches: Sequence[Any]) -> None:
        """For every shape among ``batches`` that is not there yet, on as many threads as there are shapes."""
        new = {key: batch for batch in batches if (key := _key(batch)) not in self._planned}
        lowered = {_key(placed): self._step.lower(*arguments, placed) for placed in map(self._put, new.values())}
        with ThreadPoolExecutor() as pool:
            programs = pool.map(lambda one: one.compile(), lowered.values())
            self._compiled |= zip(lowered, programs, strict=True)
        self._planned |= new.keys()

    def __call__(self, *arguments: Any) -> Any:
        """Raises Unplanned for a shape that was not compiled for."""
        key = _key(arguments[-1])
        if key not in self._compiled:
            shapes = "; ".join(", ".join(map(str, planned)) for planned in self._compiled) or "none"
            raise Unplanned(f"a batch has the shapes {', '.join(map(str, key))}; planned: {shapes}")
        return self._compiled[key](*arguments)


def _key(batch: Any) -> Key:
    return tuple((*leaf.shape, leaf.dtype.name) for leaf in jax.tree.leaves(batch))
