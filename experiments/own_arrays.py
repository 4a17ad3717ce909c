"""Arrays of your own from NumPy: which class each row belongs to.

python launch.py --config=experiments/own_arrays.py --config.dataset.files=a.npz

Files with the arrays inputs [N, T, C] and labels [N], and lengths [N] and groups [N] if there are any. Labels for every
step ask for the model recurrent_tagger and the objective labelling, floats for the objective regression; images [N, H,
W, C] for the model conv_net_2d. --mode=inspect with the same flags shows what is in them. How many minutes it takes and
what score to expect depends on them: scikit-learn's digits, 1,797 sequences of 8 rows of pixels, take 0.4 minutes on 2
CPU cores, with a test accuracy of 96.7 % for each of 3 seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_arrays"

    config.dataset_name = "arrays"
    config.dataset = ConfigDict(
        {
            "files": "",  # with commas between them, or patterns
            "validation_files": "",  # without them, "validation" is a share of the training rows
            "test_files": "",  # without them, "test" is a share of all
            "validation": 0.1,
            "test": 0.1,
            "folds": 0,
            "fold": 0,
        }
    )

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {"cell": "gru", "features": (64,), "bidirectional": True, "representation": "mean", "dropout": 0.3}
    )
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50
    config.optimizer.weight_decay = 0.01

    config.training.num_steps = 2000
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 16
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    return config
