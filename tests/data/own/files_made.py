"""A user's files, as tests make them, and the fields of ``config.dataset`` that name them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

TS_HEADER = """# made by a test
@problemName made
@timeStamps false
@missing {missing}
@univariate {univariate}
@dimensions {dimensions}
@equalLength false
@classLabel true walk run
@data
"""


def ts(*rows: str, missing: str = "true", dimensions: int = 1) -> bytes:
    """A .ts file of these rows."""
    univariate = str(dimensions == 1).lower()
    return (TS_HEADER.format(missing=missing, univariate=univariate, dimensions=dimensions) + "\n".join(rows)).encode()


def write(folder: Path, name: str, content: bytes | str | Iterable[str]) -> str:
    """The name of a file of that content: bytes, text or lines."""
    if not isinstance(content, bytes):
        text = content if isinstance(content, str) else "".join(f"{line}\n" for line in content)
        content = text.encode()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def sound(path: Path, samples: np.ndarray, rate: int = 8000, subtype: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype)


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _time_series(folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    rows = []
    for number in range(160):
        length = 10 + number % 7
        channels = ":".join(",".join(f"{x:.3f}" for x in random.normal(size=length)) for _ in range(2))
        rows.append(f"{channels}:{('walk', 'run')[number % 2]}")
    files = {"files": "made_TRAIN.ts", "test_files": "made_TEST.ts"}
    return {field: write(folder, name, ts(*rows, dimensions=2)) for field, name in files.items()}


def _arrays(folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    labels = np.arange(160) % 2
    np.savez(folder / "made.npz", inputs=random.normal(size=(160, 12, 3)), labels=labels, lengths=5 + labels)
    return {"files": str(folder / "made.npz")}


def _audio(folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    for number in range(160):
        kind = ("clap", "knock")[number % 2]
        sound(folder / "sounds" / kind / f"{number}.wav", random.normal(size=1000 + 40 * (number % 3)) / 9)
    return {"folder": str(folder / "sounds"), "rate": 8000}


def _images(folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    for number in range(160):
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        picture(folder / "images" / ("cat", "dog")[number % 2] / f"{number}.png", pixels)
    return {"folder": str(folder / "images")}


def _columns(folder: Path) -> dict[str, Any]:
    return {"files": write(folder, "made.conll", "Ada B-PER\nsings O\n\nno O\none B-PER\n\n" * 40)}


def _fasta(folder: Path) -> dict[str, Any]:
    records = (f">{number}/{number % 2}\n{'ACGT' * (number % 5 + 1)}" for number in range(80))
    return {"files": write(folder, "made.fa", records), "label_pattern": r"/(\d)"}


def _text_file(folder: Path) -> dict[str, Any]:
    return {"files": write(folder, "made.txt", "the quick brown fox jumps over the lazy dog. " * 800)}


def _text_folder(folder: Path) -> dict[str, Any]:
    for number in range(80):
        kind = ("ham", "spam")[number % 2]
        write(folder, f"mails/{kind}/{number}.txt", f"{kind} mail {number}")
    return {"folder": str(folder / "mails")}


def _text_pairs(folder: Path) -> dict[str, Any]:
    return {"files": write(folder, "made.tsv", (f"one two three four\t{'eins ' * (n % 4)}" for n in range(80)))}


def _text_table(folder: Path) -> dict[str, Any]:
    return {"files": write(folder, "made.csv", ["text,label", *["good one,1", "bad one here,0"] * 40])}


# By the name of an experiment on a user's files: makes some in a folder and says which fields name them.
OWN: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "own_arrays": _arrays,
    "own_audio": _audio,
    "own_columns": _columns,
    "own_fasta": _fasta,
    "own_images": _images,
    "own_text_file": _text_file,
    "own_text_folder": _text_folder,
    "own_text_pairs": _text_pairs,
    "own_text_table": _text_table,
    "own_time_series": _time_series,
}
