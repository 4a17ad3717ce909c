"""Movie reviews of the Stanford treebank, good or bad, trained on phrases: Kim's network (2014, CNN-rand).

python launch.py --config=experiments/sst2_cnn.py

5.5 minutes on one CPU core that had other work, too. To expect over 3 seeds: a test accuracy of 82.1 ± 2.2 % (± is a 95
% interval): 81.8, 81.4 and 83.1 %.

Size, dropout, max-norm and Adadelta are Kim's, who has 82.7 %: within the spread of the seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "sst2_cnn"
    config.published = ConfigDict({"accuracy": (0.827, "Kim 2014, CNN-rand")})

    config.dataset_name = "sst2"
    config.dataset = ConfigDict({"phrases": True})

    config.model_name = "sentence_cnn"
    config.model = ConfigDict({"embedding_features": 300, "widths": (3, 4, 5), "features": 100, "dropout": 0.5})
    config.objectives = ConfigDict({"sentiment": {"name": "classification"}})

    config.optimizer.name = "adadelta"
    config.optimizer.learning_rate = 1.0
    config.optimizer.momentum = 0.95
    config.optimizer.eps = 1e-6
    config.optimizer.max_norm = 3.0
    config.optimizer.clip_norm = 0.0

    config.training.num_steps = 1347 * 5  # of 67,349 phrases
    config.training.batch_size = 50
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 450
    config.training.checkpoint_every = 1350
    config.training.early_stopping_patience = 6
    return config
