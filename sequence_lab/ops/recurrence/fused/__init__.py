"""Engine ``fused``: all steps in one kernel on an NVIDIA GPU, for cells whose units meet in products of the carry."""

import dataclasses
import functools
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from sequence_lab.ops.recurrence.cells import Carry, Cell, LinearCell
from sequence_lab.ops.recurrence.cudnn import is_nvidia
from sequence_lab.ops.recurrence.engine import Call, Given, Inputs
from sequence_lab.ops.recurrence.fused.tiles import Tile, problem, processors, tile_for
from sequence_lab.ops.recurrence.scan import Record, Replay, Scan

Array = jax.Array
HOPPER = "9.0"  # others have less memory for a program, or were never tried
MOST_ROWS = 64  # of those measured


@dataclasses.dataclass(frozen=True)
class Fused(Scan):
    """``scan``, whose two loops are one Triton kernel each, written in Pallas; see ``engine.Engine`` for the contract.

    A loop of XLA's starts several kernels at every step, and waits for each to start longer than it computes. Here one
    launch runs all steps: its programs, not more than the device can run at once, share out the units, write down what
    the others need and wait for one another (persistent kernels: Diamos et al. 2016; FlashRNN: Pöppel et al. 2024).
    Before and after the loops it is ``scan``: one product for all inputs, one for every matrix's gradient.

    Programs that wait for one another must all run at once. That rests on XLA, which runs the kernels of a program one
    after the other on one stream, and on two processes taking turns on a device: under MPS it does not hold. Second
    derivatives and ``jax.vmap`` run the loops of ``scan`` instead. Products are in the precision of
    ``jax.default_matmul_precision``, by default in TF32, as those of XLA are.

    Measured on an H200, forward and backward, TF32, inputs as wide as the layer: milliseconds, and how many times that
    Flax and PyTorch (cuDNN) take (``benchmarks/run.py gpu``; ``benchmarks/results/nvidia-h200-2026-11-27``):

    ====  ====  ====  ====  ====  =====  =======
    cell     B     T     D    ms   Flax  PyTorch
    ====  ====  ====  ====  ====  =====  =======
    LSTM    16  1024   768  21.4   3.56     2.28
    GRU     16  1024   768  20.5   3.20     2.13
    RNN     16  1024   768  11.0   2.89     3.25
    LSTM    16   150   256  1.99   3.60     3.48
    LSTM    64    25   512  0.95   2.54     2.20
    LSTM    64    25  1024  2.03   1.87     1.15
    LSTM    16    50  1536  3.55   2.69     1.14
    LSTM    64    25  2048  4.19   2.14     0.83
    LSTM    64    25  4096  13.0   1.91     0.71
    ====  ====  ====  ====  ====  =====  =======

    Forward alone PyTorch takes 0.72, 0.71 and 0.55 of the time for 1024, 2048 and 4096 units. In the last two the
    matrices are read anew at every step, from beyond the processors' own memories, and the engine
    ``cudnn`` is the quicker one for an LSTM (0.97 and 0.83 of these times). In the last, the forward pass alone takes
    1.24 times Flax's. Above 64 rows nothing was measured, and the engine refuses.

    Attributes:
      tile: how a launch is cut, instead of by ``tile_for``.
      interpret: run the kernels step by step on any device, for tests; one column of tiles only.
    """

    tile: Tile | None = None
    interpret: bool = False

    def refusal(self, call: Call) -> str | None:
        cell, rows = call.cell, math.prod(call.batch_shape)
        if not self.interpret and (reason := _refusal_of_device(call.backend)):
            return reason
        if isinstance(cell, LinearCell) or not cell.is_unitwise:
            return "the cell's units meet not only in products of the carry"
        if call.is_noisy and cell.is_noisy:
            return "training draws noise"
        if jnp.dtype(call.dtype) not in (jnp.float32, jnp.bfloat16):
            return f"the type is {jnp.dtype(call.dtype)}, not float32 or bfloat16"
        if call.has_resets:
            return "there are resets within rows"
        if not all(isinstance(size, int) for size in (*call.batch_shape, call.num_steps)):
            return "the sizes are not known"
        if 0 in (*call.batch_shape, call.num_steps, call.in_features):
            return "the inputs are empty"
        if rows > MOST_ROWS:
            return f"there are {rows} rows; nothing was measured above {MOST_ROWS}"
        if not set(cell.parameters(1).matrices) - {"input"}:
            return "the cell multiplies nothing that it remembers"
        tile = self.tile_of(cell, call.batch_shape)
        if tile is None:
            return f"{cell.out_features} units in {rows} rows are too many for one launch"
        return problem(tile, rows, cell.out_features, processors(), self.interpret) or self._loop(
            cell, call.reverse, call.batch_shape
        ).refusal(call.dtype)

    def tile_of(self, cell: Cell, batch_shape: tuple[int, ...]) -> Tile | None:
        """How a launch is cut for this cell and batch."""
        matrices = cell.parameters(1).matrices
        gates = max(p.shape[-1] for name, p in matrices.items() if name != "input") // cell.out_features
        return self.tile or tile_for(math.prod(batch_shape), cell.out_features, gates, processors())

    def forward(
        self, cell: Cell, reverse: bool, inputs: Inputs, given: Given, *, recorded: bool
    ) -> tuple[tuple[Array, Carry], Record | None]:
        loop = self._loop(cell, reverse, inputs.x_TBC.shape[1:-1])
        in_steps = functools.partial(Scan.forward, self, cell, reverse, recorded=recorded)
        return _instead(functools.partial(loop.forward, recorded=recorded), in_steps)(inputs, given)

    def backward(self, steps: Replay, reverse: bool, first: Any, xs: Any) -> tuple[Any, Any]:
        loop = self._loop(steps.cell, reverse, steps.batch_shape)

        def again(arrays: tuple[Any, Given, dict[str, Array]]) -> Replay:
            local, given, transposed = arrays
            return steps._replace(local=local, given=given, transposed=transposed)

        def in_one(arrays: Any, first: Any, xs: Any) -> tuple[Any, Any]:
            return loop.backward(again(arrays), first, xs)

        def in_steps(arrays: Any, first: Any, xs: Any) -> tuple[Any, Any]:
            return Scan.backward(self, again(arrays), reverse, first, xs)

        return _instead(in_one, in_steps)((steps.local, steps.given, steps.transposed), first, xs)

    def _loop(self, cell: Cell, reverse: bool, batch_shape: tuple[int, ...]) -> Any:
        from sequence_lab.ops.recurrence.fused.loops import Loop  # as late as this: it needs a JAX that has Triton

        tile = self.tile_of(cell, batch_shape)
        assert tile is not None, "refused"
        return Loop(cell, tile, reverse, self.interpret)


