"""Motifs of filters: planted ones are found, counts equal plain loops, the text is read back, logos are drawn."""

import math

import numpy as np
import pytest

from sequence_lab.analysis import logos, motifs

WIDTH = 5


def one_hot(texts):
    return np.array([[[letter == base for base in "ACGT"] for letter in text] for text in texts], np.float32)


def drawn(seed=0, rows=7, steps=30, filters=3):
    """Random sequences, some bases unknown, and what random filters make of their windows."""
    random = np.random.default_rng(seed)
    x_NTC = one_hot(["".join(random.choice(list("ACGTN"), steps)) for _ in range(rows)])
    kernel_WCD = random.normal(size=(WIDTH, 4, filters))
    windows = np.stack([x_NTC[:, t : t + WIDTH] for t in range(steps - WIDTH + 1)], axis=1)
    return x_NTC, np.maximum(np.einsum("ntwc,wcd->ntd", windows, kernel_WCD) - 0.5, 0)


def loop(x_NTC, maps_NTD, share):
    """DeepBind's and Basset's definition, window by window."""
    found = {}
    for unit in range(maps_NTD.shape[-1]):
        most = max(maps_NTD[n, t, unit] for n, t in np.ndindex(maps_NTD.shape[:2]))
        counts, sites = np.zeros((WIDTH, 4)), 0
        for n, t in np.ndindex(maps_NTD.shape[:2]):
            if maps_NTD[n, t, unit] > share * most:
                sites += 1
                for place in range(WIDTH):
                    counts[place] += x_NTC[n, t + place]
        if sites:
            found[f"filter_{unit}"] = (counts, sites)
    return found


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_counts_equal_a_loop_over_windows_however_they_come_in_batches(share):
    x_NTC, maps_NTD = drawn()
    maps_NTD[..., 1] = 0  # a filter that nothing excites
    expected = loop(x_NTC, maps_NTD, share)
    for size in (7, 3):
        batches = [(x_NTC[i : i + size], maps_NTD[i : i + size]) for i in range(0, 7, size)]
        found, background_C = motifs.of_filters(lambda batches=batches: iter(batches), share)
        assert [motif.name for motif in found] == list(expected) == ["filter_0", "filter_2"]
        for motif in found:
            np.testing.assert_array_equal(motif.counts_WC, expected[motif.name][0])
            assert motif.sites == expected[motif.name][1]
        np.testing.assert_allclose(background_C, x_NTC.sum((0, 1)) / x_NTC.sum(), rtol=1e-6)


def test_a_planted_motif_is_found():
    random, planted = np.random.default_rng(1), "TGACTCA"
    texts = ["".join(random.choice(list("ACGT"), 60)) for _ in range(40)]
    texts = [text[:i] + planted + text[i + len(planted) :] for i, text in enumerate(texts)]
    x_NTC, kernel_WC = one_hot(texts), one_hot([planted])[0]
    windows = np.stack([x_NTC[:, t : t + 7] for t in range(54)], axis=1)
    maps_NTD = np.maximum(np.einsum("ntwc,wc->nt", windows, kernel_WC) - 4.9, 0)[..., None]
    (motif,), _ = motifs.of_filters(lambda: [(x_NTC, maps_NTD)])
    assert motif.sites >= 40
    assert "".join("ACGT"[best] for best in motif.counts_WC.argmax(axis=1)) == planted
    assert motifs.frequencies(motif.counts_WC).max(axis=1).min() > 0.9
    assert motifs.information(motif.counts_WC).min() > 1.3


def test_rows_shorter_than_a_window_count_for_bases_alone():
    x_NTC, maps_NTD = drawn()
    short = one_hot(["ACG", "AAA"])
    found, background_C = motifs.of_filters(lambda: [(short, np.zeros((2, 0, 3))), (x_NTC, maps_NTD)])
    whole, _ = motifs.of_filters(lambda: [(x_NTC, maps_NTD)])
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one.counts_WC, other.counts_WC)
    total = x_NTC.sum((0, 1)) + short.sum((0, 1))
    np.testing.assert_allclose(background_C, total / total.sum(), rtol=1e-6)
    assert motifs.of_filters(lambda: [(short, np.zeros((2, 0, 3)))])[0] == []


