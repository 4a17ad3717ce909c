"""How near decoded texts are to those that were asked for.

What a model writes as "<unk>", the symbol of words outside its vocabulary, is never right.
"""

import importlib.util
from collections.abc import Sequence

import numpy as np

from sequence_lab.analysis.scores import Score, Scores, resampled, score, wilson

NO_SIGN = "\uffff"  # Unicode leaves it to no character
BLEU_TOKENS = {"words": "none", "blanks": "none", "characters": "char", "bpe": "13a"}  # sacrebleu's, by kind of ours


def of_sequences(found: Sequence[np.ndarray], true: Sequence[np.ndarray], unknown: int | None = None) -> Scores:
    """ "exact_match", the share of rows that are right from start to end; "token_accuracy".

    The latter is the share of all true tokens that the decoded row has at the same place. The interval of the former is
    Wilson's (1927), that of the latter is percentiles of the bootstrap over rows.

    Args:
      found, true: ids ``[length]`` of every row; the token that ends it counts as one where it is there.
      unknown: the id of "<unk>", which stands for other words at every place and is nowhere right; None: there is none.
    """
    hits = np.array([_hits(ours, theirs, unknown) for ours, theirs in zip(found, true, strict=True)], float)
    written, sizes = (np.array([len(row) for row in rows], float) for rows in (found, true))
    drawn_hits, drawn_sizes = resampled(np.stack([hits, sizes], axis=-1)).T
    return {
        "exact_match": wilson(((hits == sizes) & (written == sizes)).mean(), len(sizes)),
        "token_accuracy": score(hits.sum() / sizes.sum(), drawn_hits / drawn_sizes),
    }


def of_texts(found: Sequence[str], true: Sequence[str], kind: str) -> Scores:
    """ "chrf" (Popović 2015) and "bleu" (Papineni et al. 2002) of the whole corpus, 0 to 100, by ``sacrebleu``.

    Without that package, which is an extra, there are none.

    Args:
      found, true: a text of each row.
      kind: of the tokens of both. BLEU's n-grams are of "characters"; of "words" and "blanks", which have a blank
        between any two already, of these; of "bpe" of what sacrebleu's "13a" takes for words and signs.
    """
    if importlib.util.find_spec("sacrebleu") is None:
        return {}
    import sacrebleu  # a moment to import, for those who use it

    # As a single sign that no text has: the letters of "<unk>" are also those of words.
    references, written = [list(true)], [text.replace("<unk>", NO_SIGN) for text in found]
    # Forced, as it would otherwise warn of texts that are cut into tokens.
    bleu = sacrebleu.corpus_bleu(written, references, force=True, tokenize=BLEU_TOKENS[kind])
    return {"chrf": Score(sacrebleu.corpus_chrf(written, references).score), "bleu": Score(bleu.score)}


def _hits(found: np.ndarray, true: np.ndarray, unknown: int | None) -> int:
    shared = min(len(found), len(true))
    same = found[:shared] == true[:shared]
    return int((same if unknown is None else same & (true[:shared] != unknown)).sum())
