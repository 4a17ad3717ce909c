"""How near decoded texts are to those that were asked for."""

import importlib.util
from collections.abc import Sequence

import numpy as np

from sequence_lab.analysis.scores import CONFIDENCE, DRAWS, Score, Scores


def of_sequences(found: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> Scores:
    """ "exact_match", the share of rows that are right from start to end; "token_accuracy".

    The latter is the share of all true tokens that the decoded row has at the same place. Intervals are percentiles of
    the bootstrap over rows.

    Args:
      found, true: ids ``[length]`` of every row; the token that ends it counts as one where it is there.
    """
    hits, sizes = (np.array(counts, float) for counts in zip(*map(_hits, found, true), strict=True))
    exact = np.array([np.array_equal(ours, theirs) for ours, theirs in zip(found, true, strict=True)], float)
    drawn = np.random.default_rng(0).multinomial(len(exact), np.full(len(exact), 1 / len(exact)), DRAWS)
    return {
        "exact_match": _score(exact.mean(), drawn @ exact / len(exact)),
        "token_accuracy": _score(hits.sum() / sizes.sum(), drawn @ hits / (drawn @ sizes)),
    }


def of_texts(found: Sequence[str], true: Sequence[str], by_character: bool) -> Scores:
    """ "chrf" (Popović 2015) and "bleu" (Papineni et al. 2002) of the whole corpus, 0 to 100, by ``sacrebleu``.

    Without that package, which is an extra, there are none.

    Args:
      by_character: whether BLEU's n-grams are of characters, for texts that are no words; else of words and signs.
    """
    if importlib.util.find_spec("sacrebleu") is None:
        return {}
    import sacrebleu  # a moment to import, for those who use it

    references = [list(true)]
    tokenise = "char" if by_character else "13a"
    return {
        "chrf": Score(sacrebleu.corpus_chrf(list(found), references).score),
        "bleu": Score(sacrebleu.corpus_bleu(list(found), references, tokenize=tokenise).score),
    }


def _hits(found: np.ndarray, true: np.ndarray) -> tuple[int, int]:
    shared = min(len(found), len(true))
    return int((found[:shared] == true[:shared]).sum()), len(true)


def _score(value: float, drawn: np.ndarray) -> Score:
    low, high = np.percentile(drawn, CONFIDENCE)
    return Score(float(value), float(low), float(high))
