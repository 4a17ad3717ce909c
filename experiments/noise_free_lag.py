"""A lag of 100 without noise: symbols always in the same order, and last the first one again, x or y.

python launch.py --config=experiments/noise_free_lag.py

0.2 minutes on one of 2 CPU cores. To expect over 3 seeds: all of 100 test sequences right at each step
(sequence_accuracy, 100.0 %) under each of them; only two of the 100 differ, those of x and of y. With --mode=sweep also
by an LSTM of as many units, right in 54.0 % under each: as often as by knowing the order and not the first symbol. The
last symbol is 1 % of the loss; a linear recurrence (LRU) can keep the first.

Hochreiter and Schmidhuber (1997), experiment 2a, an LSTM: 18 of 18 trials, 5,040 sequences.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "noise_free_lag"
    config.published = ConfigDict(
        {"sequence_accuracy": (1.0, "Hochreiter and Schmidhuber 1997, 2a, 18 of 18 trials, an LSTM")}
    )

    config.dataset_name = "noise_free_lag"
    config.dataset = ConfigDict({"lag": 100})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "embedding_features": 32,  # size of a symbol's vector
            "cell": "lru",  # or "lstm"
            "features": (32,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"next": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 2000
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 1000
    return config


def get_sweep() -> dict[str, Any]:
    figures = {"sequence_accuracy": (1.0, "Hochreiter and Schmidhuber 1997, 2a, 18 of 18 trials")}
    return {
        "axes": {"model.cell": ("lru", "lstm")},
        "seeds": 3,
        "published": (({"model.cell": "lstm"}, figures),),
    }
