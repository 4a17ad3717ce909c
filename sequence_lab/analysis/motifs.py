"""What filters over DNA look for: the windows that excite each, aligned, as counts, bits and text for other tools."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

LETTERS = "ACGT"
Seen = tuple[np.ndarray, np.ndarray]


class Motif(NamedTuple):
    """A position frequency matrix: counts ``[W, 4]`` of A, C, G, T, from so many windows."""

    name: str
    counts_WC: np.ndarray
    sites: int


def of_filters(batches: Callable[[], Iterable[Seen]], share: float = 0.5) -> tuple[list[Motif], np.ndarray]:
    """The motif of each filter, and the frequencies ``[4]`` of the bases in all sequences.

    A window counts for a filter where it excites it to more than ``share`` of the filter's maximum over all sequences
    (Alipanahi et al. 2015, DeepBind; Kelley et al. 2016, Basset). Filters that nothing excites have none.

    Args:
      batches: called twice, for the maxima and for the counts, so that not all is held at once. Each has sequences
        ``[N, T, 4]``, one-hot, zeros where a base is unknown, and maps ``[N, T - W + 1, D]``, not negative, at t those
        of the window ``[t, t + W)``; zeros where there is no window.
    """
    highest_D, bases_C, width = np.zeros(0), np.zeros(4), 0
    for x_NTC, maps_NTD in batches():
        maxima_D = maps_NTD.max(axis=(0, 1), initial=0)
        highest_D = np.maximum(highest_D, maxima_D) if highest_D.size else maxima_D
        bases_C += x_NTC.sum(axis=(0, 1))
        width = max(width, x_NTC.shape[1] - maps_NTD.shape[1] + 1)  # that of rows which hold a window
    counts_DWC, sites_D = np.zeros((len(highest_D), width, 4)), np.zeros(len(highest_D), int)
    for x_NTC, maps_NTD in batches():
        excited_NTD = (maps_NTD > share * highest_D) & (highest_D > 0)
        sites_D += excited_NTD.sum(axis=(0, 1))
        for place in range(width):
            x_at_NTC = x_NTC[:, place : place + maps_NTD.shape[1]]
            counts_DWC[:, place] += np.tensordot(excited_NTD.astype(np.float32), x_at_NTC, ((0, 1), (0, 1)))
    motifs = [Motif(f"filter_{number}", counts_DWC[number], int(sites_D[number])) for number in np.flatnonzero(sites_D)]
    return motifs, bases_C / max(bases_C.sum(), 1)


def frequencies(counts_WC: np.ndarray) -> np.ndarray:
    """Shares ``[W, 4]`` that sum to 1; equal ones where nothing is known."""
    totals_W1 = counts_WC.sum(axis=1, keepdims=True)
    return np.where(totals_W1 > 0, counts_WC / np.maximum(totals_W1, 1e-9), 1 / counts_WC.shape[1])


def information(counts_WC: np.ndarray) -> np.ndarray:
    """Bits ``[W]`` at each position: 2 + sum p log2 p - 3 / (2 n ln 2) of n letters, not below 0.

    The last term is what so few would seem to say by chance (Schneider et al. 1986); with it a logo's letters are as
    high as in Schneider and Stephens (1990).
    """
    totals_W, p_WC = counts_WC.sum(axis=1), frequencies(counts_WC)
    entropy_W = -np.sum(p_WC * np.log2(np.where(p_WC > 0, p_WC, 1)), axis=1)
    letters = counts_WC.shape[1]
    return np.maximum(np.log2(letters) - entropy_W - (letters - 1) / (2 * np.log(2) * np.maximum(totals_W, 1)), 0)


def meme(motifs: Sequence[Motif], background_C: np.ndarray, strands: str) -> str:
    """The text of MEME's minimal motif format, version 4, which the tools of the MEME Suite read (Tomtom, FIMO).

    Args:
      strands: "+", or "+ -" where windows of both were counted.
    """
    shares = " ".join(f"{letter} {share:.6f}" for letter, share in zip(LETTERS, background_C, strict=True))
    lines = ["MEME version 4", "", f"ALPHABET= {LETTERS}", "", f"strands: {strands}", ""]
    lines += ["Background letter frequencies", shares]
    for motif in motifs:
        width = len(motif.counts_WC)
        lines += ["", f"MOTIF {motif.name}"]
        lines += [f"letter-probability matrix: alength= {len(LETTERS)} w= {width} nsites= {motif.sites} E= 0"]
        lines += [" ".join(f"{share:.6f}" for share in row) for row in frequencies(motif.counts_WC)]
    return "\n".join(lines) + "\n"
