"""Texts of your own: which class each belongs to.

python launch.py --config=experiments/own_text_table.py --config.dataset.files=reviews.tsv

A table with columns "text" and "label" (dataset.text, dataset.label), .csv, .tsv or .jsonl. --mode=inspect with the
same flags shows what is in them. How many minutes it takes and what score to expect depends on them.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_text_table"

    config.dataset_name = "text_table"
    config.dataset = ConfigDict({"files": ""})

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
