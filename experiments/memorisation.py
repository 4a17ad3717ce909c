"""Memorisation: 5 bits, shown in 5 steps, are repeated after 100 more.

python launch.py --config=experiments/memorisation.py

1.8 minutes on one of 2 CPU cores. To expect over 3 seeds: all of the test sequences repeated without an error (100.0 %)
under each; by chance 1 in 32 is. There are 32 strings: the 1,000 of the test are among those it is trained on. After
6,000 steps instead of 20,000 one seed of three is there.

Martens and Sutskever (2011), 100 tanh units, Hessian-free, gradients over 1,000 to 10,000 sequences: solved at T = 200
under some seeds, also with 20 bits (memorisation_20_bits.py).
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "memorisation"
    config.published = ConfigDict(
        {
            "sequence_accuracy": (None, "Martens and Sutskever 2011, T = 200: solved under some seeds"),
        }
    )

    config.dataset_name = "memorisation"
    config.dataset = ConfigDict({"length": 100, "values": 2, "positions": 5})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"recall": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 20_000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 1000
    config.training.checkpoint_every = 5000
    return config
