"""What the input side costs: its share of training, and what batches of about one length save on reviews.

python benchmarks/input_side.py --out=FILE.md        needs rt_polarity, ptb, mnist, uci_hapt and imdb prepared
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import launch  # noqa: E402 (the path comes first)

if __name__ == "__main__":
    launch.set_up_process()

import jax  # noqa: E402 (the settings come first)
import numpy as np  # noqa: E402
from absl import flags  # noqa: E402

from sequence_lab import experiment, experiment_files  # noqa: E402
from sequence_lab.analysis import tables  # noqa: E402
from sequence_lab.composition import Experiment, compose  # noqa: E402
from sequence_lab.training.parallel import REPLICATED, SHARDED  # noqa: E402

EXPERIMENTS = ("hapt_cnn", "rt_polarity_cnn", "ptb_lstm", "mnist_conv2d")
STEPS = 200
MOST_WORDS = (600, 0)  # of a review, as the experiment has it; 0: all
ROUNDS = 3


def share(name: str) -> list[str]:
    """Of an experiment's first steps at its own batch size: what the recorder says of the input side."""
    config, _ = experiment_files.load(str(ROOT / "experiments" / f"{name}.py"))
    config.training.num_steps = STEPS
    config.training.evaluate_every = config.training.checkpoint_every = STEPS
    config.baselines = ()
    with tempfile.TemporaryDirectory() as folder:
        found = experiment.run(config, folder, say=lambda line: None)
    return [
        name,
        str(config.training.batch_size),
        f"{1000 / found['steps_per_second']:.1f}",
        f"{found['input_share']:.1%}",
    ]


def bucketing(most: int) -> list[str]:
    """An epoch of reviews in batches of 8 widths, and as it would be if all were padded to the longest."""
    config, _ = experiment_files.load(str(ROOT / "experiments" / "imdb_lstm.py"))
    config.dataset.max_length = most
    parts = compose(config)
    split: Any = parts.dataset.splits["train"]
    size = parts.trainer.training.batch_size
    seconds = {width: step_seconds(parts, batch) for width, batch in zip(split.widths, split.shapes(size), strict=True)}
    planned = split.epoch_widths(size)
    bucketed, longest = sum(seconds[width] for width in planned), len(planned) * seconds[split.widths[-1]]
    padded = 1 - split.lengths.sum() / (len(split) * split.widths[-1])
    return [
        str(most or "all"), f"{split.waste(size):.1%}", f"{padded:.1%}", f"{bucketed:.0f}", f"{longest:.0f}",
        f"{longest / bucketed:.1f}",
    ]  # fmt: skip


def step_seconds(parts: Experiment, batch: Any) -> float:
    """The median time of a training step on a batch of one shape."""
    trainer = parts.trainer
    state = trainer.parallel.put(parts.initial_state(), REPLICATED)
    carry = trainer.parallel.put(trainer.initial_carry(trainer.training.batch_size), SHARDED)
    trainer.train_programs.compile(state, carry, batches=[batch])
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        state, carry, measures = trainer.train_programs(state, carry, trainer.parallel.feed(batch))
        jax.block_until_ready(measures)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def main(argv: list[str]) -> None:
    values = flags.FlagValues()
    flags.DEFINE_string("out", None, "a file for the tables", flag_values=values)
    values(argv)
    shares = tables.markdown(
        ["experiment", "batch size", "ms a step", "input side"], [share(name) for name in EXPERIMENTS]
    )
    header = ["words at most", "padding", "to the longest", "s an epoch", "to the longest", "ratio"]
    buckets = tables.markdown(header, [bucketing(most) for most in MOST_WORDS])
    text = (
        f"Processor time of making batches and placing them, as a share of the first {STEPS} steps:\n\n{shares}\n\n"
        "IMDB's training reviews in batches of 64, padded to 8 widths, and to the longest (`imdb_lstm`, an epoch\n"
        f"from the median of {ROUNDS} steps at each width):\n\n{buckets}\n\n"
        f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, JAX {jax.__version__}.\n"
    )
    print(text)
    if values.out:
        Path(values.out).write_text(text)


if __name__ == "__main__":
    main(sys.argv)
