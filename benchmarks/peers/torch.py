"""PyTorch, in its own layouts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import tasks
from benchmarks.models.torch import TrainingJob, device_bytes
from benchmarks.peers.job import Job, Outputs
from benchmarks.peers.torch_layouts import from_torch, to_torch

PACKAGES = ("torch",)


class TorchJob:
    """Programs that run as they are called."""

    def __init__(self, programs: dict[str, Callable[[], Any]], name_outputs: Callable[[dict[str, Any]], Outputs]):
        self.programs, self.name_outputs = programs, name_outputs
        self.modes = tuple(programs)

    def run(self, mode: str) -> None:
        self._result(mode)

    def _result(self, mode: str) -> Any:
        result = self.programs[mode]()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return result

    def outputs(self) -> Outputs:
        return self.name_outputs({mode: self._result(mode) for mode in self.modes})

    def prepared(self, mode: str) -> tuple[Callable[[], Any], int | None]:
        return lambda: self._result(mode), None

    def compile_seconds(self, mode: str) -> tuple[float, int]:
        raise NotImplementedError("PyTorch does not compile")

    def device_bytes(self) -> tuple[int, int] | None:
        return device_bytes()


def tensor(array: np.ndarray, dtype: str = "float32") -> torch.Tensor:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, getattr(torch, dtype))


def numpy(array: torch.Tensor) -> np.ndarray:
    return array.detach().double().cpu().numpy()


def recurrent(task: tasks.Recurrent) -> Job:
    made = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN, "rnn_relu": torch.nn.RNN}
    if task.cell not in made:
        raise NotImplementedError(f"torch.nn has no layer for {task.cell!r}")
    options = {"nonlinearity": "relu"} if task.cell == "rnn_relu" else {}
    params, inputs, cotangent = tasks.recurrent_arrays(task, tasks.recurrent_shapes(task))
    layer = made[task.cell](task.C, task.D, batch_first=True, **options)
    with torch.no_grad():
        for name, array in to_torch(task.cell, params).items():
            getattr(layer, name).copy_(torch.from_numpy(array))
    device_cotangent = tensor(cotangent, task.dtype)
    layer = layer.to(device_cotangent.device, device_cotangent.dtype)
    layer.flatten_parameters()  # one piece of memory again, as cuDNN wants it: another type has taken it apart
    x = tensor(inputs, task.dtype).requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def forward() -> Any:
        with torch.no_grad():
            return layer(x)[0]

    def forward_and_backward() -> Any:
        y = layer(x)[0]
        return y, torch.autograd.grad(y, [x, *layer.parameters()], device_cotangent)

    def name_outputs(results: dict[str, Any]) -> Outputs:
        y, (of_inputs, *gradients) = results["forward + backward"]
        theirs = {name: numpy(gradient) for name, gradient in zip(names, gradients, strict=True)}
        found = {f"gradient of {name}": array for name, array in from_torch(task.cell, theirs).items()}
        values = {"forward": results["forward"], "outputs": y, "gradient of inputs": of_inputs}
        return found | {name: numpy(array) for name, array in values.items()}

    return TorchJob({"forward": forward, "forward + backward": forward_and_backward}, name_outputs)


def convolution(task: tasks.Convolution) -> Job:
    axes = len(task.size)
    function = torch.nn.functional.conv1d if axes == 1 else torch.nn.functional.conv2d
    inputs, kernel, cotangent = tasks.convolution_arrays(task)
    assert all(left == right for left, right in task.padding)
    padding = [left for left, _ in task.padding] or 0
    x, dy = (tensor(np.moveaxis(array, -1, 1), task.dtype) for array in (inputs, cotangent))
    w = tensor(np.moveaxis(kernel, (-1, -2), (0, 1)), task.dtype)

    def convolve() -> Any:
        return function(x, w, stride=task.stride, padding=padding, groups=task.groups)

    def forward() -> Any:
        with torch.no_grad():
            return convolve()

    x.requires_grad_()
    w.requires_grad_()
    y = convolve()

    def gradient(of: Any) -> Any:
        return torch.autograd.grad(y, of, dy, retain_graph=True)[0]

    def name_outputs(results: dict[str, Any]) -> Outputs:
        found = {name: np.moveaxis(numpy(results[name]), 1, -1) for name in ("forward", "input gradient")}
        return found | {"kernel gradient": np.moveaxis(numpy(results["kernel gradient"]), (0, 1), (-1, -2))}

    programs = {"forward": forward, "input gradient": lambda: gradient(x), "kernel gradient": lambda: gradient(w)}
    return TorchJob(programs, name_outputs)


def training(task: tasks.TrainingStep) -> Job:
    return TrainingJob(task, tensor(np.zeros(1)).device)


def products(task: tasks.Products) -> Job:
    a, b = (tensor(tasks.draw(name, (task.size, task.size), 1.0), task.dtype) for name in "ab")
    return TorchJob({"forward": lambda: a @ b}, lambda results: {})


BUILDERS = {
    tasks.Recurrent: recurrent,
    tasks.Convolution: convolution,
    tasks.TrainingStep: training,
    tasks.Products: products,
}
