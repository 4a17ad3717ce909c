"""Noise and signal on one channel, and noise on the targets: to be learnt are their means.

python launch.py --config=experiments/noisy_targets.py

not yet measured over 3 seeds minutes
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
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict({"mean": {"name": "regression"}})

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
