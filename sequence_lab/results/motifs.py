"""The motifs that the first filters of a DNA model look for in a split: a logo each, and text for other tools."""

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sequence_lab.analysis import logos, motifs
from sequence_lab.data import Batch
from sequence_lab.models import dna

LOGOS, TEXT = Path("plots") / "motifs.png", Path("motifs.meme")


def keep(
    model: dna.DNAConvNet, variables: Any, batches: Callable[[], Iterable[Batch]], folder: Path, title: str
) -> None:
    """Writes ``plots/motifs.png`` and ``motifs.meme`` in ``folder``; nothing where no filter is ever excited.

    Args:
      batches: of one-hot bases; rows that only fill up are left out.
    """
    maps_of = jax.jit(functools.partial(dna.filter_maps, model))

    def seen() -> Iterator[motifs.Seen]:
        for batch in batches():
            x_NTC, maps_NTD = map(np.asarray, maps_of(variables, batch["inputs"], batch.get("lengths")))
            real_N = np.resize(np.asarray(batch["mask"]) != 0, len(x_NTC))  # once for each strand
            yield x_NTC[real_N], maps_NTD[real_N]

    found, background = motifs.of_filters(seen)
    if not found:
        return
    (folder / TEXT).write_text(motifs.meme(found, background, "+ -" if model.both_strands else "+"))
    logos.sequence_logos(found, folder / LOGOS, title)
