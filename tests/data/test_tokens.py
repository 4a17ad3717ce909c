"""Tokens: vocabularies of the training texts alone, in a fixed order, and back to text."""

import collections
import json

import numpy as np
import pytest
import tokenizers

from sequence_lab.data import tokens

TEXTS = ["Der Ball ist rund .", "Der Ball, der rollt!", "", "Ein Ball ist ein Ball"]


def test_words_are_numbered_by_frequency_and_others_unknown():
    learnt = tokens.learn(TEXTS, "blanks", min_count=2)
    counts = collections.Counter(word for text in TEXTS for word in text.split())
    kept = [word for word in counts if counts[word] >= 2]
    assert set(learnt.symbols) == {"<pad>", "<unk>", *kept}
    frequencies = [counts[word] for word in learnt.symbols[2:]]
    assert frequencies == sorted(frequencies, reverse=True)
    np.testing.assert_array_equal(learnt.encode("Ball Würfel Der"), [learnt.id_of("Ball"), 1, learnt.id_of("Der")])
    assert learnt.decode(learnt.encode("Ball Würfel Der")) == "Ball <unk> Der"
    assert learnt.unknown_in("Würfel Ball 😀é Der Würfel") == ["Würfel", "😀é"]


def test_words_part_from_signs_and_capitals_are_made_small():
    learnt = tokens.learn(TEXTS, "words", lower_case=True)
    assert learnt.decode(learnt.encode("Der Ball, EIN")) == "der ball , ein"
    assert learnt.unknown_in("Der WÜRFEL, EIN") == ["WÜRFEL"]


def test_characters_and_byte_pairs_come_back_as_they_were():
    text = "Grüße,\n 2 Bälle\u2603"
    characters = tokens.learn([text], "characters")
    assert characters.decode(characters.encode(text)) == text
    assert len(characters) == 2 + len(set(text))
    assert characters.unknown_in("Xüxß😀X") == ["X", "x", "😀"]
    pairs = tokens.learn(TEXTS * 9, "bpe", size=300, special=("<eos>",))
    assert pairs.decode(pairs.encode(text)) == text
    assert len(pairs.encode("Der Ball")) < len("Der Ball")
    assert len(pairs) <= 300
    assert pairs.unknown_in(text) == []


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_texts_at_once_equal_each_alone_and_learning_again(kind):
    learnt, again = (tokens.learn(TEXTS, kind, size=300) for _ in range(2))
    assert learnt.symbols == again.symbols
    found = learnt.encode_all(TEXTS)
    for row, text in enumerate(TEXTS):
        np.testing.assert_array_equal(found[row], learnt.encode(text))
    kept = tokenizers.Tokenizer.from_str(json.dumps(learnt.to_json()))
    assert kept.encode(TEXTS[0]).ids == list(found[0])


@pytest.mark.parametrize("kind", tokens.KINDS)
@pytest.mark.parametrize("lower_case", [False, True])
def test_pieces_have_the_ids_of_the_whole(kind, lower_case, monkeypatch):
    signs = [*"ab'sÉΣİ.,1 \n\t\r\u00a0\u2003\x1c\u0301\u2603", "  ", "\n\n", " \n", "'s ", "ΑΣ "]
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(signs, size)) for size in (300, 0, 1, 40, 700)]
    options = {"size": 290, "special": ()} if kind == "bpe" else {}
    whole = tokens.learn(texts, kind, lower_case=lower_case, **options)
    expected = [whole.tokenizer.encode(text).ids for text in texts]
    monkeypatch.setattr(tokens, "PIECE", 3)
    monkeypatch.setattr(tokens, "AT_ONCE", 5)
    assert len(list(tokens._pieces(texts[-1], kind))) > 50
    assert [list(ids) for ids in whole.encode_all(texts)] == expected
    assert tokens.learn(texts, kind, lower_case=lower_case, **options).to_json() == whole.to_json()


def test_a_text_with_the_sign_of_the_unknown_has_it_once():
    learnt = tokens.learn(["a <unk> b <unk>", "a"], "blanks", special=(tokens.UNKNOWN, tokens.END))
    assert learnt.symbols == ("<unk>", "<eos>", "a", "b")
    np.testing.assert_array_equal(learnt.encode("b <unk> c <eos>"), [3, 0, 0, 1])


def test_the_size_cuts_the_rarest():
    learnt = tokens.learn(TEXTS, "blanks", size=3)
    assert learnt.symbols == ("<pad>", "<unk>", "Ball")


@pytest.mark.parametrize(
    ("texts", "options", "said"),
    [
        (TEXTS, {"kind": "letters"}, "tokens is 'letters'; allowed: words, blanks, characters, bpe"),
        (TEXTS, {"kind": "bpe", "size": 9}, "vocabulary_size is 9; allowed of byte pairs: 258"),
        (TEXTS, {"kind": "words", "min_count": 0}, "min_count is 0"),
        (["", " "], {"kind": "words"}, "no token"),
    ],
)
def test_what_cannot_be_learnt_is_refused(texts, options, said):
    with pytest.raises(ValueError, match=said):
        tokens.learn(texts, **options)
