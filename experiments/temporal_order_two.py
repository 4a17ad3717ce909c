"""Temporal order with two symbols over 100 to 110 steps, as in 1997: four classes.

python launch.py --config=experiments/temporal_order_two.py

0.3 minutes on 2 CPU cores. To expect over 3 seeds: all of 2,560 test sequences right (100.0 %) under each; under seed 0
all of validation is after 400 steps (25,600 sequences). With a forget_bias of 1 in place of chrono_steps it is right in
1/3. Guessing is right in 1/4.

Hochreiter and Schmidhuber (1997), experiment 6a, the same task, an LSTM of 156 weights, one sequence a step: 31,390
sequences, then 1 of 2,560 wrong.
"""

from ml_collections import ConfigDict

from experiments import temporal_order_three


def get_config() -> ConfigDict:
    config = temporal_order_three.get_config()
    config.name = "temporal_order_two"
    config.published = ConfigDict(
        {
            "accuracy": (0.9996, "Hochreiter and Schmidhuber 1997, experiment 6a, 31,390 sequences"),
        }
    )
    config.dataset = ConfigDict({"relevant": 2})
    config.model.cell_options = ConfigDict({"chrono_steps": 100})  # forget gates begin with memories of so many steps
    config.training.num_steps = 2000
    config.training.evaluate_every = 200
    config.training.checkpoint_every = 1000
    return config
