"""Bach's chorales: which of 88 keys sound next.

python launch.py --config=experiments/jsb_chorales.py

0.5 minutes on 2 CPU cores. To expect over 3 seeds: a test loss of 8.66 ± 0.04 nats a step (± is a 95 % interval). With
--mode=sweep, three kinds of cell of as many units: tanh 8.71 ± 0.07, GRU 8.66 ± 0.04, LSTM 8.55 ± 0.09 (Chung et al.
2014, of as many weights: 9.10, 8.54, 8.67).
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "jsb_chorales"
    config.published = ConfigDict({"loss": (8.54, "Chung et al. 2014, GRU of 46 units")})

    config.dataset_name = "jsb_chorales"
    config.dataset = ConfigDict({})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict({"cell": "gru", "features": (46,)})
    config.objectives = ConfigDict({"keys": {"name": "multilabel"}})

    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "plateau"
    config.optimizer.plateau_patience = 4

    config.training.num_steps = 15 * 160  # of 229 training pieces
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 38
    config.training.evaluate_every = 75
    config.training.checkpoint_every = 600
    config.training.early_stopping_patience = 12
    config.training.num_shapes = 6

    config.generation.length = 64  # frames after those of a test piece
    config.generation.temperature = 1.0
    return config


def get_sweep() -> dict[str, Any]:
    published = (
        ({"model.cell": "rnn"}, {"loss": (9.10, "Chung et al. 2014, 100 tanh units")}),
        ({"model.cell": "lstm"}, {"loss": (8.67, "Chung et al. 2014, LSTM of 36 units")}),
    )
    return {"axes": {"model.cell": ("rnn", "gru", "lstm")}, "seeds": 3, "published": published}
