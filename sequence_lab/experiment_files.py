"""What an experiment's file says: a Python file with ``get_config()``, or the ``config.json`` of a run."""

import importlib.util
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from sequence_lab import composition, schema
from sequence_lab.config import resolved
from sequence_lab.run_folder import CONFIG, RunFolder, flatten


def load(path: str, known: Collection[str] = ()) -> tuple[ConfigDict, Mapping[str, Any]]:
    """Its config and its sweep, which a run's has not.

    Args:
      known: files that may have been meant where there is none at ``path``.

    Raises:
      ValueError: it is none; in one line.
    """
    if not Path(path).is_file():
        schema.choose("--config", path, known)
    return (_of_run(Path(path)), {}) if is_run(path) else _of_python(path)


def is_run(path: str) -> bool:
    """Whether it is the config of a run, whose folder is then the one that holds it."""
    return Path(path).name == CONFIG


def add_overridden(config: ConfigDict, names: Sequence[str]) -> None:
    """Adds to ``config`` the fields of its model, data set and so on that it leaves at their defaults, as far as named.

    Raises:
      ValueError: there is no such field.
    """
    fields = flatten(config.to_dict())
    if all(name in fields for name in names):
        return
    defaults = flatten(resolved(schema.plain(config), composition.tables()))
    for name in names:
        if name in fields or any(field.startswith(f"{name}.") for field in fields):
            continue
        if name not in defaults:
            beside = [field for field in defaults if field.startswith(f"{name.partition('.')[0]}.")]
            schema.choose("a field of config", name, beside or defaults)
        group, _, field = name.rpartition(".")
        config[group][field] = defaults[name]


def _of_run(path: Path) -> ConfigDict:
    values = RunFolder(path.parent).read(CONFIG)
    if not isinstance(values, dict) or "model_name" not in values:
        raise ValueError(f"--config {path} is no run's; allowed: the {CONFIG} of one")
    return ConfigDict(schema.plain(values))


def _of_python(path: str) -> tuple[ConfigDict, Mapping[str, Any]]:
    spec = importlib.util.spec_from_file_location("experiment_file", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"--config is {path!r}; allowed: a Python file, or the {CONFIG} of a run")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config() if hasattr(module, "get_config") else None
        sweep = module.get_sweep() if hasattr(module, "get_sweep") else {}
    except Exception as error:
        where = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == spec.origin]
        at = f", line {where[-1]}" if where else ""
        raise ValueError(f"--config {path}{at} cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise ValueError(f"--config {path} has no get_config() that returns a ConfigDict; allowed: a file that has")
    if not isinstance(sweep, Mapping | ConfigDict):
        raise ValueError(f"--config {path} has a get_sweep() that returns {sweep!r}; allowed: a dict")
    return config, schema.plain(sweep)
