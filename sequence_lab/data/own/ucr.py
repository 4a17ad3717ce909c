"""Time series with a class each, as the UCR and UEA archives have them: .ts (of aeon and sktime) and .arff (of Weka).

See aeon's "Data Format" and Bagnall et al. 2018, "The UEA multivariate time series classification archive".
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sequence_lab.data.own import reading

MISSING = "?"
ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|[^\s{]+)\s*(.*)", re.IGNORECASE)
NUMERIC = ("numeric", "real", "integer")
QUOTED = re.compile(r"(?P<quote>['\"])(?P<series>.*)(?P=quote)\s*,(?P<label>[^,]*)")


class Series(NamedTuple):
    """One recording: values ``[T, C]``, float32; where it is, for messages; and what a table says of it."""

    values: np.ndarray
    label: str
    where: str
    id: str = ""
    group: str | None = None
    split: str | None = None


def numbers(cells: Sequence[str], where: str, missing: Collection[str] = (), names: Sequence[str] = ()) -> np.ndarray:
    """The values of cells, NaN for those that are missing.

    Args:
      missing: how these are written, in lower case.
      names: of the cells, for messages.

    Raises:
      ValueError: another cell is no finite number; names it.
    """
    found = np.array([_number(cell, missing) for cell in cells])
    for cell in np.flatnonzero(np.isinf(found))[:1]:
        name = names[cell] if names else f"value {cell + 1}"
        raise ValueError(f"{where}, {name} is {cells[cell][:40]!r}; allowed: a number")
    return found


def _number(cell: str, missing: Collection[str]) -> float:
    """Infinity for what is none."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isnan(value):
        return value
    return math.nan if cell.strip().lower() in missing else math.inf


def filled(values_TC: np.ndarray) -> np.ndarray:
    """Without NaN, float32: between neighbours in time on a line, before the first and after the last as these are.

    A channel of NaN alone becomes 0.
    """
    found, time = values_TC.copy(), np.arange(len(values_TC))
    for channel in np.flatnonzero(np.isnan(values_TC).any(axis=0)):
        gaps = np.isnan(values_TC[:, channel])
        known = values_TC[~gaps, channel]
        found[gaps, channel] = np.interp(time[gaps], time[~gaps], known) if len(known) else 0
    return found.astype(np.float32)


def channels(rows: Sequence[np.ndarray], where: str) -> np.ndarray:
    """``[T, C]`` of the values of each channel; ValueError if they differ in length."""
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"{where} has channels of {sorted(lengths)} values; allowed: one length for all of a series")
    return np.stack(rows, axis=1)


def ts(path: Path) -> list[Series]:
    """The series of a .ts file; what is missing is filled in, see ``filled``.

    Raises:
      ValueError: the header asks for time stamps or targets that are no classes, or a line is not as it says.
    """
    header, found = dict[str, str](), []
    for number, line in enumerate(reading.lines(path), 1):
        where, line = f"{path}, line {number}", line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        if "data" in header:
            found.append(_ts_series(line, header, where))
        elif line.startswith("@"):
            name, _, value = line[1:].partition(" ")
            header[name.lower()] = value.strip()
            if name.lower() == "data":
                _check_header(header, path)
        else:
            raise ValueError(f"{where} is {line[:40]!r}; allowed: a line that begins with @, # or %, up to @data")
    return found


def _check_header(header: Mapping[str, str], path: Path) -> None:
    if _says(header, "timestamps", "true"):
        raise ValueError(f"{path} has @timeStamps true; allowed: false, values at equal distances")
    if not _says(header, "classlabel", "true"):
        raise ValueError(f"{path} has no @classLabel true and classes; allowed: a class for each series")


def _says(header: Mapping[str, str], name: str, value: str) -> bool:
    return header.get(name, "").lower().split(" ")[0] == value


def _ts_series(line: str, header: Mapping[str, str], where: str) -> Series:
    *series, label = (part.strip() for part in line.split(":"))
    classes = header["classlabel"].split()[1:]
    if not series or label not in classes:
        raise ValueError(f"{where}: the class is {label[:40]!r}; allowed: those of @classLabel: {', '.join(classes)}")
    said = "1" if _says(header, "univariate", "true") else header.get("dimensions", header.get("dimension", ""))
    if said and said != str(len(series)):
        raise ValueError(f"{where} has {len(series)} channels; allowed: {said}, as the header says")
    missing = (MISSING, "nan") if _says(header, "missing", "true") else (MISSING,)
    values = channels([numbers(part.split(","), where, missing) for part in series], where)
    steps = header.get("serieslength", "")
    if _says(header, "equallength", "true") and steps and steps != str(len(values)):
        raise ValueError(f"{where} has {len(values)} values; allowed: {steps}, as @seriesLength says")
    return Series(filled(values), label, where)


def arff(path: Path) -> list[Series]:
    """The series of an .arff file: numeric attributes, or a relational one with a line for each channel; and the class.

    What is missing in every channel at the end of a series makes it shorter, as the archives pad; what else is
    missing is filled in, see ``filled``.

    Raises:
      ValueError: the attributes are others, or a line is not as they say.
    """
    lines = reading.lines(path)
    begin = next((at for at, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if begin is None:
        raise ValueError(f"{path} has no line @data; allowed: one")
    width, relational, classes = _attributes(lines[:begin], path)
    found = []
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        where, line = f"{path}, line {number}", line.strip()
        if line and not line.startswith("%"):
            found.append(_arff_series(line, width, relational, classes, where))
    return found


def _attributes(lines: Sequence[str], path: Path) -> tuple[int, bool, tuple[str, ...]]:
    """Values of a channel, whether there may be several channels, and the classes."""
    matched = [found for line in lines if (found := ATTRIBUTE.match(line.strip()))]
    kinds = [found[2].strip() for found in matched]
    relational = bool(kinds) and kinds[0].lower() == "relational"
    series = kinds[relational:-1]
    if not series or not kinds[-1].startswith("{") or any(kind.lower() not in NUMERIC for kind in series):
        raise ValueError(
            f"{path} has attributes {', '.join(kind[:20] for kind in kinds[:3]) or 'none'} ...; allowed: numbers, or "
            "one relational attribute of numbers, and last the class, {...}"
        )
    classes = kinds[-1].strip("{} ").split(",")
    return len(series), relational, tuple(_unquoted(name) for name in classes)


def _arff_series(line: str, width: int, relational: bool, classes: Sequence[str], where: str) -> Series:
    if relational:
        matched = QUOTED.fullmatch(line)
        if matched is None:
            raise ValueError(f"{where} is {line[:40]!r}; allowed: a series in quotation marks, a comma and the class")
        parts, label = matched["series"].split("\\n"), matched["label"]
    else:
        first, _, label = line.rpartition(",")
        parts = [first]
    label = _unquoted(label)
    if label not in classes:
        raise ValueError(f"{where}: the class is {label[:40]!r}; allowed: {', '.join(classes)}")
    values = channels([numbers(part.split(","), where, (MISSING,)) for part in parts], where)
    if len(values) != width:
        raise ValueError(f"{where} has {len(values)} values; allowed: {width}, as there are attributes")
    known = np.flatnonzero(~np.isnan(values).all(axis=1))
    if not len(known):
        raise ValueError(f"{where} has no values; allowed: one or more")
    return Series(filled(values[: known[-1] + 1]), label, where)


def _unquoted(name: str) -> str:
    return name.strip().strip("'\"")
