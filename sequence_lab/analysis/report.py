"""The tables that end a run."""

from collections.abc import Mapping, Sequence

from sequence_lab.analysis import tables


def metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """One row per split, one column per measure."""
    names = list(next(iter(metrics.values())))
    rows = [[split, *(f"{values[name]:.4f}" for name in names)] for split, values in metrics.items()]
    return tables.markdown(["split", *names], rows)


def intervals_table(test: Mapping[str, float], intervals: Mapping[str, Sequence[float]]) -> str:
    """The scores of the test split, with their intervals over other samples of as many rows, or symbols of a text."""
    rows = [
        [name, f"{score:.4f}", "{:.4f} to {:.4f}".format(*intervals[name]) if name in intervals else "-"]
        for name, score in test.items()
    ]
    return tables.markdown(["test", "score", "95 % interval"], rows)


def baselines_table(bits_per_symbol: float, baselines: Mapping[str, float]) -> str:
    """Bits per symbol on the test text, best first, and how far above this run's each stands."""
    ranked = sorted({"this run": bits_per_symbol, **baselines}.items(), key=lambda row: row[1])
    rows = [[name, f"{bits:.3f}", f"{bits / bits_per_symbol - 1:+.1%}"] for name, bits in ranked]
    return tables.markdown(["test text", "bits per symbol", "against this run"], rows)


def guesses(drawn: int, right: bool) -> str:
    """What guessing weights came to."""
    last = f"network {drawn} was the first" if right else f"none of {drawn} networks was"
    return f"of weights drawn at random, {last} right on every row of the test split"
