"""A classifier of DNA slid over long records, on both strands: a track of scores (bedGraph) and regions (BED).

Records are read a piece at a time, and windows scored in batches of one shape: what is held does not grow with them.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab import run_folder, schema
from sequence_lab.composition import Experiment
from sequence_lab.config import ScanConfig
from sequence_lab.data import Sequences, dna, fasta_format
from sequence_lab.data.own import reading
from sequence_lab.ops import symbols

Array = jax.Array
Score = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
MOST_UNKNOWN = 0.5  # share of a window's bases; one with more has no score


class Plan(NamedTuple):
    """All that a scan needs besides the weights.

    Attributes:
      files: of each FASTA file the path, without ending, of what is written of it.
      label: the class to look for, its number and its name.
    """

    model: nn.Module
    files: Mapping[Path, Path]
    label: tuple[int, str]
    window: int
    stride: int
    strands: str
    threshold: float
    batch_size: int


class Window(NamedTuple):
    """Bases ``[W]`` of a record from ``start`` on."""

    record: str
    start: int
    ids_W: np.ndarray


class Region(NamedTuple):
    """The bases ``[start, end)`` of a record; given: whether the better strand is the one that was given."""

    record: str
    start: int
    end: int
    score: float
    given: bool


@dataclasses.dataclass
class Account:
    """What there was in a file."""

    records: int = 0
    windows: int = 0
    unknown: int = 0
    regions: int = 0
    short: list[str] = dataclasses.field(default_factory=list)


def planned(experiment: Experiment, workdir: Path) -> Plan:
    """The scan of ``config.scan``.

    Raises:
      ValueError: the experiment classifies no DNA, or a field of ``config.scan`` does not fit.
    """
    config, train = ScanConfig(**experiment.config["scan"]), experiment.dataset.splits["train"]
    inputs, classes = experiment.training_batch(0)["inputs"], experiment.dataset.classes
    objectives = [task["name"] for task in experiment.config["objectives"].values()]
    of_dna = isinstance(inputs, np.ndarray) and inputs.shape[2:] == (4,)
    if not of_dna or objectives != ["classification"] or not classes:
        raise ValueError(
            f"experiment {experiment.config['name']} cannot scan; allowed: classification of DNA, one-hot [T, 4]"
        )
    label = schema.choose("config.scan.label", config.label or classes[-1], classes)
    files = _targets(config, workdir / "scans")
    window = config.window or (int(np.median(train.lengths)) if isinstance(train, Sequences) else inputs.shape[1])
    model, size = experiment.model, experiment.trainer.training.evaluation_batch_size
    if hasattr(model, "both_strands"):
        model = model.clone(both_strands=False)
    _check_window(model, window, inputs.shape[1])
    stride = config.stride or max(window // 4, 1)
    return Plan(model, files, (classes.index(label), label), window, stride, config.strands, config.threshold, size)


def _targets(config: ScanConfig, folder: Path) -> dict[Path, Path]:
    files = dict[Path, Path]()
    for path in reading.paths(config.files, "files", "scan"):
        name = path.with_suffix("").name if path.suffix in reading.STREAMS else path.name
        if folder / name in files.values():
            raise ValueError(f"scan.files has two files {name}; allowed: names that differ, for what is written")
        files[path] = folder / name
    run_folder.check_writable(folder)
    return files


def _check_window(model: nn.Module, window: int, longest: int) -> None:
    """Raises ValueError where a model that has learnt from rows of one length cannot read rows of another."""

    def outputs(length: int) -> Any:
        return model.init(jax.random.key(0), jnp.zeros((1, length, 4)))

    trained, asked = (jax.eval_shape(functools.partial(outputs, length)) for length in (longest, window))
    if jax.tree.map(jnp.shape, trained) != jax.tree.map(jnp.shape, asked):
        raise ValueError(f"config.scan.window is {window}; allowed with this model: {longest}, as in training")


def scan(plan: Plan, variables: Any, say: Callable[[str], None] = print) -> list[Path]:
    """Writes the two tracks of each file, and says what is in them; one that is broken leaves none.

    Raises:
      schema.Refused: a file is not FASTA, or has a letter that is no code of DNA, or two records of one name.
    """
    score, written = scorer(plan, variables), list[Path]()
    for source, target in plan.files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        paths = [target.with_name(f"{target.name}.{ending}") for ending in ("bedgraph", "bed")]
        parts = [path.with_name(f"{path.name}.part") for path in paths]
        try:
            with parts[0].open("w") as scores, parts[1].open("w") as regions:
                account = _scan_file(source, plan, score, Tracks(plan, scores, regions))
            for part, path in zip(parts, paths, strict=True):
                part.rename(path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
        say(_account(source, paths, plan, account))
        written += paths
    return written


def scorer(plan: Plan, variables: Any) -> Score:
    """From ids ``[B, W]`` to the probability of the class, both strands merged, and whether the given one has more.

    "mean" is of logits, what a model that reads both strands is tested by, and does not rise by chance alone, as the
    larger of two does; "max" is for models that know the class on one strand.
    """
    number, _ = plan.label

    @jax.jit
    def score(variables: Any, ids_BW: Array) -> tuple[Array, Array]:
        x_BWC = symbols.one_hot(ids_BW, 4)
        given_BK: Any = plan.model.apply(variables, x_BWC)
        other_BK: Any = plan.model.apply(variables, symbols.reverse_complement(x_BWC))
        given_B, other_B = (jax.nn.softmax(logits)[:, number] for logits in (given_BK, other_BK))
        mean_B = jax.nn.softmax((given_BK + other_BK) / 2)[:, number]
        return mean_B if plan.strands == "mean" else jnp.maximum(given_B, other_B), given_B >= other_B

    return lambda ids_BW: jax.device_get(score(variables, ids_BW))


def _scan_file(source: Path, plan: Plan, score: Score, tracks: "Tracks") -> Account:
    account = Account()
    found = _found(source, plan, account)
    while batch := list(itertools.islice(found, plan.batch_size)):
        ids_BW = np.full((plan.batch_size, plan.window), dna.UNKNOWN, np.uint8)
        ids_BW[: len(batch)] = [window.ids_W for window in batch]
        for window, merged, given in zip(batch, *score(ids_BW), strict=False):
            tracks.add(window, float(merged), bool(given))
    tracks.end()
    account.regions = tracks.regions
    return account


def _found(source: Path, plan: Plan, account: Account) -> Iterator[Window]:
    with schema.refusals():
        yield from windows(fasta_format.pieces(reading.streamed(source), str(source)), str(source), plan, account)


def windows(pieces: Iterable[fasta_format.Piece], where: str, plan: Plan, account: Account) -> Iterator[Window]:
    """Those of every record that can be scored: one at each stride, and one at its end; counts into ``account``.

    Raises:
      ValueError: see ``scan``.
    """
    names = set[str]()
    for (_, header), record in itertools.groupby(pieces, key=lambda piece: (piece.line, piece.header)):
        name = next(iter(header.split()), "")
        if not name or name in names:
            raise ValueError(f"{where} has {'two records' if name else 'a record'} {name!r}; allowed: a name for each")
        names.add(name)
        account.records += 1
        try:
            length = yield from _of_record(name, (dna.ids(piece.letters) for piece in record), plan, account)
        except ValueError as error:
            raise ValueError(f"{where}, record {name!r} has {error}") from error
        if length < plan.window:
            account.short.append(name)


def _of_record(name: str, pieces: Iterable[np.ndarray], plan: Plan, account: Account) -> Generator[Window, None, int]:
    """Returns the record's length."""
    held, begin, start, last = np.zeros(0, np.uint8), 0, 0, -1  # begin: the place of held[0] in the record

    def at(start: int) -> Iterator[Window]:
        ids_W = held[start - begin :][: plan.window]
        if np.count_nonzero(ids_W == dna.UNKNOWN) > MOST_UNKNOWN * plan.window:
            account.unknown += 1
        else:
            account.windows += 1
            yield Window(name, start, ids_W)

    for piece in pieces:
        done = max(min(start - begin, len(held) - plan.window), 0)
        held, begin = np.concatenate([held[done:], piece]), begin + done
        while start + plan.window <= begin + len(held):
            yield from at(start)
            start, last = start + plan.stride, start
    length = begin + len(held)
    if length - plan.window > last >= 0:
        yield from at(length - plan.window)
    return length


