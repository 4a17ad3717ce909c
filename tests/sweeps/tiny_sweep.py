"""A sweep of seconds, as a script: ``python tiny_sweep.py WORKDIR NUM_STEPS WORKERS [DATASET]``. Tests run it."""

import os
import signal
import sys
from pathlib import Path

from sequence_lab.data import DATASETS, Dataset
from sequence_lab.experiment import default_config
from sequence_lab.sweeps import sweep
from sequence_lab.training.interrupts import Interrupted


def tiny_config(num_steps: int):
    config = default_config()
    config.name = "tiny"
    config.dataset_name = "adding"
    config.dataset = {"length": 4, "num_train": 64, "num_test": 16}
    config.model_name = "recurrent_classifier"
    config.model = {"cell": "rnn", "features": (4,)}
    config.objectives = {"sum": {"name": "regression"}}
    config.training.num_steps = num_steps
    config.training.log_every = config.training.checkpoint_every = config.training.evaluate_every = 100
    return config


def deadly(mark: str, length: int = 4, num_train: int = 64, num_test: int = 16) -> Dataset:
    """The adding problem, which kills its process as often as ``mark`` has letters left."""
    left = Path(mark).read_text()
    if left:
        Path(mark).write_text(left[1:])
        os.kill(os.getpid(), signal.SIGKILL)
    return DATASETS["adding"](length, num_train, num_test)


if __name__ == "__main__":
    workdir, num_steps, workers, *mark = sys.argv[1:]
    config = tiny_config(int(num_steps))
    if mark:
        config.dataset_name, config.dataset.mark = "deadly", mark[0]
    axes = ["optimizer.learning_rate=0.003,0.01"]
    try:
        sweep(config, workdir, axes, seeds=2, workers=int(workers), datasets={"deadly": deadly})
    except Interrupted as stopped:
        print(stopped, flush=True)
        sys.exit(130)
