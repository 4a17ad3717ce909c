"""The composition root: the only place that reads a config against every table and makes its objects."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sequence_lab import compatibility, schema
from sequence_lab.config import Tables, joined, resolved
from sequence_lab.data import DATASETS, Batch, Dataset, Stream, TrainingBatches
from sequence_lab.data.share import WHOLE, Share
from sequence_lab.data.word_vectors import load_word_vectors
from sequence_lab.models import MODELS
from sequence_lab.training.augmentation import AUGMENTATIONS, Augmentation, augmented
from sequence_lab.training.objectives import OBJECTIVES, measure, tasks_of
from sequence_lab.training.optimizer import OptimizerConfig, optimizer, schedule
from sequence_lab.training.parallel import AXIS, Parallel
from sequence_lab.training.state import TrainState, initial_state
from sequence_lab.training.step import run_window
from sequence_lab.training.trainer import Trainer, TrainingConfig


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A config made real: everything a run needs, before any folder is made.

    Attributes:
      config: resolved: plain values, defaults filled in.
      vectors: what the table of the model's layer "embedding" starts from, ``[V, D]``; None: from its own initialiser.
      share: which rows of every batch this process makes.
    """

    config: dict[str, Any]
    dataset: Dataset
    model: nn.Module
    trainer: Trainer
    vectors: np.ndarray | None = None
    share: Share = WHOLE

    def whole(self) -> "Experiment":
        """The same, making all rows of every batch."""
        return dataclasses.replace(self, share=WHOLE)

    def training_batch(self, index: int) -> Batch:
        training, split, seed = self.trainer.training, self.dataset.splits["train"], self.config["seed"]
        if isinstance(split, Stream):
            return split.training_batch(index, training.batch_size, seed, training.k1, training.k2, self.share)
        return split.training_batch(index, training.batch_size, seed, self.share)

    def training_batches(self) -> TrainingBatches:
        return TrainingBatches(self.training_batch)

    def evaluation_batches(self, split_name: str) -> Iterable[Batch]:
        split, size = self.dataset.splits[split_name], self.trainer.training.evaluation_batch_size
        if isinstance(split, Stream):
            return split.evaluation_batches(size, self.trainer.training.k2, self.share)
        return split.evaluation_batches(size, self.share)

    def shapes(self, *split_names: str) -> list[Batch]:
        """A batch in each of the shapes that the batches of these splits have."""
        training, found = self.trainer.training, []
        for name in split_names:
            split = self.dataset.splits[name]
            size = training.batch_size if name == "train" else training.evaluation_batch_size
            if not isinstance(split, Stream):
                found += split.shapes(self.share.size(size))
            elif name == "train":
                found.append(self.training_batch(0))
            else:
                found.append(next(split.evaluation_batches(size, training.k2, self.share)))
        return found

    def initial_state(self) -> TrainState:
        """Step 0, drawn from the config's seed."""
        key, run_key = jax.random.split(jax.random.key(self.config["seed"]))
        batch = next(iter(self.evaluation_batches("validation")))
        inputs = jax.tree.map(lambda x: jnp.asarray(x[:1]), (batch["inputs"], batch.get("lengths")))
        # It runs once: of a deep network, draw by draw, optimising it takes half a minute and saves nothing.
        variables = jax.jit(self.model.init, compiler_options={"xla_backend_optimization_level": 0})(key, *inputs)
        if self.vectors is not None:
            params = variables["params"]
            variables = {**variables, "params": {**params, "embedding": {**params["embedding"], "table": self.vectors}}}
        return jax.device_get(
            initial_state(variables, self.trainer.tx, run_key, averaged=self.trainer.optimizer.average_from > 0)
        )

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
    rows = tables(models, datasets, objectives)
    config = resolved(schema.plain(config), rows)
    tasks = tasks_of(config["objectives"], rows["objective"])
    optimizer_config = OptimizerConfig(**config["optimizer"])
    training = TrainingConfig(**config["training"])
    spread = Parallel(config["parallel"], devices)
    dataset: Dataset = rows["dataset"][config["dataset_name"]](**config["dataset"])
    compatibility.check_dataset(config, dataset)
    compatibility.check_guesses(config, dataset)
    dataset = dataset.packed(training.packed_width).bucketed(training.num_shapes)
    model = _model(rows["model"][config["model_name"]], config, dataset)
    compatibility.check_packing(config, model)
    compatibility.check_augmentation(config)
    trainer = Trainer(
        apply=_apply(model, _augmentations(config["augmentation"], dataset)),
        initial_carry=lambda batch_size: model.initial_carry((batch_size,)) if _has_memory(model) else (),
        tasks=tasks,
        tx=optimizer(optimizer_config, training.num_steps),
        optimizer=optimizer_config,
        schedule=schedule(optimizer_config, training.num_steps),
        training=training,
        parallel=spread,
    )
    experiment = Experiment(config, dataset, model, trainer, _vectors(config, dataset), Share(*spread.part))
    _try_out(experiment.whole())
    return experiment


def _vectors(config: Mapping[str, Any], dataset: Dataset) -> np.ndarray | None:
    """Those of ``config.word_vectors`` for the symbols of the vocabulary."""
    if not config["word_vectors"]:
        return None
    if dataset.vocabulary is None:
        raise ValueError(f"config.word_vectors is {config['word_vectors']!r}; allowed without a vocabulary: ''")
    return load_word_vectors(config["word_vectors"], dataset.vocabulary.symbols, seed=config["seed"]).table


def tables(
    models: Tables | None = None, datasets: Tables | None = None, objectives: Tables | None = None
) -> dict[str, Tables]:
    """The tables that a config names rows of, with someone's own rows."""
    return {
        "dataset": joined(DATASETS, datasets),
        "model": joined(MODELS, models),
        "objective": joined(OBJECTIVES, objectives),
    }


