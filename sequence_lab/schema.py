"""From plain configs to objects: the arguments of a table's rows are the schema of the config that names them."""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
from ml_collections import ConfigDict

LINEN_FIELDS = ("parent", "name")  # Flax's own; no config sets them


class Refused(ValueError):
    """What was asked for cannot be done; nothing was written. The message is one line for the person who asked."""


@contextmanager
def refusals() -> Iterator[None]:
    """Turns a ``ValueError`` of the preparations into a ``Refused``, which a fault in the work itself never is."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from error


def plain(value: Any) -> Any:
    """ConfigDicts as dicts and lists as tuples, all the way down."""
    if isinstance(value, ConfigDict):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(entry) for entry in value)
    return value


def choose(what: str, name: str, allowed: Collection[str]) -> str:
    """``name``, if it is allowed.

    Raises:
      ValueError: it is not; says what is, and what comes nearest.
    """
    if name in allowed:
        return name
    nearest = difflib.get_close_matches(str(name), allowed, 1, 0.5)
    hint = f" (did you mean {nearest[0]}?)" if nearest else ""
    raise ValueError(f"{what} is {name!r}{hint}; allowed: {', '.join(sorted(allowed)) or 'none'}")


def resolve(
    group: str, table: Mapping[str, Callable[..., Any]], name: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments for row ``name`` of ``table``: its defaults, overridden by ``fields``, checked against its types.

    Args:
      group: what the config calls the fields, such as "model"; the row's name then is in "model_name".

    Raises:
      ValueError: an unknown row or field, or a value of the wrong type.
    """
    row = table[choose(f"config.{group}_name", name, table)]
    return resolve_call(group, row, fields)


def resolve_call(group: str, row: Callable[..., Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """``resolve`` for one class or function."""
    parameters = named_parameters(row)
    check_names(f"config.{group}", fields, parameters)
    hints = _hints(row)
    for key, value in fields.items():
        if not _is_a(value, hints.get(key, Any)):
            raise ValueError(
                f"config.{group}.{key} is {value!r}, {type(value).__name__}; allowed: {_words(hints[key])}"
            )
    defaults = {key: p.default for key, p in parameters.items() if p.default is not p.empty}
    return {**plain(defaults), **fields}


def optional_type(row: Callable[..., Any], field: str) -> type | None:
    """What a field that may be None is otherwise: the one type that its annotation has; None if there is not one."""
    others = [option for option in typing.get_args(_hints(row).get(field)) if option is not types.NoneType]
    kinds = {typing.get_origin(option) or option for option in others}
    return kinds.pop() if len(kinds) == 1 else None


def _hints(row: Callable[..., Any]) -> dict[str, Any]:
    own = typing.get_type_hints(row) if inspect.isclass(row) else {}
    return {**own, **typing.get_type_hints(row.__init__ if inspect.isclass(row) else row)}


def named_parameters(row: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What a config may set of a row's arguments."""
    own = LINEN_FIELDS if inspect.isclass(row) and issubclass(row, nn.Module) else ()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(row).parameters
    return {key: parameter for key, parameter in signature.items() if key not in own and parameter.kind in named}


def check_names(where: str, given: Iterable[str], allowed: Collection[str]) -> None:
    """Raises ValueError for the first name that is not allowed."""
    for key in given:
        choose(f"a field of {where}", key, allowed)


def _is_a(value: Any, hint: Any) -> bool:
    """Whether a plain value fits an annotation; an int will do for a float, a bool for nothing else."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_is_a(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is ...:
            return all(_is_a(entry, arguments[0]) for entry in value)
        return len(value) == len(arguments) and all(map(_is_a, value, arguments))
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    expected = origin or hint
    return isinstance(value, expected) if isinstance(expected, type) else True


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
