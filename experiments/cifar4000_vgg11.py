"""Photographs of ten kinds of things, 2,800 to learn from: VGG-11 with batch normalisation, a quarter as wide.

python launch.py --config=experiments/cifar4000_vgg11.py

2.6 minutes on one of 2 CPU cores. To expect over 3 seeds: a test accuracy of 69.0 ± 1.6 % (± is a 95 % interval).
Published figures are of 50,000 images and stand beside no run of these. With --mode=sweep: without batch normalisation,
too, 55.8 ± 3.1 %. Deeper (--sweep=model.configuration=B,D): VGG-13 71.5 and VGG-16 69.2 %, one seed each.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "cifar4000_vgg11"

    config.dataset_name = "cifar10_first4000"
    config.dataset = ConfigDict({"view": "image", "validation": 400, "test": 800})

    config.model_name = "vgg"
    config.model = ConfigDict(
        {
            "configuration": "A",
            "batch_norm": True,
            "width": 0.25,  # 16 to 128 filters
            "hidden_features": (),
            "dropout": 0.3,
        }
    )
    config.augmentation = ConfigDict({"crop_and_flip": {"padding": 4}})
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 4e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 200
    config.optimizer.clip_norm = 5.0
    config.optimizer.weight_decay = 0.05

    config.training.num_steps = 44 * 40  # of 2,800 training images
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 176
    config.training.checkpoint_every = 440
    config.training.log_every = 44
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.batch_norm": (True, False)}, "seeds": 3}
