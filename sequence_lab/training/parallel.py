"""The one place that knows how a step is spread over devices: ``jit`` over a mesh, or ``pmap``.

A step is written for one device's share of the batch and sums over devices by ``lax.psum(..., AXIS)``. Its
arguments are either replicated (parameters) or sharded along their first axis (batches, recurrent carries). Where the
devices are those of several processes, each of them runs the same steps on the rows of its own devices.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "data"
REPLICATED, SHARDED = PartitionSpec(), PartitionSpec(AXIS)
KINDS = ("jit", "pmap")


class Parallel:
    """Compiles steps for, and moves arrays to and from, a row of devices.

    Args:
      kind: "jit" (one program over a one-axis mesh, by ``shard_map``) or "pmap" (one program per device).
      devices: default: all of them.

    Raises:
      ValueError: an unknown kind, or "pmap" over the devices of several processes.
    """

    def __init__(self, kind: str = "jit", devices: Sequence[jax.Device] | None = None) -> None:
        if kind not in KINDS:
            raise ValueError(f"parallel is {kind!r}; allowed: {', '.join(KINDS)}")
        self.kind = kind
        self.devices = list(jax.devices() if devices is None else devices)
        self._mesh = Mesh(np.array(self.devices), (AXIS,))
        self._spans = any(device.process_index != jax.process_index() for device in self.devices)
        if self._spans and kind == "pmap":
            raise ValueError("parallel is 'pmap'; allowed with several processes: jit")

    @property
    def part(self) -> tuple[int, int]:
        """Which of how many processes this one is, in the order of their devices: that of the rows of a batch."""
        own = sorted({device.process_index for device in self.devices})
        return own.index(jax.process_index()), len(own)

    def check_batch_size(self, field: str, batch_size: int) -> None:
        """Raises ValueError unless every device gets the same number of rows, at least one."""
        if batch_size < 1 or batch_size % len(self.devices):
            raise ValueError(f"{field} is {batch_size}; allowed: a multiple of {len(self.devices)}, the devices")

    def compile(
        self,
        function: Callable[..., Any],
        in_specs: tuple[PartitionSpec, ...],
        out_specs: tuple[PartitionSpec, ...],
        donate: tuple[int, ...] = (),
    ) -> Any:
        """``function`` (on shards, to a tuple) as one on arrays that ``put`` placed, by ``jax.jit`` or ``jax.pmap``."""
        if self.kind == "pmap":
            axes = [[0 if spec == SHARDED else None for spec in specs] for specs in (in_specs, out_specs)]
            return jax.pmap(
                function,
                AXIS,
                in_axes=tuple(axes[0]),
                out_axes=tuple(axes[1]),
                devices=self.devices,
                donate_argnums=donate,
            )
        mapped = jax.shard_map(function, mesh=self._mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
        placed = functools.partial(NamedSharding, self._mesh)
        return jax.jit(
            mapped,
            in_shardings=tuple(map(placed, in_specs)),
            out_shardings=tuple(map(placed, out_specs)),
            donate_argnums=donate,
        )

    def put(self, tree: Any, spec: PartitionSpec) -> Any:
        """Arrays to the devices, replicated or sharded, as copies: a step may donate them, one array twice included.

        Every process has the whole of them.
        """
        if self.kind == "pmap" and spec == SHARDED:
            return jax.tree.map(lambda x: x.reshape(len(self.devices), -1, *x.shape[1:]), tree)
        sharding = NamedSharding(self._mesh, spec)
        if self._spans:
            tree = jax.tree.map(np.asarray, tree)
            return jax.tree.map(lambda x: jax.make_array_from_callback(x.shape, sharding, x.__getitem__), tree)
        return jax.device_put(tree, sharding, may_alias=False)

    def feed(self, batch: Any) -> Any:
        """NumPy arrays as a compiled step takes them, for it to read alone: a CPU reads them where they are.

        A process has the rows of its own devices.
        """
        if self.kind == "jit" and len(self.devices) == 1 and self.devices[0].platform == "cpu":
            return jax.tree.map(lambda x: np.asarray(x, jax.dtypes.canonicalize_dtype(x.dtype)), batch)
        if self._spans:
            sharding = NamedSharding(self._mesh, SHARDED)
            return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)
        return self.put(batch, SHARDED)

    def get(self, tree: Any, spec: PartitionSpec) -> Any:
        """The inverse of ``put``, to NumPy arrays."""
        if self._spans and spec == SHARDED:
            return multihost_utils.process_allgather(tree, tiled=True)
        host = jax.device_get(tree)
        if self.kind == "pmap" and spec == SHARDED:
            return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), host)
        return host
