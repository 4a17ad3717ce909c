"""Digits as images: two blocks of convolution, ReLU and max-pooling.

python launch.py --config=experiments/digits_conv2d.py
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "digits_conv2d"

    config.dataset_name = "digits"
    config.dataset = ConfigDict({"view": "image"})  # 8x8 pixels, one channel

    config.model_name = "conv_net_2d"
    config.model = ConfigDict(
        {
            "features": (32, 64),  # channels of each block
            "kernel_size": 3,
            "hidden_features": 128,
            "dropout": 0.4,
        }
    )
    config.objectives = ConfigDict({"digit": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 2e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50

    config.training.num_steps = 1000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 184
    config.training.evaluate_every = 100
    return config
