"""Configs: what every experiment starts from, and how one is resolved against the tables."""

import dataclasses
from collections.abc import Mapping
from types import NoneType
from typing import Any

from ml_collections import ConfigDict

from sequence_lab import schema
from sequence_lab.analysis.baselines import BASELINES
from sequence_lab.training.augmentation import AUGMENTATIONS
from sequence_lab.training.objectives import Task
from sequence_lab.training.optimizer import RULES, SCHEDULES, OptimizerConfig
from sequence_lab.training.parallel import KINDS
from sequence_lab.training.trainer import TrainingConfig

Tables = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class GenerationConfig:
    """Schema and defaults of ``config.generation``."""

    length: int = 300  # symbols to generate, at most; or frames of music
    temperature: float = 0.8  # divides the logits; 0: always the likeliest symbol
    top_k: int = 0  # draw among so many of the likeliest symbols; 0: among all
    top_p: float = 1.0  # and among the likeliest that have at least this probability together
    beam_width: int = 1  # the likeliest text that a beam of so many finds, instead; of pairs, besides
    length_penalty: float = 0.0  # of a beam: alpha of Wu et al. 2016
    prompt: str = ""  # text to continue, by default how the one for validation begins; of pairs, the source
    piece: int = 0  # of the test split, to continue in its place where the data are music
    frames: int = 16  # so many of that piece's first ones
    seed: int = 0  # another sample for every number, drawn from it and the run's seed

    def __post_init__(self) -> None:
        for field, fits, allowed in (
            ("length", self.length >= 1, "1 or more"),
            ("temperature", self.temperature >= 0, "0 or more"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0, at most 1"),
            ("beam_width", self.beam_width >= 1, "1 or more"),
            ("length_penalty", self.length_penalty >= 0, "0 or more"),
            ("piece", self.piece >= 0, "0 or more"),
            ("frames", self.frames >= 1, "1 or more"),
            ("seed", 0 <= self.seed < 2**32, "0 to 2**32 - 1"),
        ):
            if not fits:
                raise ValueError(f"config.generation.{field} is {getattr(self, field)}; allowed: {allowed}")


@dataclasses.dataclass(frozen=True)
class ScanConfig:
    """Schema and defaults of ``config.scan``."""

    files: str = ""  # FASTA, compressed or not: names with commas between them, or patterns
    label: str = ""  # the class to look for; "": the last
    window: int = 0  # bases that the model reads at once; 0: as in training, the median where lengths differ there
    stride: int = 0  # bases from window to window; 0: a quarter of a window
    strands: str = "mean"  # of the logits of both, as models that read both are tested; or "max", of probabilities
    threshold: float = 0.5  # least probability of a region's windows

    def __post_init__(self) -> None:
        for field in ("window", "stride"):
            if getattr(self, field) < 0:
                raise ValueError(f"config.scan.{field} is {getattr(self, field)}; allowed: 0 or more")
        schema.choose("config.scan.strands", self.strands, ("mean", "max"))
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"config.scan.threshold is {self.threshold}; allowed: 0 to 1")


def default_config() -> ConfigDict:
    """What every experiment's config starts from: all groups, with the defaults of their schemas."""
    return ConfigDict(
        {
            "name": "",  # of the experiment; also the default folder under runs/
            "seed": 0,  # of parameters, order of examples, dropout
            "parallel": "jit",  # or "pmap": how a step is spread over devices
            "dataset_name": "",  # a row of data.DATASETS; or tfds:NAME
            "dataset": {},  # its arguments
            "model_name": "",  # a row of models.MODELS
            "model": {},  # its fields, except those that the data set knows
            "word_vectors": "",  # a file that the symbols' vectors start from; see data.word_vectors
            "augmentation": {},  # of training inputs, in this order: a row of AUGMENTATIONS -> its fields
            "objectives": {},  # task -> {"name": a row of OBJECTIVES, "weight", "labels", "output"}
            "optimizer": dataclasses.asdict(OptimizerConfig()),
            "training": dataclasses.asdict(TrainingConfig()),
            "generation": dataclasses.asdict(GenerationConfig()),
            "scan": dataclasses.asdict(ScanConfig()),
            "baselines": (),  # rows of analysis.baselines.BASELINES
            "guesses": 0,  # networks drawn at random, at most, until one is right: analysis.guessing; 0: none
            "dynamic_rate": 0.0,  # at which a language model also learns from a text it is tested on; 0: not at all
            "replicates": (),  # fields that, as the seed, a report takes the mean over: ("dataset.fold",)
            "published": {},  # what a report shows: measure -> (value or None, source and conditions)
        }
    )


