"""The networks in PyTorch, and their training step."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import models
from benchmarks.peers.job import Outputs
from benchmarks.peers.torch_layouts import from_torch, to_torch
from benchmarks.tasks import Arrays, TrainingStep


class ResNet(nn.Module):
    """He et al. 2016, section 4.2: shortcuts without parameters."""

    def __init__(self, task: TrainingStep) -> None:
        super().__init__()
        self.blocks = models.resnet_blocks(task)
        self.add("0", 3, 16, 1)
        for name, old, new, stride in self.blocks:
            self.add(f"{name}_a", old, new, stride)
            self.add(f"{name}_b", new, new, 1)
        self.head = nn.Linear(64, models.CLASSES)

    def add(self, name: str, old: int, new: int, stride: int) -> None:
        self.add_module(f"conv{name}", nn.Conv2d(old, new, 3, stride, padding=1, bias=False))
        self.add_module(f"norm{name}", nn.BatchNorm2d(new))

    def convolved(self, x: Any, name: str) -> Any:
        return getattr(self, f"norm{name}")(getattr(self, f"conv{name}")(x))

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.convolved(x.permute(0, 3, 1, 2), "0"))
        for name, old, new, stride in self.blocks:
            y = torch.relu(self.convolved(x, f"{name}_a"))
            y = self.convolved(y, f"{name}_b")
            x = torch.relu(y + functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, new - old)))
        return self.head(x.mean((2, 3)))


class KimCNN(nn.Module):
    """Kim 2014."""

    def __init__(self, task: TrainingStep) -> None:
        super().__init__()
        vocabulary, embedding, _, filters = task.size
        self.embedding = nn.Embedding(vocabulary, embedding)
        for width in models.WIDTHS:
            self.add_module(f"conv{width}", nn.Conv1d(embedding, filters, width))
        self.dropout = nn.Dropout(0.5 if task.dropout else 0.0)
        self.head = nn.Linear(len(models.WIDTHS) * filters, 2)

    def forward(self, words: Any) -> Any:
        x = self.embedding(words).transpose(1, 2)
        pooled = [torch.relu(getattr(self, f"conv{width}")(x)).amax(2) for width in models.WIDTHS]
        return self.head(self.dropout(torch.cat(pooled, 1)))


class LanguageModel(nn.Module):
    """Zaremba et al. 2014, without dropout."""

    def __init__(self, task: TrainingStep) -> None:
        super().__init__()
        vocabulary, features, _ = task.size
        self.embedding = nn.Embedding(vocabulary, features)
        self.lstm = nn.LSTM(features, features, models.LAYERS, batch_first=True)
        self.head = nn.Linear(features, vocabulary)

    def forward(self, words: Any) -> Any:
        return self.head(self.lstm(self.embedding(words))[0])


NETWORKS: Mapping[str, type] = {"resnet": ResNet, "kim_cnn": KimCNN, "lstm_lm": LanguageModel}
OPTIMIZERS: Mapping[str, Callable[[Any], Any]] = {
    "resnet": lambda params: torch.optim.SGD(params, 0.1, momentum=0.9),
    "kim_cnn": lambda params: torch.optim.Adadelta(params, 1.0, rho=0.95, eps=1e-6),
    "lstm_lm": lambda params: torch.optim.SGD(params, 1.0),
}
CLIP = {"lstm_lm": 5.0}  # by global norm


class TrainingJob:
    """Training on one batch, step after step; see ``peers.job.Job``."""

    modes = ("step",)

    def __init__(self, task: TrainingStep, device: Any) -> None:
        self.task, self.device = task, device
        inputs, labels = models.MODELS[task.model].batch(task)
        self.inputs = torch.from_numpy(inputs).to(device)
        self.labels = torch.from_numpy(np.ascontiguousarray(labels)).to(device).long().flatten()
        self.network, self.optimizer = self._start(task)

    def _start(self, task: TrainingStep) -> tuple[Any, Any]:
        network = NETWORKS[task.model](task)
        arrays = models.parameters(task)
        for name, parameter in network.named_parameters():
            # PyTorch's LSTM has two biases, which are added up: both trained would learn at twice the rate.
            parameter.requires_grad_("bias_hh" not in name)
        count = sum(p.numel() for p in network.parameters() if p.requires_grad)
        if count != (expected := sum(array.size for array in arrays.values())):
            raise ValueError(f"the network has {count} parameters; allowed: {expected}")
        network.load_state_dict(
            {name: torch.from_numpy(np.array(array)) for name, array in theirs(arrays).items()}, strict=False
        )
        network.to(self.device)
        return network, OPTIMIZERS[task.model]([p for p in network.parameters() if p.requires_grad])

    def _step(self, network: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = self._loss(network)
        loss.backward()
        if self.task.model in CLIP:
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP[self.task.model])
        optimizer.step()
        return loss

    def _loss(self, network: Any) -> Any:
        logits = network(self.inputs)
        return functional.cross_entropy(logits.flatten(0, -2), self.labels)

    def run(self, mode: str) -> None:
        self._step(self.network, self.optimizer)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def prepared(self, mode: str) -> tuple[Callable[[], Any], None]:
        return lambda: self.run(mode), None

    def device_bytes(self) -> tuple[int, int] | None:
        return device_bytes()

    def outputs(self) -> Outputs:
        """The gradient at the start and the losses of the first steps, which the updates lead to; no dropout."""
        network, optimizer = self._start(self.task._replace(dropout=False))
        self._loss(network).backward()
        gradients = {
            name: p.grad.double().cpu().numpy() for name, p in network.named_parameters() if p.grad is not None
        }
        found = {f"gradient of {name}": array for name, array in ours(gradients).items()}
        network, optimizer = self._start(self.task._replace(dropout=False))
        for number in range(models.CHECKED_STEPS):
            found[f"loss {number}"] = self._step(network, optimizer).detach().double().cpu().numpy()
        return found


def device_bytes() -> tuple[int, int] | None:
    """``peers.job.Job.device_bytes``."""
    return (torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None


KINDS = {"kernel": "weight", "scale": "weight", "table": "weight", "bias": "bias"}


def theirs(arrays: Arrays) -> Arrays:
    """Our parameters under PyTorch's names, in its layouts."""
    found: Arrays = {}
    for layer in range(models.LAYERS):
        prefix = f"lstm{layer}/"
        own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        found |= {f"lstm.{name}": array for name, array in to_torch("lstm", own, layer).items()} if own else {}
    for name, array in arrays.items():
        module, kind = name.split("/")
        if not module.startswith("lstm"):
            found[f"{module}.{KINDS[kind]}"] = _to_torch(array) if kind == "kernel" else array
    return found


def ours(arrays: Arrays) -> Arrays:
    """The way back."""
    found: Arrays = {}
    of_lstm = {name.removeprefix("lstm."): array for name, array in arrays.items() if name.startswith("lstm.")}
    for layer in range(models.LAYERS if of_lstm else 0):
        found |= {f"lstm{layer}/{name}": array for name, array in from_torch("lstm", of_lstm, layer).items()}
    for name, array in arrays.items():
        module, kind = name.split(".", 1)
        if module == "lstm":
            continue
        if module == "embedding":
            found[f"{module}/table"] = array
        elif module.startswith("norm"):
            found[f"{module}/{'scale' if kind == 'weight' else 'bias'}"] = array
        else:
            name, array = ("kernel", _from_torch(array)) if kind == "weight" else ("bias", array)
            found[f"{module}/{name}"] = array
    return found


def _to_torch(array: np.ndarray) -> np.ndarray:
    """[*size, in, out] to [out, in, *size]."""
    last = array.ndim - 1
    return array.transpose(last, last - 1, *range(last - 1))


def _from_torch(array: np.ndarray) -> np.ndarray:
    return array.transpose(*range(2, array.ndim), 1, 0)
