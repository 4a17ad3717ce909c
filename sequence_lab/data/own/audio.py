"""Sound of a user's, with a class each: whole files, or segments of them."""

import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sequence_lab.data import rttm
from sequence_lab.data.own import folders, given, reading
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset

# Some that libsndfile cannot read are named, so that they are refused and not left out.
ENDINGS = (
    ".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".rf64",
    ".snd", ".sph", ".voc", ".w64", ".wav", ".wma",
)  # fmt: skip
GROUPS = ("", "file", "prefix")
COLUMNS = ("file", "start", "end", "label")
TOLERANCE = 0.1  # seconds by which a segment may end after its file, as rounded times do


class Segment(NamedTuple):
    """From ``start`` to ``end``, in seconds (infinity: to the end), of a file; ``where`` names it in messages."""

    path: Path
    label: str
    where: str
    start: float = 0.0
    end: float = math.inf
    group: str | None = None
    split: str | None = None


def audio_folder(
    folder: str,
    rate: int = 16_000,
    segments: str = "",
    group: str = "",
    max_seconds: float = 0.0,
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """Waveforms ``[T]`` with a class each, full scale -1 to 1, from files of any kind that libsndfile reads.

    Without ``segments``: a folder with a folder per class, or those in folders train, validation and test.

    Args:
      folder: where the files are; see ``folders.by_class``.
      rate: in Hz, that all are resampled to; of several channels their mean is taken.
      segments: a file that says which pieces of the files in ``folder`` are examples: RTTM, where the class is the
        speaker; or CSV with the columns file (a path in the folder, with or without its ending), start, end (in
        seconds), label, and, if there are any, group (whose equal values stay in one split) or split.
      group: what stays in one split: pieces of one "file"; files with one "prefix", their names up to the first _ or -.
      max_seconds: after which a waveform is cut off; 0, never.
      validation, test, folds, fold: see ``Partition``; for the splits that have no folder and no rows.

    Raises:
      ValueError: a file cannot be read, or a segment or an option is not as it is to be; one line that names it.
    """
    if rate < 1 or max_seconds < 0:
        raise ValueError(f"dataset.rate is {rate}, max_seconds {max_seconds}; allowed: 1 or more, 0 or more")
    if group not in GROUPS:
        raise ValueError(f"dataset.group is {group!r}; allowed: file, prefix, or none")
    found = _segments(segments, reading.folder(folder)) if segments else _whole(folder)
    rows = _labelled(found, group)
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    classes, labels = classes_of(rows, parts)
    waveforms = _waveforms(found, rate, max_seconds)
    splits = {
        split: Sequences({"inputs": Ragged.of([waveforms[row] for row in own]), "labels": labels[own]})
        for split, own in parts.items()
    }
    return Dataset(splits, {"num_outputs": len(classes), "sample_rate": rate}, classes=classes)


def waveform(path: Path, rate: int) -> np.ndarray:
    """The samples ``[T]`` of a file, float32, the mean of its channels, at that rate.

    Raises:
      ValueError: it cannot be read, has no samples, or has NaN; names it.
    """
    import soundfile  # a library in C, for those who use it

    try:
        samples_TC, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        why = re.sub(r"^Error opening .*?: ", "", str(error)).rstrip(".")
        raise ValueError(f"{path} cannot be read as audio: {why}; allowed: what libsndfile reads") from error
    if not len(samples_TC):
        raise ValueError(f"{path} has no samples; allowed: one or more")
    if bad := np.flatnonzero(~np.isfinite(samples_TC).all(axis=1)).tolist():
        raise ValueError(f"{path} has no number at sample {bad[0]:,}; allowed: numbers alone")
    samples_T = samples_TC.mean(axis=1)
    if own_rate == rate:
        return samples_T
    from scipy import signal  # half a second to import, for those who use it

    common = math.gcd(own_rate, rate)
    return signal.resample_poly(samples_T, rate // common, own_rate // common).astype(np.float32)


def _whole(folder: str) -> list[Segment]:
    """Every file, in a folder of its class."""
    files, rows = folders.by_class(folder, ENDINGS, "audio files")
    splits: Sequence[str | None] = rows.given or [None] * len(files)
    return [
        Segment(path, label, str(path), split=split)
        for path, label, split in zip(files, rows.labels, splits, strict=True)
    ]


def _segments(name: str, folder: Path) -> list[Segment]:
    """The pieces that a file names, each once."""
    (path,) = reading.paths(name, "segments")
    files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in ENDINGS and file.is_file()]
    found = _from_rttm(path, files, folder) if path.suffix.lower() == ".rttm" else _from_csv(path, files, folder)
    if not found:
        raise ValueError(f"{path} has no segments; allowed: one or more")
    seen = dict[tuple[Path, float, float, str], str]()
    for segment in found:
        key = (segment.path, segment.start, segment.end, segment.label)
        if key in seen:
            raise ValueError(f"{segment.where}: this segment is there twice; allowed: once, as in {seen[key]}")
        seen[key] = segment.where
    return found


def _from_rttm(path: Path, files: Sequence[Path], folder: Path) -> list[Segment]:
    turns = rttm.turns(reading.lines(path), str(path))
    return [
        Segment(_file(name, files, folder, str(path)), speaker, f"{path}, turn {number} of {name}", start, end)
        for name, own in turns.items()
        for number, (start, end, speaker) in enumerate(own, 1)
    ]


def _from_csv(path: Path, files: Sequence[Path], folder: Path) -> list[Segment]:
    reader = csv.DictReader(io.StringIO(reading.text(path), newline=""), restval="", skipinitialspace=True)
    headings = reader.fieldnames or ()
    reading.check_headings(headings, path)
    if missing := [name for name in COLUMNS if name not in headings]:
        raise ValueError(f"{path} has the columns {', '.join(headings) or 'none'}; allowed: {missing[0]}, too")
    found = []
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        cells = {name: cell.strip() for name, cell in row.items() if name is not None}
        if None in row or not all(cells[name] for name in COLUMNS):
            raise ValueError(f"{where} has empty columns, or too many; allowed: {', '.join(COLUMNS)}, each filled")
        start, end = _seconds(cells["start"], cells["end"], where)
        file = _file(cells["file"], files, folder, where)
        found.append(Segment(file, cells["label"], where, start, end, cells.get("group"), cells.get("split")))
    return found


def _seconds(start: str, end: str, where: str) -> tuple[float, float]:
    try:
        found = float(start), float(end)
    except ValueError:
        found = math.nan, math.nan
    if not 0 <= found[0] < found[1] < math.inf:
        raise ValueError(f"{where}: from {start!r} to {end!r}; allowed: seconds, 0 or more, the second the greater")
    return found


def _file(name: str, files: Sequence[Path], folder: Path, where: str) -> Path:
    """The one of that path in the folder, or of that name, with its ending or without."""
    found = [file for file in files if file.relative_to(folder).as_posix() == name] or [
        file for file in files if name in (file.name, file.stem, file.relative_to(folder).with_suffix("").as_posix())
    ]
    if len(found) != 1:
        raise ValueError(f"{where}: {folder} has {len(found)} audio files {name!r}; allowed: one")
    return found[0]


def _labelled(segments: Sequence[Segment], group: str) -> Labelled:
    groups = [segment.group for segment in segments]
    if group == "file":
        groups = [str(segment.path) for segment in segments]
    elif group == "prefix":
        groups = [folders.prefix(segment.path) for segment in segments]
    splits = [segment.split for segment in segments]
    for segment in segments:
        if segment.group == "" or segment.split == "":
            raise ValueError(f"{segment.where} has no group or split; allowed: one, as there is such a column")
    return Labelled(
        [segment.label for segment in segments],
        [segment.where for segment in segments],
        None if None in groups else [str(one) for one in groups],
        None if None in splits else [str(one) for one in splits],
    )


def _waveforms(segments: Sequence[Segment], rate: int, max_seconds: float) -> list[np.ndarray]:
    """Every file is read once, and segments are cut after it was resampled."""
    found, most = [np.zeros(0, np.float32)] * len(segments), round(max_seconds * rate) or None
    by_file = dict[Path, list[int]]()
    for number, segment in enumerate(segments):
        by_file.setdefault(segment.path, []).append(number)
    for path, numbers in by_file.items():
        whole = waveform(path, rate)
        for number in numbers:
            segment, seconds = segments[number], len(whole) / rate
            last = round(min(segment.end, seconds) * rate)
            piece = whole[round(segment.start * rate) : last][:most]
            if not len(piece) or seconds + TOLERANCE < segment.end < math.inf:
                raise ValueError(
                    f"{segment.where}: from {segment.start} to {segment.end} s; allowed: a sample or more, up to "
                    f"{seconds:.3f} s, the length of {path}"
                )
            found[number] = piece.copy()
    return found
