"""Movie reviews, a sentence each: filters of three widths, their maxima over time (Kim 2014, CNN-rand).

python launch.py --config=experiments/rt_polarity_cnn.py

3 minutes a fold on 2 CPU cores that were busy besides. With --mode=sweep: ten folds, as in the paper, to expect a test
accuracy of 76.7 ± 1.0 % (± is a 95 % interval over the folds, one seed each; over 3 seeds not measured).

Kim's sizes, dropout and max-norm, but Adam in the place of Adadelta, and half of the words dropped in training: as
published it overfits after two epochs, and comes to 75 % on validation. The published 76.1 % may be of other folds.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "rt_polarity_cnn"
    config.published = ConfigDict({"accuracy": (0.761, "Kim 2014, CNN-rand, 10 folds")})
    config.replicates = ("dataset.fold",)

    config.dataset_name = "rt_polarity"
    config.dataset = ConfigDict({"tokens": "blanks", "fold": 0})

    config.model_name = "sentence_cnn"
    config.model = ConfigDict({"embedding_features": 300, "widths": (3, 4, 5), "features": 100, "dropout": 0.5})
    config.objectives = ConfigDict({"sentiment": {"name": "classification"}})

    # The paper's Adadelta without loss of words overfits after two epochs, and comes to 75 % on validation.
    config.augmentation = ConfigDict({"word_dropout": {"rate": 0.5}})
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-4
    config.optimizer.max_norm = 3.0

    config.training.num_steps = 173 * 12  # of 8,636 training sentences
    config.training.batch_size = 50
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 173
    config.training.checkpoint_every = 173
    config.training.early_stopping_patience = 4
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.fold": tuple(range(10))}}
