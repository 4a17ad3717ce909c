"""What every contestant is held against: plain recurrences in float64, differentiated by JAX."""

from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

from benchmarks import tasks  # noqa: E402 (float64 comes first)
from benchmarks.models.linen import TrainingJob  # noqa: E402
from benchmarks.peers import ours  # noqa: E402
from benchmarks.peers.job import Job, Outputs, recurrent_job  # noqa: E402
from sequence_lab.ops import recurrence  # noqa: E402
from sequence_lab.ops.recurrence import cells  # noqa: E402

PACKAGES = ("jax",)


def recurrent(task: tasks.Recurrent) -> Job:
    cell = ours.cell_of(task)
    names = set(cell.parameters(task.C).matrices)

    def apply(params: Any, inputs: Any) -> Any:
        matrices = {name: array for name, array in params.items() if name in names}
        local = {name: array for name, array in params.items() if name not in names}
        return recurrence.run(cell, cells.Params(matrices, local), inputs, engine="scan_plain")[0]

    arrays = jax.tree.map(lambda array: array.astype("float64"), ours.recurrent_arrays(task))
    return recurrent_job(apply, arrays, ours.named, "float64")


class Convolution:
    """A convolution and its gradients as sums over the taps of the kernel, in NumPy."""

    modes = ()

    def __init__(self, task: tasks.Convolution) -> None:
        self.task = task

    def outputs(self) -> Outputs:
        task = self.task
        x, kernel, cotangent = (array.astype(np.float64) for array in tasks.convolution_arrays(task))
        ends = task.padding or ((0, 0),) * len(task.size)
        x = np.pad(x, ((0, 0), *ends, (0, 0)))
        x = x.reshape(*x.shape[:-1], task.groups, -1)
        dy = cotangent.reshape(*cotangent.shape[:-1], task.groups, -1)
        kernel = kernel.reshape(*kernel.shape[:-1], task.groups, -1)
        y, dx, dkernel = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(kernel)
        for tap in np.ndindex(task.kernel):
            spans = zip(tap, task.out_size, strict=True)
            seen = (slice(None), *(slice(i, i + task.stride * (n - 1) + 1, task.stride) for i, n in spans))
            y += np.einsum("...gc,cgd->...gd", x[seen], kernel[tap], optimize=True)
            dx[seen] += np.einsum("...gd,cgd->...gc", dy, kernel[tap], optimize=True)
            dkernel[tap] = np.einsum("...gc,...gd->cgd", x[seen], dy, optimize=True)
        inside = (slice(None), *(slice(left, left + n) for (left, _), n in zip(ends, task.size, strict=True)))
        return {
            "forward": y.reshape(cotangent.shape),
            "input gradient": dx[inside].reshape(task.B, *task.size, task.C),
            "kernel gradient": dkernel.reshape(*task.kernel, -1, task.D),
        }


def training(task: tasks.TrainingStep) -> Job:
    return TrainingJob(task, ours.LAYERS, "float64")


BUILDERS = {tasks.Recurrent: recurrent, tasks.Convolution: Convolution, tasks.TrainingStep: training}
