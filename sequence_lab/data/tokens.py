"""Texts as numbered tokens: words, characters or byte pairs, by the library ``tokenizers``."""

import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from sequence_lab.data.ragged import Ragged

PAD, UNKNOWN, END = "<pad>", "<unk>", "<eos>"
KINDS = ("words", "blanks", "characters", "bpe")
BYTES = len(pre_tokenizers.ByteLevel.alphabet())
PIECE, AT_ONCE = 4096, 256  # characters of a piece of text, or some more; pieces that are encoded at a time
END_OF_WORD = re.compile(r"(?<=\S)[ \n]")


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A tokeniser and its vocabulary; ``kind`` is as in ``learn``."""

    tokenizer: tokenizers.Tokenizer
    kind: str

    def __len__(self) -> int:
        """Number of ids V."""
        return self.tokenizer.get_vocab_size()

    def encode(self, text: str) -> np.ndarray:
        """Ids ``[T]``; what is not in the vocabulary is the id of "<unk>"."""
        return self.encode_all([text]).values

    def encode_all(self, texts: Sequence[str]) -> Ragged:
        """The ids of each text; a few pieces at a time, as a token takes hundreds of bytes until it is a number."""
        lengths, values = np.zeros(len(texts), np.int32), [np.zeros(0, np.int32)]
        pieces = ((row, piece) for row, text in enumerate(texts) for piece in _pieces(text, self.kind))
        while some := list(itertools.islice(pieces, AT_ONCE)):
            found = self.tokenizer.encode_batch_fast([piece for _, piece in some])
            for (row, _), encoded in zip(some, found, strict=True):
                values.append(np.array(encoded.ids, np.int32))
                lengths[row] += len(values[-1])
        return Ragged(np.concatenate(values), lengths)

    def decode(self, ids: np.ndarray) -> str:
        """The text of ids: tokens with blanks between them, characters without, byte pairs as they were."""
        if self.kind == "bpe":
            return self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=False)
        return ("" if self.kind == "characters" else " ").join(self.symbols[int(i)] for i in ids)

    def read(self, text: str) -> str:
        """The text as ``decode`` would give it back if every token of it were in the vocabulary."""
        cut, plain = self.tokenizer.pre_tokenizer, self.tokenizer.normalizer
        text = plain.normalize_str(text) if plain else text
        if self.kind in ("bpe", "characters"):
            return text
        return " ".join(token for token, _ in cut.pre_tokenize_str(text))

    @property
    def unknown(self) -> int | None:
        """The id of "<unk>"; None where nothing is unknown."""
        return self.tokenizer.token_to_id(UNKNOWN)

    def unknown_in(self, text: str) -> list[str]:
        """What of a text is not in the vocabulary, each once."""
        found = self.tokenizer.encode(text)
        spans = zip(found.ids, found.offsets, strict=True)
        return list(dict.fromkeys(text[start:end] for number, (start, end) in spans if number == self.unknown))

    def id_of(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        assert found is not None, token
        return found

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """The tokens in the order of their ids."""
        by_token = self.tokenizer.get_vocab()
        return tuple(sorted(by_token, key=by_token.__getitem__))

    def to_json(self) -> Any:
        """As plain values: the contents of a tokenizer.json, which ``tokenizers.Tokenizer.from_file`` reads."""
        return json.loads(self.tokenizer.to_str())


def learn(
    texts: Iterable[str],
    kind: str,
    *,
    size: int = 0,
    min_count: int = 1,
    lower_case: bool = False,
    special: Sequence[str] = (PAD, UNKNOWN),
) -> Tokens:
    """The vocabulary of training texts, from the most frequent token on.

    Args:
      kind: "words", runs of letters and digits, and of other signs; "blanks", what stands between blanks, tabs and ends
        of lines, for texts that are tokenised already (a no-break space is part of a token); "characters"; "bpe", byte
        pairs (Sennrich et al. 2016) over bytes, which leave nothing unknown.
      size: at most so many tokens; 0: all. Of byte pairs it is to be given.
      min_count: occurrences below which a token is unknown.
      lower_case: whether capitals are made small.
      special: tokens with the first ids.

    Raises:
      ValueError: an option out of range, or no text.
    """
    if kind not in KINDS:
        raise ValueError(f"tokens is {kind!r}; allowed: {', '.join(KINDS)}")
    if min_count < 1 or size < 0:
        raise ValueError(f"min_count is {min_count}, vocabulary_size is {size}; allowed: 1 or more, 0 or more")
    if kind == "bpe" and size < BYTES + len(special):
        raise ValueError(f"vocabulary_size is {size}; allowed of byte pairs: {BYTES + len(special)} or more")
    made = tokenizers.Tokenizer(models.BPE() if kind == "bpe" else models.WordLevel())
    if lower_case:
        made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = {
        "words": pre_tokenizers.Whitespace(),
        "blanks": pre_tokenizers.Split(tokenizers.Regex(r"[ \t\r\n]+"), "removed"),
        "characters": pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated"),
        "bpe": pre_tokenizers.ByteLevel(add_prefix_space=False),
    }[kind]
    pieces = (piece for text in texts for piece in _pieces(text, kind))
    options: dict[str, Any] = {"min_frequency": min_count, "vocab_size": size or 2**31, "show_progress": False}
    if kind == "bpe":
        made.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(special_tokens=list(special), initial_alphabet=alphabet, **options)
        made.train_from_iterator(pieces, trainer)
    else:
        made.train_from_iterator(pieces, trainers.WordLevelTrainer(**options))
        counted = made.get_vocab()
        # A text may have "<unk>" in it, which is then no other token than ours.
        words = [token for token in sorted(counted, key=counted.__getitem__) if token not in special]
        kept = [*special, *words][: size or None]
        made.model = models.WordLevel({token: number for number, token in enumerate(kept)}, UNKNOWN)
    if made.get_vocab_size() <= len(special):
        raise ValueError("the training texts have no token; allowed: one or more")
    return Tokens(made, kind)


def _pieces(text: str, kind: str) -> Iterator[str]:
    """A text in pieces that have the tokens of the whole: cut before the blank after a word, or at any character."""
    first = 0
    while first < len(text):
        end: int | None = first + PIECE
        if kind != "characters":
            found = END_OF_WORD.search(text, first + PIECE)
            end = found.start() if found else None
        yield text[first:end]
        first = len(text) if end is None else end