def test_information_is_two_bits_less_entropy_and_what_chance_says():
    counts = np.array([[10, 0, 0, 0], [5, 5, 0, 0], [4, 3, 2, 1], [3, 3, 2, 2], [0, 0, 0, 0]])
    for row, bits in zip(counts, motifs.information(counts), strict=True):
        entropy = -sum(c / 10 * math.log2(c / 10) for c in row if c) if row.sum() else 2
        assert bits == pytest.approx(max(2 - entropy - 3 / (2 * math.log(2) * 10), 0))
    np.testing.assert_array_equal(motifs.frequencies(counts)[-1], [0.25] * 4)


def read_meme(text):
    """Of the minimal format: the header's fields, then name, w, nsites and matrix of each motif."""
    lines = [line for line in text.splitlines() if line]
    header, found = {}, []
    assert lines[0] == "MEME version 4"
    for number, line in enumerate(lines):
        key, _, value = line.partition(" ")
        if key in ("ALPHABET=", "strands:"):
            header[key] = value
        elif line == "Background letter frequencies":
            words = lines[number + 1].split()
            header["background"] = dict(zip(words[::2], map(float, words[1::2]), strict=True))
        elif key == "MOTIF":
            words = lines[number + 1].removeprefix("letter-probability matrix: ").split()
            facts = dict(zip(words[::2], map(float, words[1::2]), strict=True))
            rows = lines[number + 2 : number + 2 + int(facts["w="])]
            found.append((value, facts, np.array([row.split() for row in rows], float)))
    return header, found


@pytest.mark.parametrize("strands", ["+", "+ -"])
def test_meme_text_is_read_back(strands):
    x_NTC, maps_NTD = drawn()
    found, background_C = motifs.of_filters(lambda: [(x_NTC, maps_NTD)])
    header, again = read_meme(motifs.meme(found, background_C, strands))
    assert (header["ALPHABET="], header["strands:"]) == ("ACGT", strands)
    assert list(header["background"]) == list("ACGT")
    np.testing.assert_allclose(list(header["background"].values()), background_C, atol=1e-6)
    for motif, (name, facts, matrix) in zip(found, again, strict=True):
        assert name == motif.name
        assert facts == {"alength=": 4, "w=": WIDTH, "nsites=": motif.sites, "E=": 0}
        np.testing.assert_allclose(matrix, motif.counts_WC / motif.counts_WC.sum(axis=1, keepdims=True), atol=1e-6)


def test_letters_of_a_logo_are_as_high_as_their_bits(tmp_path, monkeypatch):
    boxes = []
    original = logos._letter
    monkeypatch.setattr(logos, "_letter", lambda *box: (boxes.append(box[1:]), original(*box)))
    counts = np.array([[90.0, 10, 0, 0], [0, 0, 100, 0]])
    logos.sequence_logos([motifs.Motif("own", counts, 100)], tmp_path / "logos.png", "title")
    bits = motifs.information(counts)
    assert [(letter, left) for letter, left, _, _ in boxes] == [("C", 0.5), ("A", 0.5), ("G", 1.5)]
    heights = [height for *_, height in boxes]
    np.testing.assert_allclose(heights, [0.1 * bits[0], 0.9 * bits[0], bits[1]])
    np.testing.assert_allclose([below for *_, below, _ in boxes], [0, heights[0], 0])
    assert (tmp_path / "logos.png").stat().st_size > 1000


def test_a_letter_fills_its_box():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    for letter in "ACGT":
        logos._letter(axes, letter, 2.5, 0.25, 1.5)
        (box,) = [patch.get_path().get_extents() for patch in axes.patches[-1:]]
        np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [2.54, 0.25, 3.46, 1.75], atol=1e-6)
