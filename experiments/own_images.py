"""Images of your own: which class each belongs to.

python launch.py --config=experiments/own_images.py --config.dataset.folder=pictures

A folder with a folder of images per class, or those in folders train, validation and test. --mode=inspect with the same
flags shows what is in them. How many minutes it takes and what score to expect depends on them: scikit-learn's digits,
1,797 grey images of 8x8 pixels (dataset.height, width and channels) take 0.4 minutes on 2 CPU cores, with a test
accuracy of 98.9 % for each of 3 seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_images"

    config.dataset_name = "image_folder"
    config.dataset = ConfigDict(
        {
            "folder": "",
            "height": 32,  # images of another size are resized
            "width": 32,
            "channels": 3,  # 1: grey
            "validation": 0.1,  # shares, for splits that have no folder
            "test": 0.1,
            "folds": 0,
            "fold": 0,
        }
    )

    config.model_name = "conv_net_2d"
    config.model = ConfigDict({"features": (32, 64, 64), "kernel_size": 3, "hidden_features": 128, "dropout": 0.5})
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