def _model(row: Callable[..., nn.Module], config: dict[str, Any], dataset: Dataset) -> nn.Module:
    """The model, with those of its fields that the data set knows filled in, where nothing else or None was given."""
    parameters = schema.named_parameters(row)
    given = {name: value for name, value in config["model"].items() if value is not None}
    known = {name: fact for name, fact in dataset.facts.items() if name in parameters}
    fields = {**config["model"], **known, **given}
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in fields:
            raise ValueError(
                f"config.model.{name} is not set; {config['dataset_name']} knows only {', '.join(dataset.facts)}"
            )
    return row(**fields)


def _augmentations(described: Mapping[str, Mapping[str, Any]], dataset: Dataset) -> list[Augmentation]:
    """In the config's order; the id of the unknown is the vocabulary's, where none was given."""
    found = []
    for name, fields in described.items():
        if name == "word_dropout" and fields["unknown"] is None:
            unknown = None if dataset.vocabulary is None else dataset.vocabulary.unknown
            if unknown is None:
                raise ValueError(
                    "config.augmentation.word_dropout.unknown is not set; allowed on a vocabulary without <unk>: an id"
                )
            fields = {**fields, "unknown": unknown}
        found.append(AUGMENTATIONS[name](**fields))
    return found


def _has_memory(model: nn.Module) -> bool:
    return hasattr(model, "initial_carry")


def _apply(model: nn.Module, augmentations: Sequence[Augmentation]) -> Callable[..., Any]:
    """The model as ``training.step.Apply``: a carry starts anew where the batch says so, or where nothing is said."""

    def apply(variables: Any, batch: Batch, carry: Any, *, train: bool, key: Any) -> tuple[Any, Any, Any]:
        inputs: Any = batch["inputs"]
        lengths: Any = batch.get("lengths")
        names = [name for name in variables if name != "params"]
        options: dict[str, Any] = {"train": train}
        if "resets" in batch:
            options["resets_BT"] = batch["resets"]
        if train:
            inputs = augmented(augmentations, key, inputs, lengths)
            options |= {"rngs": {"dropout": key}, "mutable": names}
            if names:
                lengths = _without_filling(inputs, lengths, batch)

        def outcome(found: Any, carry: Any = carry) -> tuple[Any, Any, Any]:
            found, statistics = found if train else (found, {name: variables[name] for name in names})
            return (*found, statistics) if _has_memory(model) else (found, carry, statistics)

        if not _has_memory(model):
            return outcome(model.apply(variables, inputs, lengths, **options))
        rows = jax.tree.leaves(inputs)[0].shape[:1]
        initial = model.initial_carry(rows)
        start_B = batch.get("start", jnp.ones(rows, bool))

        def started(new: Any, old: Any) -> Any:
            return jnp.where(start_B.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

        carry = jax.tree.map(started, initial, carry)
        return outcome(model.apply(variables, inputs, lengths, carry, **options))

    return apply


def _without_filling(inputs: Any, lengths: Any, batch: Batch) -> Any:
    """The lengths of a training batch, 0 in rows that only fill it up: they are not to count in statistics."""
    mask = batch.get("mask")
    if mask is None:
        return lengths
    steps = jax.tree.leaves(inputs)[0].shape[1]
    lengths = jnp.full(mask.shape[:1], steps, jnp.int32) if lengths is None else lengths
    counts_B = jnp.asarray(mask).reshape(mask.shape[0], -1).any(axis=1)
    return jax.tree.map(lambda own: jnp.where(counts_B.reshape(-1, *(1,) * (own.ndim - 1)), own, 0), lengths)


def _try_out(experiment: Experiment) -> None:
    """Runs model and objectives on shapes alone: what does not fit together raises its ValueError here."""
    trainer, training = experiment.trainer, experiment.trainer.training

    def forward(train: Any, validation: Any) -> Any:
        key = jax.random.key(0)
        variables = experiment.model.init(key, validation["inputs"], validation.get("lengths"))
        _check_vectors(experiment, variables["params"])
        trainer.tx.init(variables["params"])  # refuses layers to freeze that are not there
        carry = trainer.initial_carry(training.batch_size)
        outputs, _, _ = run_window(trainer.apply, variables, train, carry, training.k1, key)
        evaluated, _, _ = trainer.apply(
            variables, validation, trainer.initial_carry(training.evaluation_batch_size), train=False, key=None
        )
        tasks = trainer.tasks
        return measure(tasks, outputs, train), measure(tasks, evaluated, validation)

    one_device = lambda tree: jax.tree.map(lambda x: x[None], tree)  # noqa: E731 (what sums over devices finds one)
    batches = (experiment.training_batch(0), next(iter(experiment.evaluation_batches("validation"))))
    try:
        jax.eval_shape(jax.vmap(forward, axis_name=AXIS), *map(one_device, batches))
    except (AttributeError, TypeError) as error:
        names = f"model {experiment.config['model_name']} and data set {experiment.config['dataset_name']}"
        raise ValueError(f"{names} do not fit together: {error}") from error


def _check_vectors(experiment: Experiment, params: Any) -> None:
    """Raises ValueError where the model has no place for the vectors, or one of another size."""
    if experiment.vectors is None:
        return
    table = params.get("embedding", {}).get("table")
    if table is None or table.shape != experiment.vectors.shape:
        has = "no layer 'embedding'" if table is None else f"an embedding of {table.shape[1]} features"
        words, size = experiment.vectors.shape
        raise ValueError(
            f"config.word_vectors has vectors of {size} numbers for {words} symbols; allowed on model "
            f"{experiment.config['model_name']}, which has {has}: as many"
        )
