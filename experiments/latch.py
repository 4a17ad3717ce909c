"""The latch: success against the lag, of simple and of gated networks.

python launch.py --config=experiments/latch.py

0.1 minutes on 2 CPU cores. Guessing is right in 1/2. To expect over 3 seeds with --mode=sweep, % of 1,000 test
sequences right at lags of 20, 50, 100 and 200 steps: tanh units 100.0, 83.5, 67.8 and 54.6; GRU 100.0, 82.8, 50.1 and
49.8; LSTM 100.0, 66.3, 49.2 and 50.0. In between are means of seeds that learn it and seeds that do not.

Bengio et al. (1994): success of gradient descent falls with the lag. Hochreiter and Schmidhuber (1997): weights guessed
at random succeed sooner. Each run records how many networks of three tanh units were drawn until one was right on all
test sequences (config.guesses): 68, 131 and 48 under three seeds.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "latch"
    config.published = ConfigDict(
        {
            "accuracy": (None, "Bengio et al. 1994, as curves"),
            "guesses": (None, "Hochreiter and Schmidhuber 1996, weights guessed at random"),
        }
    )

    config.dataset_name = "latch"
    config.dataset = ConfigDict({"length": 50})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (16,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"latch": {"name": "classification"}})
    config.guesses = 1_000_000

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
    return {"axes": {"model.cell": ("rnn", "gru", "lstm"), "dataset.length": (20, 50, 100, 200)}, "seeds": 3}
