"""Parity of 2 to 20 bits, one a step; success against the length.

python launch.py --config=experiments/parity.py

0.1 to 0.5 minutes on 2 CPU cores. Guessing is right in 1/2. To expect over 3 seeds: all of 1,000 test strings right
(100.0 %) under each. With --mode=sweep: three kinds of cells, and strings of up to 10, 20, 50 and 100 bits. GRU and
LSTM have 100.0 % at each; tanh units 100.0, 99.83, 89.7 ± 44 and 57.8 ± 32 % (± is a 95 % interval): of up to 50 bits
two seeds of three have all right.

Bengio et al. (1994) have parity as the task on which gradient descent does worst; Rumelhart et al. (1986) as a layered
network's. Of networks guessed at random, as in experiments/latch.py, the 47,880th, the 249,746th and the 296,195th are
right on all test strings of up to 20, 50 and 100 bits under three seeds; of up to 10 bits the 95,403rd under the third.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "parity"
    config.published = ConfigDict(
        {
            "accuracy": (None, "Bengio et al. 1994, as curves"),
            "guesses": (None, "Hochreiter and Schmidhuber 1996, weights guessed at random"),
        }
    )

    config.dataset_name = "parity"
    config.dataset = ConfigDict({"length": 20, "shortest": 2})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (32,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"parity": {"name": "classification"}})
    config.guesses = 1_000_000

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1500
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell": ("rnn", "gru", "lstm"), "dataset.length": (10, 20, 50, 100)}, "seeds": 3}
