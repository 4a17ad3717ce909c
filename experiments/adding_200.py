"""Adding problem over 200 steps: an LSTM remembers two numbers out of two hundred.

python launch.py --config=experiments/adding_200.py

XX minutes on 2 CPU cores. not yet measured over 3 seeds
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "adding_200"

    config.dataset_name = "adding"
    config.dataset = ConfigDict({"length": 200})  # drawn anew for every batch

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (64,),  # units per layer
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict({"sum": {"name": "regression"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1000
    return config
