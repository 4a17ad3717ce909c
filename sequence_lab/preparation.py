"""Data sets before any training: preparing them once from their original files, and looking at what is in them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from sequence_lab import composition, schema
from sequence_lab.analysis import plots, tables
from sequence_lab.config import Tables, resolved
from sequence_lab.data import DATASETS, Dataset, Packed, Sequences, inspection, store
from sequence_lab.data.builders import BUILDERS, CATALOGUE

Say = Callable[[str], None]
ALL = "all"


def prepare(names: Sequence[str], manual_dir: str | Path | None, say: Say = print) -> None:
    """Prepares sets from files under ``manual_dir``, or from where their authors publish them; says what they hold.

    A set that is prepared already is left as it is, unless a file that it was prepared without has turned up; one that
    was interrupted begins anew.

    Args:
      names: rows of ``data.builders.BUILDERS``, or tfds:NAME for one of TFDS's catalogue; or "all", those rows whose
        files are there.

    Raises:
      schema.Refused: an unknown name, a folder that is not there, or a file that is missing, broken or not the
        published one. The sets before it are prepared; of "all" those after it, too.
    """
    with schema.refusals():
        every = tuple(names) == (ALL,)
        for name in () if every else names:
            if name.startswith(CATALOGUE):
                continue
            if name in DATASETS and name not in BUILDERS:
                raise ValueError(f"data set {name} needs no preparing; allowed: {', '.join((*BUILDERS, ALL))}")
            schema.choose("a name of --datasets", name, (*BUILDERS, ALL))
        if manual_dir is not None and not Path(manual_dir).is_dir():
            raise ValueError(f"--manual_dir is {str(manual_dir)!r}; allowed: a folder that is there")
        rows, broken = [], []
        for name in BUILDERS if every else names:
            started = time.monotonic()
            try:
                store.prepare(name, store.data_dir(), None if manual_dir is None else Path(manual_dir), say)
            except ValueError as error:
                if not every:
                    raise
                if not isinstance(error, store.Missing):
                    broken.append(f"{name}: {error}")
                say(f"{name} is left out: {error}")
                continue
            sizes = {split: len(next(iter(column.values()))) for split, column in store.load(name).splits.items()}
            counts = ", ".join(f"{split} {size:,}" for split, size in sizes.items())
            rows.append([name, counts, f"{time.monotonic() - started:.1f}"])
        say(tables.markdown(["data set", "examples", "seconds"], rows))
        say(f"in {store.data_dir()}")
        if broken:
            raise ValueError(broken[0])


def inspect(config: ConfigDict, workdir: str | Path, *, datasets: Tables | None = None, say: Say = print) -> None:
    """Says what the config's data set holds, and draws its lengths in ``workdir``.

    Raises:
      schema.Refused: the config does not fit, or the set is not prepared.
    """
    with schema.refusals():
        rows = composition.tables(datasets=datasets)
        plain = resolved(schema.plain(config), rows)
        dataset = rows["dataset"][plain["dataset_name"]](**plain["dataset"])
        dataset = dataset.packed(plain["training"]["packed_width"]).bucketed(plain["training"]["num_shapes"])
    say("\n\n".join(_account(dataset, plain["training"]["batch_size"])))
    lengths = {
        name: found for name, split in dataset.splits.items() if (found := inspection.lengths(split)) is not None
    }
    if lengths:
        path = Path(workdir) / "lengths.png"
        train = dataset.splits["train"]
        plots.length_histogram(lengths, path, plain["dataset_name"], getattr(train, "widths", ()))
        say(f"\nthe lengths are drawn in {path}")


def _account(dataset: Dataset, batch_size: int) -> Iterator[str]:
    yield _sizes(dataset.splits)
    counts = {name: inspection.class_counts(split, dataset.classes) for name, split in dataset.splits.items()}
    known = {name: found for name, found in counts.items() if found is not None}
    if known:
        rows = [[kind, *(f"{found[kind]:,}" for found in known.values())] for kind in dataset.classes]
        yield tables.markdown(["class", *known], rows)
    if dataset.vocabulary is not None:
        first = " ".join(map(repr, dataset.vocabulary.symbols[:20]))
        yield f"vocabulary of {len(dataset.vocabulary):,} symbols: {first} ..."
    if shares := inspection.unknown(dataset):
        yield "not in the vocabulary: " + ", ".join(f"{share:.1%} of {name}" for name, share in shares.items())
    if isinstance(split := dataset.splits["train"], Sequences | Packed):
        yield split.account(batch_size)
    within, across, left_out = inspection.repeats(dataset)
    yield (
        "\n".join(
            [f"{count:,} rows of {name} repeat an earlier one" for name, count in within.items()]
            + [f"{count:,} rows of {name}, too" for name, count in across.items()]
            + [
                f"{count:,} rows of {name} have a token that is not in the vocabulary, and were compared with none"
                for name, count in left_out.items()
            ]
        )
        or "a text has no rows that could repeat"
    )
    yield "\n".join(inspection.shown(dataset))


def _sizes(splits: Mapping[str, Any]) -> str:
    rows = []
    for name, split in splits.items():
        lengths = inspection.lengths(split)
        quantiles = () if lengths is None else np.percentile(lengths, [0, 50, 95, 100]).astype(int)
        rows.append([name, f"{len(split):,}", *(f"{q:,}" for q in quantiles)])
    headings = ["split", "rows or symbols", *(("shortest", "median", "95 %", "longest") if len(rows[0]) > 2 else ())]
    return tables.markdown(headings, rows)
