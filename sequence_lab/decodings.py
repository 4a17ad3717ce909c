"""What a model of pairs writes for the sources of a split, and how near that is to the targets."""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.analysis import translations
from sequence_lab.analysis.scores import Scores
from sequence_lab.data import Batch
from sequence_lab.data.tokens import END, Tokens
from sequence_lab.models import decoding

Array = jax.Array


class Decoding(NamedTuple):
    """A pair, and what was decoded for its source, by the name of the way: "greedy", "beam"."""

    source: str
    target: str
    found: dict[str, str]


def decode(
    model: nn.Module,
    variables: Any,
    batches: Iterable[Batch],
    vocabulary: Tokens,
    beam_width: int,
    max_length: int,
    alpha: float = 0.0,
) -> tuple[Scores, list[Decoding]]:
    """Greedy decodings and those of a beam of every pair, with their scores as "greedy/bleu", "beam/bleu" and so on.

    Args:
      model: with ``encode`` and ``step``, as ``models.SequenceToSequence``.
      batches: of the streams "source" and "target", as of ``data.texts.paired_texts``; rows that only fill up are left
        out.
      beam_width: 1: greedy alone.
      max_length: tokens at most, the end among them.
      alpha: see ``decoding.beam_search``.

    Texts are read back from ids, those of the targets too: an unknown word is "<unk>" on both sides, and counts as
    right where it is at its place.

    Returns:
      The scores of ``analysis.translations``; the pairs in the order of the batches' rows.
    """
    end = vocabulary.id_of(END)
    ways = {"greedy": decoding.greedy}
    if beam_width > 1:
        ways["beam"] = functools.partial(decoding.beam_search, width=beam_width, alpha=alpha)

    @jax.jit
    def decoded(variables: Any, source_BS: Array, lengths_B: Array) -> dict[str, decoding.Decoded]:
        start = model.apply(variables, source_BS, lengths_B, method="encode")
        step = functools.partial(model.apply, variables, method="step")
        first_B = jnp.full(source_BS.shape[:1], end)
        return {name: way(step, start, first_B, max_length, end) for name, way in ways.items()}

    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    sources, targets = list[np.ndarray](), list[np.ndarray]()
    for batch in batches:
        rows = np.flatnonzero(batch["mask"])
        for name, best in decoded(variables, batch["inputs"]["source"], batch["lengths"]["source"]).items():
            tokens, lengths = np.asarray(best.tokens_BKT), np.asarray(best.lengths_BK)
            if name == "beam":
                tokens, lengths = tokens[:, 0], lengths[:, 0]
            found[name] += [tokens[row, : lengths[row]] for row in rows]
        sources += [batch["inputs"]["source"][row, : batch["lengths"]["source"][row]] for row in rows]
        targets += [batch["labels"][row, : batch["labels_lengths"][row]] for row in rows]
    return _scored(found, sources, targets, vocabulary, end)


def log_probabilities(model: nn.Module, variables: Any, batches: Iterable[Batch]) -> np.ndarray:
    """log p(target | source) of every pair, ``[N]`` in nats, in the order of the batches' rows."""

    @jax.jit
    def score(variables: Any, batch: Batch) -> Array:
        logits_BTV: Any = model.apply(variables, batch["inputs"], batch["lengths"])
        return decoding.log_probability(logits_BTV, batch["labels"], batch["labels_lengths"])

    return np.concatenate([np.asarray(score(variables, batch))[np.asarray(batch["mask"]) != 0] for batch in batches])


def _scored(
    found: dict[str, list[np.ndarray]],
    sources: list[np.ndarray],
    targets: list[np.ndarray],
    vocabulary: Tokens,
    end: int,
) -> tuple[Scores, list[Decoding]]:
    def texts(rows: list[np.ndarray]) -> list[str]:
        return [vocabulary.decode(row[row != end]) for row in rows]

    asked, read = texts(targets), texts(sources)
    written = {name: texts(rows) for name, rows in found.items()}
    scores: Scores = {}
    for name, rows in found.items():
        own = translations.of_sequences(rows, targets)
        own |= translations.of_texts(written[name], asked, vocabulary.kind == "characters")
        scores |= {f"{name}/{measure}": score for measure, score in own.items()}
    each = [dict(zip(written, row, strict=True)) for row in zip(*written.values(), strict=True)]
    return scores, [Decoding(*pair) for pair in zip(read, asked, each, strict=True)]
