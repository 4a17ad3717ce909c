"""CIFAR-10 in full: ResNet-20 by the recipe of its paper, but for its inputs, its decay and the state that is tested.

python launch.py --config=experiments/cifar10_resnet20.py

Some 900 minutes on 2 CPU cores; made for a GPU. To expect over 3 seeds: not yet measured. He et al. 2016, section 4.2:
45,000 images to learn from, 5,000 to choose by, crops and mirror images, 64,000 updates at a rate of 0.1, from 32,000
on of 0.01, from 48,000 on of 0.001. What differs: pixels are from 0 to 1, where the paper takes the training images'
mean off each, so that crops hang over into black, not into grey; the decay of 0.0001 spares biases and the scales of
normalisation; and the state that is tested is the best on the 5,000, not the last.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "cifar10_resnet20"
    config.published = ConfigDict({"accuracy": (0.9125, "He et al. 2016, ResNet-20, 45,000 training images")})

    config.dataset_name = "cifar10"
    config.dataset = ConfigDict({"view": "image", "validation": 5000})

    config.model_name = "resnet"
    config.model = ConfigDict({"depth": 20, "plain": False, "pre_activation": False, "width": 1.0})
    config.augmentation = ConfigDict({"crop_and_flip": {"padding": 4}})
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "momentum"
    config.optimizer.learning_rate = 0.1
    config.optimizer.momentum = 0.9
    config.optimizer.schedule = "step_decay"
    config.optimizer.decay_from = 16_000  # to decay after 32,000 and after 48,000
    config.optimizer.decay_every = 16_000
    config.optimizer.decay_factor = 0.1
    config.optimizer.weight_decay = 1e-4
    config.optimizer.clip_norm = 0.0

    config.training.num_steps = 64_000
    config.training.batch_size = 128
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 1000
    config.training.checkpoint_every = 1000
    config.training.log_every = 100
    return config