def _refusal_of_device(backend: str) -> str | None:
    """Why the kernels cannot run there."""
    if not is_nvidia(backend):
        return f"the backend is {backend}, not an NVIDIA GPU"
    if not _has_triton():
        return f"JAX {jax.__version__} has no Triton in Pallas"
    gpus = [device for device in jax.local_devices() if device.platform == "gpu"]
    if len(gpus) > 1:
        return f"there are {len(gpus)} GPUs, between which XLA does not split its kernels"
    if gpus and (capability := str(getattr(gpus[0], "compute_capability", HOPPER))) != HOPPER:
        return f"the GPU has compute capability {capability}; the kernels were run on {HOPPER} alone"
    return None


@functools.cache
def _has_triton() -> bool:
    """JAX 0.11 has it and says that a later version will not."""
    return importlib.util.find_spec("jax.experimental.pallas.triton") is not None


def _instead(fast: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """``fast``; where it is differentiated or mapped over, ``plain``, which gives the same."""

    @jax.custom_jvp
    def differentiable(*arguments: Any) -> Any:
        return mappable(*arguments)

    @differentiable.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return jax.jvp(plain, primals, tangents)

    @custom_vmap
    def mappable(*arguments: Any) -> Any:
        return fast(*arguments)

    @mappable.def_vmap
    def _(axis_size: int, in_batched: Any, *arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments)
        axes = [0 if batched else None for batched in jax.tree.leaves(in_batched)]
        out = jax.vmap(lambda *leaves: plain(*jax.tree.unflatten(tree, leaves)), in_axes=axes, axis_size=axis_size)(
            *leaves
        )
        return out, jax.tree.map(lambda _: True, out)

    return differentiable
