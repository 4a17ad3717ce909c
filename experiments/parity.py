"""Parity of 2 to 20 bits, one a step.

python launch.py --config=experiments/parity.py

not yet measured over 3 seeds minutes
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "parity"

    config.dataset_name = "parity"
    config.dataset = ConfigDict({"length": 20, "shortest": 2})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (32,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"parity": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1500
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell": ("rnn", "gru", "lstm")}, "seeds": 3}
