"""A shift register: 5 bits, seen once, as they stand after two shifts to the left.

python launch.py --config=experiments/shift_register.py

0.1 minutes on 2 CPU cores. To expect over 3 seeds: 100.0 % of the bits of all 200 test patterns right under each, and a
loss of 0.07 ± 0.04 nats a pattern (± is a 95 % interval); ignoring the pattern costs 3.5. There are 32 patterns: those
of the test are among those it is trained on. One layer of five simple recurrent units, as many as there are bits, does
it.

The task is one of Rumelhart et al. (1986).
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "shift_register"
    config.published = ConfigDict({"accuracy": (None, "Rumelhart et al. 1986")})

    config.dataset_name = "shift_register"
    config.dataset = ConfigDict({"units": 5, "shifts": 2})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "cell": "rnn",
            "features": (5,),  # units per layer: one for each bit
        }
    )
    config.objectives = ConfigDict({"bits": {"name": "multilabel"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.02
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50

    config.training.num_steps = 1000
    config.training.batch_size = 32  # as many as there are patterns
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 50
    config.training.checkpoint_every = 500
    return config
