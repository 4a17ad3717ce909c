"""Character language model on the Python language reference: a GRU, truncated BPTT.

python launch.py
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "quickstart"

    config.dataset_name = "python_docs"

    config.model_name = "recurrent_language_model"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (256,),  # units per layer
            "embedding_features": 64,  # size of a character's vector
            "dropout": 0.0,
        }
    )
    config.objectives = ConfigDict({"next_character": {"name": "language_modelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 4e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50
    config.optimizer.clip_norm = 1.0

    config.training.num_steps = 1000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 8
    config.training.k1 = 96  # characters between two updates
    config.training.k2 = 96  # characters that a gradient goes back

    config.baselines = ("ngram", "xz")
    return config
