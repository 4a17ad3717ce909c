"""The composition root: the only place that reads a config against every table and makes its objects."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sequence_lab import schema
from sequence_lab.config import Tables, joined, resolved
from sequence_lab.data import DATASETS, Batch, Dataset, Stream, TrainingBatches
from sequence_lab.models import MODELS
from sequence_lab.ops.metrics import Mean
from sequence_lab.training import objectives as objective_table
from sequence_lab.training.loop import Trainer, TrainingConfig
from sequence_lab.training.objectives import OBJECTIVES, tasks_of
from sequence_lab.training.optimizer import OptimizerConfig, optimizer, schedule
from sequence_lab.training.parallel import Parallel
from sequence_lab.training.state import TrainState, initial_state


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A config made real: everything a run needs, before any folder is made.

    Attributes:
      config: resolved: plain values, defaults filled in.
    """

    config: dict[str, Any]
    dataset: Dataset
    model: nn.Module
    trainer: Trainer

    def training_batches(self) -> TrainingBatches:
        training, split, seed = self.trainer.training, self.dataset.splits["train"], self.config["seed"]
        fixed: dict[str, int] = {"batch_size": training.batch_size, "seed": seed}
        if isinstance(split, Stream):
            fixed |= {"k1": training.k1, "k2": training.k2}
        split.training_batch(0, **fixed)  # so that what is wrong is said here and not in a thread
        return TrainingBatches(functools.partial(split.training_batch, **fixed))

    def evaluation_batches(self, split_name: str) -> Iterable[Batch]:
        split, size = self.dataset.splits[split_name], self.trainer.training.evaluation_batch_size
        if isinstance(split, Stream):
            return split.evaluation_batches(size, self.trainer.training.k2)
        return split.evaluation_batches(size)

    def initial_state(self) -> TrainState:
        """Step 0, drawn from the config's seed."""
        key = jax.random.fold_in(jax.random.key(self.config["seed"]), 0)
        batch = next(iter(self.evaluation_batches("validation")))
        inputs = [None if x is None else jnp.asarray(x[:1]) for x in (batch["inputs"], batch.get("lengths"))]
        params = jax.jit(self.model.init)(key, *inputs)["params"]
        return jax.device_get(initial_state(params, self.trainer.tx, jax.random.key(self.config["seed"])))

    def checkpoint_like(self) -> dict[str, Any]:
        """The structure of a checkpoint's arrays."""
        return {"state": self.initial_state(), "carry": self.trainer.initial_carry(self.trainer.training.batch_size)}


def compose(
    config: ConfigDict | Mapping[str, Any],
    *,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Experiment:
    """Data set, model, tasks and optimizer from their tables.

    Raises:
      ValueError: the config names something that is not there, or its values do not fit; one line.
    """
    rows = {
        "dataset": joined(DATASETS, datasets), "model": joined(MODELS, models),
        "objective": joined(OBJECTIVES, objectives),
    }  # fmt: skip
    config = resolved(schema.plain(config), rows)
    tasks = tasks_of(config["objectives"], rows["objective"])
    optimizer_config = OptimizerConfig(**config["optimizer"])
    training = TrainingConfig(**config["training"])
    spread = Parallel(config["parallel"], devices)
    dataset: Dataset = rows["dataset"][config["dataset_name"]](**config["dataset"])
    model = _model(rows["model"][config["model_name"]], config, dataset)
    trainer = Trainer(
        apply=_apply(model),
        initial_carry=lambda batch_size: model.initial_carry((batch_size,)) if _has_memory(model) else (),
        tasks=tasks,
        tx=optimizer(optimizer_config, training.num_steps),
        optimizer=optimizer_config,
        schedule=schedule(optimizer_config, training.num_steps),
        training=training,
        parallel=spread,
    )
    experiment = Experiment(config, dataset, model, trainer)
    _try_out(experiment)
    return experiment


def _model(row: Callable[..., nn.Module], config: dict[str, Any], dataset: Dataset) -> nn.Module:
    """The model, with those of its fields that the data set knows filled in."""
    parameters = schema.named_parameters(row)
    known = {name: fact for name, fact in dataset.facts.items() if name in parameters}
    fields = {**known, **config["model"]}
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in fields:
            raise ValueError(
                f"config.model.{name} is not set; {config['dataset_name']} knows only {', '.join(dataset.facts)}"
            )
    return row(**fields)


def _has_memory(model: nn.Module) -> bool:
    return hasattr(model, "initial_carry")


def _apply(model: nn.Module) -> Callable[..., Any]:
    """The model as ``training.step.Apply``: a carry starts anew where the batch says so, or where nothing is said."""

    def apply(params: Any, batch: Batch, carry: Any, *, train: bool, key: Any) -> tuple[Any, Any]:
        variables, rngs = {"params": params}, {} if key is None else {"dropout": key}
        inputs, lengths = batch["inputs"], batch.get("lengths")
        if not _has_memory(model):
            return model.apply(variables, inputs, lengths, train=train, rngs=rngs), carry
        initial = model.initial_carry(inputs.shape[:1])
        start_B = batch.get("start", jnp.ones(inputs.shape[0], bool))
        carry = jax.tree.map(lambda new, old: jnp.where(start_B[:, None], new, old), initial, carry)
        return model.apply(variables, inputs, lengths, carry, train=train, rngs=rngs)

    return apply


def _try_out(experiment: Experiment) -> None:
    """Runs model and objectives on shapes alone: what does not fit together raises its ValueError here."""
    trainer = experiment.trainer
    experiment.training_batches()
    batch = next(iter(experiment.evaluation_batches("validation")))

    def forward(batch: Any) -> dict[str, Mean]:
        key = jax.random.key(0)
        params = experiment.model.init(key, batch["inputs"], batch.get("lengths"))["params"]
        carry = trainer.initial_carry(trainer.training.evaluation_batch_size)
        outputs, _ = trainer.apply(params, batch, carry, train=True, key=key)
        return objective_table.measure(trainer.tasks, outputs, batch)

    try:
        jax.eval_shape(forward, batch)
    except TypeError as error:
        names = f"model {experiment.config['model_name']} and data set {experiment.config['dataset_name']}"
        raise ValueError(f"{names} do not fit together: {error}") from error
