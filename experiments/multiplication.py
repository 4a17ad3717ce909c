"""Multiplication problem over 100 to 110 steps: an LSTM multiplies two marked numbers.

python launch.py --config=experiments/multiplication.py

not yet measured over 3 seeds minutes
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "multiplication"

    config.dataset_name = "multiplication"
    config.dataset = ConfigDict({"length": 100})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"product": {"name": "regression"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 256
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1500
    return config
