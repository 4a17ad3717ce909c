"""What a language model gives to each symbol of a text, as it was trained and as it goes on learning while it reads."""

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sequence_lab.analysis.mixtures import Probabilities
from sequence_lab.composition import Experiment
from sequence_lab.data import Batch
from sequence_lab.ops import losses, metrics
from sequence_lab.training import objectives
from sequence_lab.training.parallel import REPLICATED, SHARDED

Array = jax.Array


def probabilities(experiment: Experiment, variables: Any) -> Probabilities:
    """Of the first task's symbols, the state carried through the whole text."""
    return Probabilities(*(_in_order(_read(experiment, variables, name)) for name in ("validation", "test")))


def dynamic_probabilities(experiment: Experiment, variables: Any, rate: float) -> Probabilities:
    """The same of a model that takes a step of gradient descent after every window, on what it has just read.

    Dynamic evaluation (Mikolov et al. 2010; Krause et al. 2018 with SGD): a symbol is scored before it, or any after
    it, is learnt from; so a text is read from its beginning to its end in one row, whatever
    ``training.evaluation_batch_size`` is. Gradients are means over a window of ``training.k2`` steps, clipped as in
    training. Both texts begin with the trained weights.

    Args:
      rate: of the gradient descent.
    """
    variables = experiment.trainer.parallel.get(variables, REPLICATED)  # each of several processes reads it all
    texts = (_learn(experiment, variables, name, rate) for name in ("validation", "test"))
    return Probabilities(*map(_in_order, texts))


Window = tuple[np.ndarray, np.ndarray]  # log probabilities of its symbols, and which of them count


def _in_order(windows: Iterable[Window]) -> np.ndarray:
    """Probabilities in the order of the text, which ``Stream`` reads in pieces side by side."""
    logs, masks = zip(*windows, strict=True)
    return np.exp(np.concatenate(logs, axis=1)[np.concatenate(masks, axis=1) != 0].astype(np.float64))


@jax.jit
def _log_probabilities(logits_BTV: Array, labels_BT: Array) -> Array:
    return -losses.cross_entropy(logits_BTV, labels_BT)


def _read(experiment: Experiment, variables: Any, split: str) -> Iterator[Window]:
    trainer, task = experiment.trainer, experiment.trainer.tasks[0]
    batches, shapes = experiment.evaluation_batches(split), experiment.shapes(split)
    for compared in trainer.outputs(variables, batches, shapes):
        logits, labels, mask = compared[task.key]
        yield trainer.parallel.get((_log_probabilities(logits, labels), mask), SHARDED)


def _learn(experiment: Experiment, variables: Any, split: str, rate: float) -> Iterator[Window]:
    trainer, task = experiment.trainer, experiment.trainer.tasks[0]
    clip_norm = trainer.optimizer.clip_norm
    tx = optax.chain(optax.clip_by_global_norm(clip_norm) if clip_norm else optax.identity(), optax.sgd(rate))

    @jax.jit
    def step(params: Any, carry: Any, batch: Batch) -> tuple[Any, Any, tuple[Array, Array]]:
        def loss(params: Any) -> tuple[Array, tuple[Any, tuple[Array, Array]]]:
            outputs, new, _ = trainer.apply({**variables, "params": params}, batch, carry, train=False, key=None)
            logits, labels, mask = objectives.compared(task, outputs, batch)
            logs_BT = _log_probabilities(logits, labels)
            mean = metrics.weighted(-logs_BT, mask)
            return mean.total / jnp.maximum(mean.count, 1), (new, (logs_BT, mask))

        grads, (new, found) = jax.grad(loss, has_aux=True)(params)
        updates, _ = tx.update(grads, tx.init(params))
        return optax.apply_updates(params, updates), new, found

    params, carry = variables["params"], trainer.initial_carry(1)
    text: Any = experiment.dataset.splits[split]  # a stream, as ``compose`` has made sure
    for batch in text.evaluation_batches(1, trainer.training.k2):
        params, carry, found = step(params, carry, batch)
        yield jax.device_get(found)
