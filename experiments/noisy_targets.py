"""Noisy targets: the class stands in the first 3 of 100 noisy steps, and what is learnt from is noisy, too.

python launch.py --config=experiments/noisy_targets.py

0.2 minutes on 2 CPU cores. To expect over 3 seeds: the means of the targets are met with a mean absolute error of
0.0056 ± 0.0027 (± is a 95 % interval). Always to answer with 1/2 has 0.3.

Hochreiter and Schmidhuber (1997), experiment 3c, T = 100, N = 3, one sequence a step: 269,650 sequences until the mean
absolute error is below 0.015. Here 128,000 are seen in all.
"""

from ml_collections import ConfigDict

from experiments import noise_and_signal


def get_config() -> ConfigDict:
    config = noise_and_signal.get_config()
    config.name = config.dataset_name = "noisy_targets"
    config.published = ConfigDict(
        {
            "absolute_error": (None, "Hochreiter and Schmidhuber 1997, below 0.015 after 269,650 sequences"),
        }
    )
    config.objectives = ConfigDict({"target": {"name": "regression"}})
    config.training.num_steps = 2000
    config.training.batch_size = 64
    config.training.evaluate_every = 200
    config.training.checkpoint_every = 1000
    return config
