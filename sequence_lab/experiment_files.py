"""What an experiment's file says: a Python file with ``get_config()``, or the ``config.json`` of a run."""

import importlib.util
import re
import shlex
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from sequence_lab import composition, schema
from sequence_lab.config import resolved
from sequence_lab.run_folder import CONFIG, ENVIRONMENT, LOCK, RunFolder, flatten

OVERRIDE = re.compile(r"--?config\.([^=]+)")  # a word of a command line that sets a field


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
    """Whether it is the config of a run."""
    return Path(path).name == CONFIG


def own_folder(path: str) -> Path | None:
    """Where the run is whose config it is; None if it is no run's, or one that was taken from its folder."""
    folder = Path(path).parent
    return folder if is_run(path) and (folder / LOCK).exists() else None


def command(path: str, argv: Sequence[str]) -> str:
    """What makes the run that ``argv`` asks for: of a run's own config, what began it, and the fields set since."""
    environment = RunFolder(Path(path).parent).read(ENVIRONMENT) if is_run(path) else None
    if not environment or not environment.get("command"):
        return f"python {shlex.join(argv)}"
    return " ".join([environment["command"], *(shlex.quote(word) for word in argv if OVERRIDE.match(word))])


def override_names(argv: Sequence[str]) -> list[str]:
    """The fields that words of a command line set."""
    return [found[1] for word in argv if (found := OVERRIDE.match(word))]


def add_overridden(config: ConfigDict, names: Sequence[str]) -> None:
    """Adds to ``config`` the fields of its model, data set and so on that it leaves at their defaults, as far as named.

    Of those that are None it makes placeholders of their types, as ml_collections asks for.

    Raises:
      ValueError: there is no such field, or it is None and of no one type.
    """
    fields = flatten(config.to_dict())
    if all(fields.get(name) is not None for name in names):
        return
    defaults = flatten(resolved(schema.plain(config), composition.tables()))
    for name in names:
        if fields.get(name) is not None or any(field.startswith(f"{name}.") for field in fields):
            continue
        if name not in defaults:
            beside = [field for field in defaults if field.startswith(f"{name.partition('.')[0]}.")]
            schema.choose("a field of config", name, beside or defaults)
        group, _, field = name.rpartition(".")
        config[group][field] = defaults[name] if defaults[name] is not None else _placeholder(config, group, field)


def _placeholder(config: ConfigDict, group: str, field: str) -> Any:
    table = composition.tables().get(group, {})
    row = table.get(config.get(f"{group}_name"))
    kind = None if row is None else schema.optional_type(row, field)
    if kind is None:
        raise ValueError(f"config.{group}.{field} is None; allowed from a command line: a field that has a value")
    return placeholder(kind)


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
