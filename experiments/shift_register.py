"""A shift register of five bits: a simple network shifts a pattern twice.

python launch.py --config=experiments/shift_register.py

not yet measured over 3 seeds minutes
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "shift_register"

    config.dataset_name = "shift_register"
    config.dataset = ConfigDict({"units": 5, "shifts": 2})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "rnn",
            "features": (16,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"pattern": {"name": "multilabel"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 500
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 250
    return config
