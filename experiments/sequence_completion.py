"""Completing sequences: two letters stand for four digits; 20 pairs are shown, 5 are not.

python launch.py --config=experiments/sequence_completion.py

not yet measured over 3 seeds minutes
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "sequence_completion"

    config.dataset_name = "sequence_completion"
    config.dataset = ConfigDict({})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "rnn",
            "features": (30,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"digits": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 500
    config.training.batch_size = 20
    config.training.evaluation_batch_size = 20
    config.training.evaluate_every = 50
    config.training.checkpoint_every = 250
    return config
