"""What a config asks of its data set and model that they do not have; refused in one line, before anything is made."""

import inspect
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import numpy as np

from sequence_lab.data import Dataset, Examples, Stream
from sequence_lab.training.augmentation import OF_STEPS


def check_dataset(config: Mapping[str, Any], dataset: Dataset) -> None:
    """Raises ValueError where a split is missing or empty, or the config asks of it what only texts have."""
    name = config["dataset_name"]
    if empty := [split for split, rows in dataset.splits.items() if not len(rows)]:
        raise ValueError(f"data set {name} has nothing in {empty[0]}; allowed: one row or more")
    missing = {"train", "validation"} - set(dataset.splits)
    if missing:
        raise ValueError(
            f"data set {name} has the splits {', '.join(dataset.splits)}; allowed: train, validation and, if it has "
            "one, test"
        )
    k1, k2 = config["training"]["k1"], config["training"]["k2"]
    if (k1 or k2) and not isinstance(dataset.splits["train"], Stream):
        raise ValueError(f"training.k1 is {k1} and training.k2 is {k2}; allowed on {name}, which is no stream: 0")
    is_text = dataset.vocabulary is not None and all(
        isinstance(dataset.splits.get(split), Stream) for split in ("train", "validation", "test")
    )
    tasks = [task["name"] for task in config["objectives"].values()]
    for field, without in (("baselines", ()), ("dynamic_rate", 0.0)):
        if config[field] and not (is_text and tasks[0] == "language_modelling"):
            raise ValueError(
                f"config.{field} is {config[field]}; allowed: {without} unless the first objective is "
                f"language_modelling on a text with a test split (here {tasks[0]} on {name})"
            )


def check_guesses(config: Mapping[str, Any], dataset: Dataset) -> None:
    """Raises ValueError where networks that answer yes or no after a sequence of numbers have nothing to answer."""
    tasks, test = list(config["objectives"].values()), dataset.splits.get("test")
    arrays: Mapping[str, Any] = test.arrays if isinstance(test, Examples) else {}
    fits = (
        [task["name"] for task in tasks] == ["classification"]
        and dataset.facts.get("num_outputs") == 2
        and [np.ndim(arrays.get(name, 0)) for name in ("inputs", tasks[0]["labels"])] == [3, 1]
    )
    if config["guesses"] and not fits:
        raise ValueError(
            f"config.guesses is {config['guesses']}; allowed: 0 unless the one objective is the classification of "
            f"whole sequences of numbers in two classes, with a test split (here "
            f"{', '.join(task['name'] for task in tasks)} on {config['dataset_name']})"
        )


def check_packing(config: Mapping[str, Any], model: nn.Module) -> None:
    """Raises ValueError where several sequences in a row would be taken for one."""
    width = config["training"]["packed_width"]
    if not width:
        return
    if "resets_BT" not in inspect.signature(type(model).__call__).parameters:
        raise ValueError(
            f"training.packed_width is {width}; allowed with model {config['model_name']}, which does not start again "
            "within a row: 0"
        )
    if mixing := [name for name in config["augmentation"] if name not in OF_STEPS]:
        raise ValueError(
            f"training.packed_width is {width}; allowed with augmentation {mixing[0]}, which is one of a whole row: 0"
        )


def check_augmentation(config: Mapping[str, Any]) -> None:
    """Raises ValueError where waveforms in frames, which have the axes of a spectrogram, would be taken for one."""
    if "spec_augment" in config["augmentation"] and "spec_augment" in config["model"]:
        raise ValueError(
            f"config.augmentation.spec_augment is set; allowed with model {config['model_name']}, which reads "
            "waveforms: config.model.spec_augment"
        )
