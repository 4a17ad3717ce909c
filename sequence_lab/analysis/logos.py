"""Motifs as sequence logos, a PNG file."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sequence_lab.analysis import figures
from sequence_lab.analysis.motifs import LETTERS, Motif, frequencies, information

COLOURS = dict(zip(LETTERS, ("tab:green", "tab:blue", "tab:orange", "tab:red"), strict=True))
COLUMNS = 4


def sequence_logos(motifs: Sequence[Motif], path: Path, title: str, most: int = 64) -> None:
    """Draws motifs, ``most`` at most, those of most bits first: a letter is as high as its share of the bits there.

    The letters of a position stand on each other, the most frequent on top (Schneider and Stephens 1990).
    """
    shown = sorted(motifs, key=lambda motif: -information(motif.counts_WC).sum())[:most]
    rows, width = math.ceil(len(shown) / COLUMNS), max(len(motif.counts_WC) for motif in shown)
    figure, axes = figures.tiles(rows, COLUMNS, COLUMNS * max(2.2, 0.22 * width), 0.95 * rows + 0.4)
    for one in axes[len(shown) :]:
        one.set_axis_off()
    for one, motif in zip(axes, shown, strict=False):
        _logo(one, motif)
    figures.save(figure, path, f"{title} (bits)")


def _logo(axes: Any, motif: Motif) -> None:
    bits_W, shares_WC = information(motif.counts_WC), frequencies(motif.counts_WC)
    for place, (bits, shares) in enumerate(zip(bits_W, shares_WC, strict=True)):
        below = 0.0
        for share, letter in sorted(zip(shares.tolist(), LETTERS, strict=True)):
            height = share * bits
            if height > 0.005:  # bits; what is lower than a line is not seen
                _letter(axes, letter, place + 0.5, below, height)
            below += height
    axes.set(xlim=(0.4, len(bits_W) + 0.6), ylim=(0, 2), xticks=[], yticks=[0, 1, 2])
    axes.tick_params(labelsize=5, length=2, pad=1)
    axes.set_title(f"{motif.name}: {motif.sites:,} windows", fontsize=6, pad=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _letter(axes: Any, letter: str, left: float, below: float, height: float) -> None:
    """Fills a box that is nearly one position wide."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    glyph = TextPath((0, 0), letter, size=10, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = glyph.get_extents()
    to_box = Affine2D().translate(-box.x0, -box.y0).scale(0.92 / box.width, height / box.height)
    path = to_box.translate(left + 0.04, below).transform_path(glyph)
    axes.add_patch(PathPatch(path, facecolor=COLOURS[letter], linewidth=0))
