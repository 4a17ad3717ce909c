"""Bach's chorales by convolution over the steps so far: a temporal convolutional network (Bai et al. 2018).

python launch.py --config=experiments/jsb_tcn.py

3 minutes on one of 2 CPU cores. To expect over 3 seeds: a test loss of 8.18 ± 0.04 nats a step (± is a 95 % interval).

Sizes, dropout and clipping are those of the published 8.10; weight normalisation is left out, and the rate falls on a
plateau.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "jsb_tcn"
    config.published = ConfigDict({"loss": (8.10, "Bai et al. 2018, TCN")})

    config.dataset_name = "jsb_chorales"
    config.dataset = ConfigDict({})

    config.model_name = "temporal_conv_tagger"
    config.model = ConfigDict({"features": (150, 150), "kernel_size": 3, "dropout": 0.5})
    config.objectives = ConfigDict({"keys": {"name": "multilabel"}})

    config.optimizer.learning_rate = 1e-3
    config.optimizer.clip_norm = 0.4
    config.optimizer.schedule = "plateau"
    config.optimizer.plateau_patience = 4

    config.training.num_steps = 15 * 200  # of 229 training pieces
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 38
    config.training.evaluate_every = 75
    config.training.checkpoint_every = 600
    config.training.early_stopping_patience = 12
    config.training.num_shapes = 6

    config.generation.length = 64  # frames after those of a test piece
    config.generation.temperature = 1.0
    return config
