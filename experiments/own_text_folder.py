"""Text files of your own: which class each belongs to.

python launch.py --config=experiments/own_text_folder.py --config.dataset.folder=mails

A folder with a folder of text files per class, or those in folders train, validation and test. --mode=inspect with the
same flags shows what is in them. How many minutes it takes and what score to expect depends on them.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_text_folder"

    config.dataset_name = "text_folder"
    config.dataset = ConfigDict({"folder": ""})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {"cell": "gru", "features": (64,), "bidirectional": True, "representation": "max", "dropout": 0.3}
    )
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.learning_rate = 3e-3
    config.training.num_steps = 3000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 32
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    return config
