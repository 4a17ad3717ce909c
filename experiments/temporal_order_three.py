"""Temporal order with three symbols over 100 to 110 steps: eight classes.

python launch.py --config=experiments/temporal_order_three.py

0.4 minutes on 2 CPU cores. To expect over 3 seeds: a test accuracy of 100.0 %, all of 2,560 sequences, under each;
under one of them 0.5 % wrong on validation after 500 steps (32,000 sequences). Guessing is right in 1/8.

Hochreiter and Schmidhuber (1997), experiment 6b, the same task, an LSTM of 308 weights, one sequence a step: 571,100
sequences, then 2 of 2,560 wrong.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "temporal_order_three"
    config.published = ConfigDict(
        {
            "accuracy": (0.9992, "Hochreiter and Schmidhuber 1997, experiment 6b, 571,100 sequences"),
        }
    )

    config.dataset_name = "temporal_order_1997"
    config.dataset = ConfigDict({"relevant": 3})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict({"order": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 256
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1500
    return config