class Tracks:
    """Writes scored windows, in the order of a record's bases, as bedGraph and BED, from 0 and half-open.

    A score stands at the middle of its window, over as many bases as from one window to the next; a region is all bases
    of windows with the least score or more that overlap or touch, scored 0 to 1000 as the best of them, whose better
    strand is the region's.
    """

    def __init__(self, plan: Plan, scores: TextIO, regions: TextIO) -> None:
        self._plan, self._scores, self._bed, self.regions = plan, scores, regions, 0
        self._label = "_".join(plan.label[1].split())
        self._width = min(plan.stride, plan.window)
        self._margin = (plan.window - self._width) // 2
        self._scored = ("", 0)  # record and end of what has a score
        self._open: Region | None = None

    def add(self, window: Window, score: float, given: bool) -> None:
        record, start, end = window.record, window.start, window.start + self._plan.window
        first = start + self._margin
        last = first + self._width
        if self._scored[0] == record:
            first = max(first, self._scored[1])
        if first < last:  # else a stride has left nothing for the window at the record's end
            self._scores.write(f"{record}\t{first}\t{last}\t{score:.4f}\n")
            self._scored = (record, last)
        if score < self._plan.threshold:
            return
        new, open_ = Region(record, start, end, score, given), self._open
        if open_ is None or open_.record != record or open_.end < start:
            self.end()
            self._open = new
        else:
            best = max(open_, new, key=lambda region: region.score)
            self._open = best._replace(start=open_.start, end=end)

    def end(self) -> None:
        """After the last window."""
        if self._open is None:
            return
        record, start, end, score, given = self._open
        strand = "+" if given else "-"
        self._bed.write(f"{record}\t{start}\t{end}\t{self._label}\t{round(1000 * score)}\t{strand}\n")
        self.regions, self._open = self.regions + 1, None


def _account(source: Path, paths: list[Path], plan: Plan, account: Account) -> str:
    scores, regions = (run_folder.short(path) for path in paths)
    said = (
        f"{source}: {account.windows:,} windows of {plan.window} in {account.records:,} records, in {scores}; "
        f"{account.regions:,} regions of {plan.threshold} or more, in {regions}"
    )
    if account.unknown:
        said += f"; no score for {account.unknown:,} windows, more than half of whose bases are unknown"
    if account.short:
        first = ", ".join(account.short[:10]) + (", ..." if len(account.short) > 10 else "")
        said += f"; left out {len(account.short):,} records of fewer than {plan.window} bases: {first}"
    return said
