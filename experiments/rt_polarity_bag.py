"""Movie reviews as bags of words: what a sentence says without its order.

python launch.py --config=experiments/rt_polarity_bag.py

0.6 minutes a fold on 2 CPU cores. With --mode=sweep: the ten folds of rt_polarity_cnn, to expect a test accuracy of
76.9 ± 1.2 % (± is a 95 % interval over the folds, one seed each; over 3 seeds not measured). The convolution of
rt_polarity_cnn has 76.7 ± 1.0 %: from 8,600 sentences it learns nothing of their words' neighbourhood that pays.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "rt_polarity_bag"
    config.replicates = ("dataset.fold",)

    config.dataset_name = "rt_polarity"
    config.dataset = ConfigDict({"tokens": "blanks", "fold": 0})

    config.model_name = "bag_of_words"
    config.model = ConfigDict({"embedding_features": 300, "representation": "mean", "dropout": 0.5})
    config.objectives = ConfigDict({"sentiment": {"name": "classification"}})

    config.optimizer.learning_rate = 1e-3

    config.training.num_steps = 173 * 20  # of 8,636 training sentences
    config.training.batch_size = 50
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 173
    config.training.checkpoint_every = 1730
    config.training.early_stopping_patience = 4
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.fold": tuple(range(10))}}