def joined(table: Tables, own: Tables | None) -> Tables:
    """A table with someone's own rows; ValueError if a name is taken."""
    taken = sorted(set(table) & set(own or {}))
    if taken:
        raise ValueError(f"{taken[0]!r} is already the name of a row; allowed: a new name")
    return {**table, **(own or {})}


def resolved(config: dict[str, Any], rows: Mapping[str, Tables]) -> dict[str, Any]:
    """The config with the defaults of every schema filled in, and every name and type in it checked.

    Args:
      config: plain values, see ``schema.plain``.
      rows: the tables "dataset", "model" and "objective".

    Raises:
      ValueError: a name or a type that is not allowed; one line.
    """
    defaults = schema.plain(default_config())
    schema.check_names("config", config, defaults)
    config = {**defaults, **config}
    _check_own(config)
    for field, table in (("name", RULES), ("schedule", SCHEDULES)):
        schema.choose(f"config.optimizer.{field}", config["optimizer"].get(field, next(iter(table))), table)
    for group, row in (
        ("optimizer", OptimizerConfig), ("training", TrainingConfig), ("generation", GenerationConfig),
        ("scan", ScanConfig),
    ):  # fmt: skip
        config[group] = schema.resolve_call(group, row, config[group])
        row(**config[group])  # says which value is out of range
    if str(config["dataset_name"]).startswith("tfds:"):
        config["dataset_name"], _, name = config["dataset_name"].partition(":")
        config["dataset"] = {**config["dataset"], "name": name}
    for group in ("dataset", "model"):
        config[group] = schema.resolve(group, rows[group], config[f"{group}_name"], config[group])
    for name in schema.named_parameters(rows["dataset"][config["dataset_name"]]):
        if name not in config["dataset"]:
            raise ValueError(f"config.dataset.{name} is not set; {config['dataset_name']} needs it")
    config["augmentation"] = {
        schema.choose("a row of config.augmentation", name, AUGMENTATIONS): schema.resolve_call(
            f"augmentation.{name}", AUGMENTATIONS[name], fields
        )
        for name, fields in config["augmentation"].items()
    }
    config["objectives"] = _objectives(config["objectives"], rows["objective"])
    figures = ([float, str], [int, str], [NoneType, str])
    for name, figure in config["published"].items():
        if not isinstance(figure, tuple) or [type(x) for x in figure] not in figures:
            raise ValueError(f"config.published.{name} is {figure!r}; allowed: (value, source), (None, source)")
    for name in config["baselines"]:
        schema.choose("a row of config.baselines", name, BASELINES)
    return config


def completed(known: Mapping[str, Any], rows: Mapping[str, Tables]) -> Mapping[str, Any]:
    """The config that a run or sweep was kept with, and the defaults of the fields that there are since then.

    One that this version cannot read stays as it is.
    """
    try:
        return resolved(schema.plain(known), rows)
    except (ValueError, KeyError, TypeError):  # no more than the comparison with it needs to know
        return known


def _check_own(config: Mapping[str, Any]) -> None:
    """Raises ValueError for a field that is in no group and has a type or value that is not allowed."""
    for key, expected in (
        ("name", str),
        ("seed", int),
        ("parallel", str),
        ("word_vectors", str),
        ("baselines", tuple),
        ("replicates", tuple),
        ("guesses", int),
        ("dynamic_rate", float),
    ):
        if not isinstance(config[key], expected):
            raise ValueError(f"config.{key} is {config[key]!r}; allowed: {expected.__name__}")
    if not config["name"] or set("/\\") & set(config["name"]):
        raise ValueError(f"config.name is {config['name']!r}; allowed: the name of a folder")
    for key in ("seed", "guesses", "dynamic_rate"):
        if config[key] < 0:
            raise ValueError(f"config.{key} is {config[key]}; allowed: 0 or more")
    schema.choose("config.parallel", config["parallel"], KINDS)


def _objectives(described: Mapping[str, Any], table: Tables) -> dict[str, Any]:
    """The tasks of ``config.objectives``, resolved."""
    if not described:
        raise ValueError(f"config.objectives is empty; allowed: tasks of {', '.join(sorted(table))}")
    tasks = {}
    for key, task in described.items():
        where = f"config.objectives.{key}"
        schema.check_names(where, task, ("name", "weight", "labels", "output"))
        schema.choose(f"{where}.name", task.get("name", ""), table)
        fields = schema.resolve_call(f"objectives.{key}", Task, {n: value for n, value in task.items() if n != "name"})
        if fields["weight"] < 0:
            raise ValueError(f"{where}.weight is {fields['weight']}; allowed: 0 or more")
        tasks[key] = {"name": task["name"], **fields}
    return tasks
