"""What a model of pairs writes for the sources of a split, and how near that is to the targets."""

import functools
from collections.abc import Callable, Iterable, Sequence
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
    """A pair, and what was decoded for its source, by the name of the way: "greedy", "beam".

    The source as the model reads it, the target as it was asked for, unknown words and all.
    """

    source: str
    target: str
    found: dict[str, str]


class Hypothesis(NamedTuple):
    """A text that was written for a source, and log p(text | source) in nats, of its end too where it has one."""

    text: str
    log_probability: float


def writes_targets(model: nn.Module, vocabulary: object) -> bool:
    """Whether it is a model of pairs, and its texts can be read."""
    return isinstance(vocabulary, Tokens) and hasattr(model, "encode")


def decode(
    model: nn.Module,
    variables: Any,
    batches: Iterable[Batch],
    targets: Sequence[str],
    vocabulary: Tokens,
    beam_width: int,
    max_length: int,
    alpha: float = 0.0,
) -> tuple[Scores, list[Decoding]]:
    """Greedy decodings and those of a beam of every pair, with their scores as "greedy/bleu", "beam/bleu" and so on.

    Args:
      model: with ``encode`` and ``step``, as ``models.SequenceToSequence``.
      batches: of a stream "source", as of ``data.texts.paired_texts``; rows that only fill up are left out.
      targets: what was asked for, as texts, in the order of the batches' rows.
      beam_width: 1: greedy alone.
      max_length: tokens at most, the end among them.
      alpha: see ``decoding.beam_search``.

    A word outside the vocabulary is never right, as no model can write it; nor is the rest of a target that is longer
    than what may be decoded. Of "words" and "blanks" texts are compared as tokens with a blank between any two.

    Returns:
      The scores of ``analysis.translations``; the pairs in the order of the batches' rows.
    """
    write = _writer(model, vocabulary.id_of(END), beam_width, max_length, alpha)
    found: dict[str, list[np.ndarray]] = {"greedy": []}
    sources = list[np.ndarray]()
    for batch in batches:
        rows = np.flatnonzero(batch["mask"])
        for name, best in write(variables, batch["inputs"]["source"], batch["lengths"]["source"]).items():
            tokens_BT, lengths_B = np.asarray(best.tokens_BKT)[:, 0], np.asarray(best.lengths_BK)[:, 0]
            found.setdefault(name, []).extend(tokens_BT[row, : lengths_B[row]] for row in rows)
        sources += [batch["inputs"]["source"][row, : batch["lengths"]["source"][row]] for row in rows]
    return _scored(found, sources, targets, vocabulary)


def hypotheses(
    model: nn.Module,
    variables: Any,
    source_S: np.ndarray,
    vocabulary: Tokens,
    beam_width: int,
    max_length: int,
    alpha: float = 0.0,
) -> dict[str, list[Hypothesis]]:
    """What is decoded for one source, by the name of the way: of a beam all that it ended with, the best first.

    Args:
      source_S: ids.
      model, vocabulary, beam_width, max_length, alpha: as in ``decode``.
    """
    write = _writer(model, vocabulary.id_of(END), beam_width, max_length, alpha)
    found = {}
    for name, best in write(variables, source_S[None], np.array([len(source_S)], np.int32)).items():
        tokens_KT, lengths_K, logs_K = (np.asarray(part)[0] for part in best)
        texts = _texts([tokens_T[:length] for tokens_T, length in zip(tokens_KT, lengths_K, strict=True)], vocabulary)
        # A beam that is wider than there are sequences is filled up.
        found[name] = [Hypothesis(text, float(log)) for text, log in zip(texts, logs_K, strict=True) if log > -np.inf]
    return found


def log_probabilities(model: nn.Module, variables: Any, batches: Iterable[Batch]) -> np.ndarray:
    """log p(target | source) of every pair, ``[N]`` in nats, in the order of the batches' rows."""

    @jax.jit
    def score(variables: Any, batch: Batch) -> Array:
        logits_BTV: Any = model.apply(variables, batch["inputs"], batch["lengths"])
        return decoding.log_probability(logits_BTV, batch["labels"], batch["labels_lengths"])

    return np.concatenate([np.asarray(score(variables, batch))[np.asarray(batch["mask"]) != 0] for batch in batches])


def _writer(
    model: nn.Module, end: int, beam_width: int, max_length: int, alpha: float
) -> Callable[[Any, Array | np.ndarray, Array | np.ndarray], dict[str, decoding.Decoded]]:
    """From variables, sources ``[B, S]`` and lengths to what is decoded; of greedy K is 1."""

    def greedy(*start: Any) -> decoding.Decoded:
        return jax.tree.map(lambda x: x[:, None], decoding.greedy(*start))

    ways: dict[str, Callable[..., decoding.Decoded]] = {"greedy": greedy}
    if beam_width > 1:
        ways["beam"] = functools.partial(decoding.beam_search, width=beam_width, alpha=alpha)

    @jax.jit
    def write(variables: Any, source_BS: Array, lengths_B: Array) -> dict[str, decoding.Decoded]:
        start = model.apply(variables, source_BS, lengths_B, method="encode")
        step = functools.partial(model.apply, variables, method="step")
        first_B = jnp.full(source_BS.shape[:1], end)
        return {name: way(step, start, first_B, max_length, end) for name, way in ways.items()}

    return write


def _texts(rows: list[np.ndarray], vocabulary: Tokens) -> list[str]:
    end = vocabulary.id_of(END)
    return [vocabulary.decode(row[row != end]) for row in rows]


def _scored(
    found: dict[str, list[np.ndarray]], sources: list[np.ndarray], targets: Sequence[str], vocabulary: Tokens
) -> tuple[Scores, list[Decoding]]:
    asked, read = [vocabulary.read(text) for text in targets], _texts(sources, vocabulary)
    true = [np.append(row, vocabulary.id_of(END)) for row in vocabulary.encode_all(targets)]
    written = {name: _texts(rows, vocabulary) for name, rows in found.items()}
    scores: Scores = {}
    for name, rows in found.items():
        own = translations.of_sequences(rows, true, vocabulary.unknown)
        own |= translations.of_texts(written[name], asked, vocabulary.kind)
        scores |= {f"{name}/{measure}": score for measure, score in own.items()}
    each = [dict(zip(written, row, strict=True)) for row in zip(*written.values(), strict=True)]
    return scores, [Decoding(*pair) for pair in zip(read, asked, each, strict=True)]
