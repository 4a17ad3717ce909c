"""Temporal order over 100 steps: an LSTM tells which of two symbols came first, and which later.

python launch.py --config=experiments/temporal_order.py

not yet measured over 3 seeds Pascanu et al. (2013), 50 tanh units, plain SGD with clipping and their regulariser:
solved, that is fewer than 1 % errors, at up to 200 steps, in at most 5 million updates of 20. minutes
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "temporal_order"

    config.dataset_name = "temporal_order"
    config.dataset = ConfigDict({"length": 100, "num_test": 2_000})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict({"order": {"name": "classification"}})

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
