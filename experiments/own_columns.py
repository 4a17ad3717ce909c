"""Sentences of your own: a class for each token, such as names of persons and places.

python launch.py --config=experiments/own_columns.py --config.dataset.files=train.conll

Files with a token a line, its class in the last column, and a blank line between sentences. --mode=inspect with the
same flags shows what is in them. With --config.model.output=crf --config.objectives.tag.name=crf the classes of a
sentence are decided together, by a chain (a linear-chain conditional random field). How many minutes it takes and what
score to expect depends on them.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_columns"

    config.dataset_name = "columns"
    config.dataset = ConfigDict({"files": ""})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict({"cell": "lstm", "features": (64,), "bidirectional": True, "dropout": 0.3})
    config.objectives = ConfigDict({"tag": {"name": "labelling"}})

    config.optimizer.learning_rate = 3e-3
    config.training.num_steps = 3000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 32
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    return config
