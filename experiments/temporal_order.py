"""Temporal order over 100 steps: an LSTM tells which of two symbols came first, and which later.

python launch.py --config=experiments/temporal_order.py

0.4 minutes on 2 CPU cores. To expect over 3 seeds: a test accuracy of 100.0 %, all of 2,000 sequences, under each;
fewer than 1 % wrong, where the task counts as solved, after 1,000 steps (64,000 sequences). Guessing is right in 1/4.

Pascanu et al. (2013), the same task, 50 tanh units, plain SGD with clipping and their regulariser, 20 sequences a
step, at most 5 million steps: solved up to T = 200. That of 1997, of eight symbols and 100 to 110 steps, is
experiments/temporal_order_two.py.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "temporal_order"
    config.published = ConfigDict(
        {
            "accuracy": (None, "Pascanu et al. 2013, plain SGD, clipped and regularised: above 0.99 up to T = 200"),
        }
    )

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
