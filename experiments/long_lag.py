"""A lag of 100 random symbols out of 100: the last symbol is the one before them.

python launch.py --config=experiments/long_lag.py

not yet measured over 3 seeds minutes
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "long_lag"

    config.dataset_name = "random_lag"
    config.dataset = ConfigDict({"lag": 100, "distractors": 100})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "embedding_features": 32,  # size of a symbol's vector
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"last": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 1500
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 750
    return config
