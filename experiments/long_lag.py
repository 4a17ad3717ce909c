"""A lag of 100 random symbols out of 100: the last symbol is the one before them.

python launch.py --config=experiments/long_lag.py

0.1 minutes on 2 CPU cores. To expect over 3 seeds: a test accuracy of 100.0 %, all of 1,000 sequences, under each;
under one of them from step 200 on (6,400 sequences). Guessing is right in 1/2.

Hochreiter and Schmidhuber (1997), experiment 2c, one sequence a step: 49,000 sequences at a lag of 1,000 with 1,000
distractors; experiment 2a, without noise (experiments/noise_free_lag.py), 5,040 at a lag of 100. Of the latter this
network learns all symbols but the last, which is 1 % of its loss.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "long_lag"
    config.published = ConfigDict(
        {
            "accuracy": (1.0, "Hochreiter and Schmidhuber 1997, experiment 2c, a lag of 1,000, 49,000 sequences"),
        }
    )

    config.dataset_name = "random_lag"
    config.dataset = ConfigDict({"lag": 100, "distractors": 100})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "embedding_features": 32,  # size of a symbol's vector
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"last": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 1000
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 500
    return config
