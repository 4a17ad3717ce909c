"""A text of your own: which character comes next; and what the model writes.

python launch.py --config=experiments/own_text_file.py --config.dataset.files=book.txt

A text file, several, or a folder of them. --mode=inspect with the same flags shows what is in them. How many minutes
it takes and what score to expect depends on them.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_text_file"

    config.dataset_name = "text_file"
    config.dataset = ConfigDict({"files": ""})

    config.model_name = "recurrent_language_model"
    config.model = ConfigDict({"cell": "lstm", "features": (256,), "dropout": 0.2})
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})

    config.optimizer.learning_rate = 3e-3
    config.training.num_steps = 3000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 32
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    config.training.k1 = 50
    config.training.k2 = 50
    return config
