"""One-hot vectors and ambiguity codes against plain Python loops."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import symbols

LENGTHS = np.array([6, 3, 0], np.int32)
CODES = [(0, 2), (1,), (0, 1, 2)]


def draw(dtype: Any = np.int32) -> np.ndarray:
    """Ids [3, 6]: symbols 0 to 2, codes 3 to 5, and unknown ones on both sides."""
    ids = np.random.default_rng(1).integers(-2, 8, (3, 6)).astype(np.int32)
    ids[0] = [-1, 0, 2, 3, 5, 6]
    return (ids if np.issubdtype(dtype, np.signedinteger) else np.maximum(ids, 0)).astype(dtype)


def loop(ids: np.ndarray, num_symbols: int, lengths: Any, codes: Any) -> np.ndarray:
    expected = np.zeros((*ids.shape, num_symbols))
    for index in np.ndindex(*ids.shape):
        row, step = index[:-1], index[-1]
        symbol = int(ids[index])
        if lengths is not None and step >= lengths[row]:
            continue
        if 0 <= symbol < num_symbols:
            expected[(*index, symbol)] = 1
        elif num_symbols <= symbol < num_symbols + len(codes):
            for choice in codes[symbol - num_symbols]:
                expected[(*index, choice)] = 1 / len(codes[symbol - num_symbols])
    return expected


@pytest.mark.parametrize("codes", [(), CODES])
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float16, 1e-3), (jnp.float32, 1e-7), (jnp.float64, 1e-15)])
def test_one_hot_equals_loop(codes: Any, dtype: Any, tolerance: float) -> None:
    ids = draw()
    with jax.enable_x64(dtype is jnp.float64):
        y = jax.jit(lambda ids, n: symbols.one_hot(ids, 3, n, ambiguous=codes, dtype=dtype))(ids, LENGTHS)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, loop(ids, 3, LENGTHS, codes), rtol=tolerance)
        np.testing.assert_array_equal(y, symbols.one_hot(ids, 3, LENGTHS, ambiguous=codes, dtype=dtype))


def test_one_hot_never_reads_the_padding() -> None:
    ids = draw()
    expected = symbols.one_hot(ids, 3, LENGTHS, ambiguous=CODES)
    for filling in (0, 4, -1, 2**31 - 1, -(2**31)):
        filled = np.where(np.arange(6) < LENGTHS[:, None], ids, filling).astype(np.int32)
        np.testing.assert_array_equal(symbols.one_hot(filled, 3, LENGTHS, ambiguous=CODES), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.uint32])
def test_one_hot_takes_every_integer_type(dtype: Any) -> None:
    ids = draw(dtype)
    ids[1, 0] = np.iinfo(dtype).max
    np.testing.assert_allclose(symbols.one_hot(ids, 3, ambiguous=CODES), loop(ids, 3, None, CODES), rtol=1e-6)
    # More symbols than the type can count.
    np.testing.assert_array_equal(symbols.one_hot(ids % 100, 300), loop(ids % 100, 300, None, ()))


def test_one_hot_takes_any_batch_axes_and_counts_in_integers() -> None:
    ids = draw()
    np.testing.assert_array_equal(symbols.one_hot(ids[0], 3, dtype=jnp.int32), loop(ids[0], 3, None, ()))
    folded = symbols.one_hot(ids[:, None], 3, LENGTHS[:, None], ambiguous=CODES)
    np.testing.assert_array_equal(folded[:, 0], symbols.one_hot(ids, 3, LENGTHS, ambiguous=CODES))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ids_BT": np.zeros((3, 6))}, "ids have type float64; allowed: an integer type"),
        ({"lengths_B": LENGTHS[:2]}, r"lengths have shape \(2,\); allowed: \(3,\), one per row"),
        ({"ambiguous": [(0,), ()]}, r"an ambiguous symbol stands for \(\); allowed: one or more of 0 to 2"),
        ({"ambiguous": [(0, 3)]}, r"an ambiguous symbol stands for \(0, 3\); allowed"),
        ({"ambiguous": [(-1,)]}, r"an ambiguous symbol stands for \(-1,\); allowed"),
        ({"ambiguous": CODES, "dtype": jnp.int32}, "dtype is int32; allowed with ambiguous symbols: a floating type"),
    ],
)
def test_one_hot_refuses_what_it_cannot_mean(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        symbols.one_hot(**{"ids_BT": draw(), "num_symbols": 3, **arguments})


IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


def test_dna_reads_the_iupac_code_in_both_cases_and_nothing_else() -> None:
    everything = "".join(map(chr, range(300))) + "\ud800🙂"
    expected = [
        [
            1 / len(IUPAC[c.upper()]) * (s in IUPAC[c.upper()]) if c.upper() in IUPAC and c.isascii() else 0
            for s in "ACGT"
        ]
        for c in everything
    ]
    ids = symbols.DNA.encode(everything)
    assert ids.dtype == np.int32
    np.testing.assert_allclose(symbols.DNA.one_hot(ids), expected, rtol=1e-6)
    np.testing.assert_array_equal(ids == -1, np.sum(expected, axis=1) == 0)
    assert symbols.DNA.encode("").shape == (0,)


def test_dna_codes_are_each_others_complement() -> None:
    """A check of the table that does not repeat it: complementing the letters swaps codes in pairs."""
    complement = dict(zip("ACGT", "TGCA", strict=True))
    choices = {frozenset(letters): code for code, letters in symbols.DNA.ambiguous.items() if code != "U"}
    pairs = {code: choices[frozenset(map(complement.get, letters))] for letters, code in choices.items()}
    assert pairs == dict(zip("RYSWKMBDHVN", "YRSWMKVHDBN", strict=True))


def test_alphabet_one_hot_is_zero_past_the_length() -> None:
    ids = np.stack([symbols.DNA.encode(text) for text in ("acgtRN", "nnn-AA", "TTTTTT")])
    y = symbols.DNA.one_hot(ids, LENGTHS, dtype=jnp.float16)
    assert y.dtype == jnp.float16
    codes = [["ACGT".index(letter) for letter in IUPAC[code]] for code in symbols.DNA.ambiguous]
    np.testing.assert_allclose(y, loop(ids, 4, LENGTHS, codes), rtol=1e-3)


@pytest.mark.parametrize(
    ("letters", "ambiguous", "message"),
    [
        ("ACA", {}, "an alphabet has 'ACA'; allowed: each letter once, in one case"),
        ("ACc", {}, "an alphabet has 'ACc'; allowed: each letter once"),
        ("AC", {"a": "C"}, "an alphabet has 'ACa'; allowed: each letter once"),
        ("AC", {"XY": "A"}, "an alphabet has 'XY'; allowed: single ASCII characters"),
        ("Aß", {}, "an alphabet has 'ß'; allowed: single ASCII characters"),
        ("AC", {"X": ""}, "'X' stands for ''; allowed: one or more of 'AC'"),
        ("AC", {"X": "AG"}, "'X' stands for 'AG'; allowed: one or more of 'AC'"),
    ],
)
def test_alphabet_refuses_a_wrong_table(letters: str, ambiguous: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        symbols.Alphabet(letters, ambiguous)


def test_the_other_strand_is_read_backwards_with_the_paired_bases():
    text, padded = "ACCGTNA", symbols.DNA.encode("ACCGTNAGG")
    found = symbols.reverse_complement(symbols.DNA.one_hot(jnp.asarray(padded)), jnp.asarray(len(text)))
    other = "".join({"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}[base] for base in reversed(text))
    np.testing.assert_array_equal(found[: len(text)], symbols.DNA.one_hot(jnp.asarray(symbols.DNA.encode(other))))
    assert not found[len(text) :].any()
    with pytest.raises(ValueError, match=r"bases have shape \(3, 5\); allowed: \[..., T, 4\]"):
        symbols.reverse_complement(jnp.ones((3, 5)))


def k_mer_loop(ids: np.ndarray, k: int, lengths: Any, num_symbols: int) -> np.ndarray:
    found = np.zeros((*ids.shape[:-1], ids.shape[-1] - k + 1), int)
    for index in np.ndindex(*found.shape):
        row, first = index[:-1], index[-1]
        if lengths is not None and first + k > lengths[row]:
            continue
        word = [int(symbol) for symbol in ids[row][first : first + k]]
        known = all(0 <= symbol < num_symbols for symbol in word)
        found[index] = int("".join(map(str, word)), num_symbols) if known else num_symbols**k
    return found


@pytest.mark.parametrize("k", [1, 2, 3, 6])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint8])
def test_k_mers_equal_a_loop_and_never_read_the_padding(k: int, lengths: Any, dtype: Any) -> None:
    ids = np.random.default_rng(2).integers(0, 5 if k < 3 else 4, (3, 6)).astype(dtype)  # 4 is N
    ids[0, 1] = 4
    if np.issubdtype(dtype, np.signedinteger):
        ids[2, 2] = -1
    expected = k_mer_loop(ids, k, lengths, 4)
    filled = ids if lengths is None else np.where(np.arange(6) < lengths[:, None], ids, np.iinfo(dtype).max)
    found, left = jax.jit(lambda ids: symbols.k_mers(ids, k, lengths))(filled.astype(dtype))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == jnp.int32
    if lengths is None:
        assert left is None
    else:
        np.testing.assert_array_equal(left, np.maximum(lengths - k + 1, 0))


def test_k_mers_of_other_alphabets_and_what_is_refused() -> None:
    ids = np.random.default_rng(3).integers(0, 7, (3, 6))
    np.testing.assert_array_equal(symbols.k_mers(ids, 2, num_symbols=6)[0], k_mer_loop(ids, 2, None, 6))
    for k, steps in ((0, 6), (7, 6), (16, 40)):
        with pytest.raises(ValueError, match=f"k is {k}; allowed of 4 symbols in rows of {steps} steps: 1 to"):
            symbols.k_mers(jnp.zeros((1, steps), jnp.int32), k)
    with pytest.raises(ValueError, match="ids have type float32; allowed: an integer type"):
        symbols.k_mers(jnp.zeros((1, 6)), 2)


def test_k_mers_of_the_other_strand_are_those_of_this_one_backwards() -> None:
    """Each word's complement read backwards, at the mirrored place: nothing is shifted, whatever the length."""
    bases = np.random.default_rng(4).integers(0, 4, (3, 9))
    lengths, k = np.array([9, 5, 2], np.int32), 3
    x = jax.nn.one_hot(bases, 4)
    other = symbols.reverse_complement(x, lengths).argmax(-1)
    forward, left = (np.asarray(a) for a in symbols.k_mers(bases, k, lengths))
    backward = np.asarray(symbols.k_mers(other, k, lengths)[0])
    for row, count in enumerate(left):
        for place in range(count):
            word = np.base_repr(forward[row, place], 4).zfill(k)
            mirrored = int("".join(str(3 - int(letter)) for letter in reversed(word)), 4)
            assert backward[row, count - 1 - place] == mirrored
