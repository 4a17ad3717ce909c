"""What shortcuts are for: 20 and 56 layers with and without them, by the error on the training images.

python launch.py --config=experiments/cifar4000_depth.py

With --mode=sweep --workers=2 all four, in 30 minutes on 2 CPU cores; 6 minutes alone. To expect over 3 seeds: not
yet measured; under one seed, right of the training images in the last epoch, crops and mirror images among them: 51.0 %
with 20 plain layers and 24.4 % with 56, but 62.2 % with 20 and 65.7 % with 56 that have shortcuts. Without shortcuts
the deeper network learns its own training images worse, which is no overfitting; with them it does not (He et al. 2016,
figure 6, where it is plain to see on 50,000 images). Right of 800 test images: 49.4, 24.1, 59.0 and 55.1 %.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "cifar4000_depth"
    config.published = ConfigDict(
        {"train accuracy": (None, "He et al. 2016, figure 6, of 50,000 images"), "accuracy": (None, "")}
    )

    config.dataset_name = "cifar10_first4000"
    config.dataset = ConfigDict({"view": "image", "validation": 400, "test": 800})

    config.model_name = "resnet"
    config.model = ConfigDict({"depth": 20, "plain": False, "width": 0.25})  # 4, 8 and 16 filters
    config.augmentation = ConfigDict({"crop_and_flip": {"padding": 4}})
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "momentum"
    config.optimizer.learning_rate = 0.1
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 200
    config.optimizer.weight_decay = 1e-4
    config.optimizer.clip_norm = 0.0

    config.training.num_steps = 44 * 40  # of 2,800 training images
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 176
    config.training.checkpoint_every = 880
    config.training.log_every = 44
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.depth": (20, 56), "model.plain": (True, False)}, "seeds": 1}
