"""The networks in Flax Linen, over the layers of ``sequence_lab`` or over Flax's own, and their training step."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from benchmarks import models
from benchmarks.peers.job import Outputs, compiled_program, device_bytes
from benchmarks.tasks import Arrays, TrainingStep


class Layers(NamedTuple):
    """Each ``(x, ..., name) -> y``, called within a module; and how parameters are named there.

    Attributes:
      conv1d: (x, features, width, name), without padding.
      conv2d: (x, features, stride, name), 3 x 3, a pixel of zeros around, no bias.
      dense, lstm: (x, features, name).
      embedding: (ids, num_embeddings, features, name).
      max_over_time: x_BTC to y_BC.
      cross_entropy: (logits, labels), unreduced.
      to_theirs, to_ours: nested parameters of the names that ``models`` gives, and back.
    """

    conv1d: Callable[..., Any]
    conv2d: Callable[..., Any]
    dense: Callable[..., Any]
    lstm: Callable[..., Any]
    embedding: Callable[..., Any]
    max_over_time: Callable[[Any], Any]
    cross_entropy: Callable[[Any, Any], Any] = optax.softmax_cross_entropy_with_integer_labels
    to_theirs: Callable[[Any], Any] = lambda params: params
    to_ours: Callable[[Any], Any] = lambda params: params


class ResNet(nn.Module):
    """He et al. 2016, section 4.2: shortcuts without parameters."""

    task: TrainingStep
    layers: Layers

    @nn.compact
    def __call__(self, x: Any) -> Any:
        def convolved(x: Any, features: int, stride: int, name: str) -> Any:
            x = self.layers.conv2d(x, features, stride, f"conv{name}")
            return nn.BatchNorm(use_running_average=False, momentum=0.9, name=f"norm{name}")(x)

        x = nn.relu(convolved(x, 16, 1, "0"))
        for name, old, new, stride in models.resnet_blocks(self.task):
            y = nn.relu(convolved(x, new, stride, f"{name}_a"))
            y = convolved(y, new, 1, f"{name}_b")
            shortcut = jnp.pad(x[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (0, new - old)))
            x = nn.relu(y + shortcut)
        return self.layers.dense(jnp.mean(x, axis=(1, 2)), models.CLASSES, "head")


class KimCNN(nn.Module):
    """Kim 2014."""

    task: TrainingStep
    layers: Layers

    @nn.compact
    def __call__(self, words: Any) -> Any:
        vocabulary, embedding, _, filters = self.task.size
        x = self.layers.embedding(words, vocabulary, embedding, "embedding")
        pooled = [
            self.layers.max_over_time(nn.relu(self.layers.conv1d(x, filters, width, f"conv{width}")))
            for width in models.WIDTHS
        ]
        x = nn.Dropout(0.5, deterministic=not self.task.dropout)(jnp.concatenate(pooled, axis=-1))
        return self.layers.dense(x, 2, "head")


class LanguageModel(nn.Module):
    """Zaremba et al. 2014, without dropout."""

    task: TrainingStep
    layers: Layers

    @nn.compact
    def __call__(self, words: Any) -> Any:
        vocabulary, features, _ = self.task.size
        x = self.layers.embedding(words, vocabulary, features, "embedding")
        for layer in range(models.LAYERS):
            x = self.layers.lstm(x, features, f"lstm{layer}")
        return self.layers.dense(x, vocabulary, "head")


NETWORKS: Mapping[str, type] = {"resnet": ResNet, "kim_cnn": KimCNN, "lstm_lm": LanguageModel}
OPTIMIZERS: Mapping[str, Callable[[], optax.GradientTransformation]] = {
    "resnet": lambda: optax.sgd(0.1, momentum=0.9),
    "kim_cnn": lambda: optax.adadelta(1.0, rho=0.95, eps=1e-6),
    "lstm_lm": lambda: optax.chain(optax.clip_by_global_norm(5.0), optax.sgd(1.0)),
}


class TrainingJob:
    """Training on one batch, step after step; see ``peers.job.Job``.

    ``dtype`` is that of parameters and inputs: float64 for the reference.
    """

    modes = ("step",)

    def __init__(self, task: TrainingStep, layers: Layers, dtype: str = "float32") -> None:
        self.task, self.layers = task, layers
        self.tx = OPTIMIZERS[task.model]()
        self.params = unflatten_dict(cast(models.parameters(task), dtype), sep="/")
        inputs, labels = models.MODELS[task.model].batch(task)
        self.batch = jax.tree.map(jnp.asarray, (cast({"": inputs}, dtype)[""], labels))
        self.step = jax.jit(self._step(task), donate_argnums=0)
        self.state = self._start()

    def _start(self) -> Any:
        network = NETWORKS[self.task.model](self.task, self.layers)
        params = jax.tree.map(jnp.array, self.layers.to_theirs(self.params))
        made = jax.eval_shape(network.init, {name: jax.random.key(0) for name in ("params", "dropout")}, self.batch[0])
        # The same network has the same parameters.
        shapes = jax.tree.map(jnp.shape, params)
        if jax.tree.map(jnp.shape, made["params"]) != shapes:
            raise ValueError(f"the network has parameters of shapes {made['params']}; allowed: {shapes}")
        stats = flatten_dict(made.get("batch_stats", {}))
        stats = {name: jnp.full(a.shape, name[-1] == "var", a.dtype) for name, a in stats.items()}
        return params, unflatten_dict(stats), self.tx.init(params), jax.random.key(0)

    def _loss(self, task: TrainingStep) -> Callable[..., Any]:
        network = NETWORKS[task.model](task, self.layers)

        def loss(params: Any, stats: Any, key: Any, batch: Any) -> Any:
            inputs, labels = batch
            variables = {"params": params, "batch_stats": stats}
            logits, updated = network.apply(variables, inputs, rngs={"dropout": key}, mutable=["batch_stats"])
            return jnp.mean(self.layers.cross_entropy(logits, labels)), updated.get("batch_stats", {})

        return loss

    def _step(self, task: TrainingStep) -> Callable[..., Any]:
        def step(state: Any, batch: Any) -> Any:
            params, stats, opt_state, key = state
            key, now = jax.random.split(key)
            differentiated = jax.value_and_grad(self._loss(task), has_aux=True)
            (loss, stats), gradients = differentiated(params, stats, now, batch)
            updates, opt_state = self.tx.update(gradients, opt_state, params)
            return (optax.apply_updates(params, updates), stats, opt_state, key), loss

        return step

    def run(self, mode: str) -> None:
        self.state, loss = self.step(self.state, self.batch)
        jax.block_until_ready((self.state, loss))

    def prepared(self, mode: str) -> tuple[Callable[[], Any], int | None]:
        return compiled_program(self.step, (self.state, self.batch))

    def device_bytes(self) -> tuple[int, int] | None:
        return device_bytes()

    def outputs(self) -> Outputs:
        """The gradient at the start and the losses of the first steps, which the updates lead to; no dropout."""
        task = self.task._replace(dropout=False)
        params, stats, _, key = state = self._start()
        gradients = jax.jit(jax.grad(self._loss(task), has_aux=True))(params, stats, key, self.batch)[0]
        flat = flatten_dict(self.layers.to_ours(gradients), sep="/")
        found = {f"gradient of {name}": np.asarray(array, np.float64) for name, array in flat.items()}
        step = jax.jit(self._step(task))
        for number in range(models.CHECKED_STEPS):
            state, loss = step(state, self.batch)
            found[f"loss {number}"] = np.asarray(loss, np.float64)
        return found


def cast(arrays: Arrays, dtype: str) -> Arrays:
    return {name: a if np.issubdtype(a.dtype, np.integer) else a.astype(dtype) for name, a in arrays.items()}
