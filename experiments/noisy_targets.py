"""Noisy targets: the class stands in the first 3 of 100 noisy steps, and what is learnt from is noisy, too.

python launch.py --config=experiments/noisy_targets.py

0.5 minutes on 2 CPU cores. To expect over 3 seeds not yet measured; under one seed the means of the targets are
met with a mean squared error of 0.0004, 99.9 % of 1,000 to 0.04. Always to answer with 1/2 has 0.09.

Hochreiter and Schmidhuber (1997), experiment 3c, T = 100, N = 3, one sequence a step: 269,650 sequences until the mean
error is below 0.015. Here 128,000 are seen in all.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "noisy_targets"

    config.dataset_name = "noisy_targets"
    config.dataset = ConfigDict({"length": 100, "relevant": 3})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (16,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"target": {"name": "regression"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 2000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 200
    config.training.checkpoint_every = 1000
    return config
