"""The two-sequence problem: which of two fixed sequences of 15 numbers came first, before noise up to step 50?

python launch.py --config=experiments/two_sequence.py

0.1 minutes on 2 CPU cores. To expect over 3 seeds not yet measured; under one seed all of 1,000 test sequences right
from step 200 on (6,400 sequences). Guessing is right in 1/2. With --mode=sweep: success of three kinds of cells against
lags of 30 to 200 steps.

Bengio et al. (1994): success of gradient descent falls with the lag, as in experiments/latch.py.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "two_sequence"

    config.dataset_name = "two_sequence"
    config.dataset = ConfigDict({"length": 50, "relevant": 15})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (16,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"sequence": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 600
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 300
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell": ("rnn", "gru", "lstm"), "dataset.length": (30, 50, 100, 200)}, "seeds": 3}
