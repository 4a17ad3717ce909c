"""Adding problem over 200 steps: an LSTM remembers two numbers out of two hundred.

python launch.py --config=experiments/adding_200.py

2.4 minutes on 2 CPU cores. To expect over 3 seeds: a test loss (mean squared error) of 0.00035 ± 0.00043 (± is a 95 %
interval; 0.00054 at most), where below 0.001 the task counts as solved; always to answer with the mean, 1, has 0.167.

Hochreiter and Schmidhuber (1997), numbers in [-1, 1] (the set "adding_1997"), T = 100, an LSTM of 93 weights: 74,000
sequences, then 1 of 2,560 wrong by more than 0.04. Bai et al. (2018), T = 600: LSTM 0.164, GRU 5.3e-5.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "adding_200"
    config.published = ConfigDict({"loss": (None, "Bai et al. 2018, T = 600: LSTM 0.164, GRU 0.000053")})

    config.dataset_name = "adding"
    config.dataset = ConfigDict({"length": 200})  # drawn anew for every batch

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (64,),  # units per layer
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict({"sum": {"name": "regression"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 3000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1000
    return config
