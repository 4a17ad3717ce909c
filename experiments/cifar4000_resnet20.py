"""Photographs of ten kinds of things, 2,800 to learn from: ResNet-20, half as wide.

python launch.py --config=experiments/cifar4000_resnet20.py

8 minutes on 2 CPU cores that were busy besides. To expect over 3 seeds: a test accuracy of 64.5 ± 2.2 % (± is a 95 %
interval). With --mode=sweep: the three seeds. With normalisation and ReLU before each convolution (He et al. 2016b;
--sweep=model.pre_activation=True) 65.8 ± 4.1 %, in 4 minutes on a core that was less busy: three seeds do not tell the
two apart. With 50,000 images and at full width it is cifar10_resnet20.py.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "cifar4000_resnet20"

    config.dataset_name = "cifar10_first4000"
    config.dataset = ConfigDict({"view": "image", "validation": 400, "test": 800})

    config.model_name = "resnet"
    config.model = ConfigDict({"depth": 20, "pre_activation": False, "width": 0.5})  # 8, 16 and 32 filters
    config.augmentation = ConfigDict({"crop_and_flip": {"padding": 4}})
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "momentum"
    config.optimizer.learning_rate = 0.1
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 200
    config.optimizer.weight_decay = 5e-4
    config.optimizer.clip_norm = 0.0

    config.training.num_steps = 44 * 40  # of 2,800 training images
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 176
    config.training.checkpoint_every = 440
    config.training.log_every = 44
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {}, "seeds": 3}
