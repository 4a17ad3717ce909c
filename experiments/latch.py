"""The latch: success against the lag, of gated networks; of tanh units in experiments/latch_tanh.py.

python launch.py --config=experiments/latch.py

0.1 to 0.3 minutes on 2 CPU cores. Guessing is right in 1/2. With --mode=sweep: GRU and LSTM at lags of 20, 50, 100 and
200 steps, with gates that begin with memories that long (Tallec and Ollivier 2018). To expect over 3 seeds: all of
1,000 test sequences right (100.0 %) under each, at every lag.

What the gates begin with decides: with chrono_steps away they are half open, and forget half in every step, and at lags
of 100 and 200 steps both cells are at chance after 600 steps.

Bengio et al. (1994): success of gradient descent falls with the lag. Hochreiter and Schmidhuber (1996): weights guessed
at random succeed sooner. Each run records how many networks of three tanh units were drawn until one was right on all
test sequences (config.guesses): 68, 131 and 48 under three seeds, the same ones at every lag.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "latch"
    config.published = ConfigDict(
        {
            "accuracy": (None, "Bengio et al. 1994, tanh units, as curves"),
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
            "cell_options": {"chrono_steps": 200},  # gates begin with memories of up to so many steps, the longest lag
        }
    )
    config.objectives = ConfigDict({"latch": {"name": "classification"}})
    config.guesses = 1_000_000

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 5000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 2500
    config.training.early_stopping_patience = 10  # also of those that have everything right
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell": ("gru", "lstm"), "dataset.length": (20, 50, 100, 200)}, "seeds": 3}
