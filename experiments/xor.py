"""Exclusive or: the parity of two bits, one a step.

python launch.py --config=experiments/xor.py

0.1 minutes on 2 CPU cores. To expect over 3 seeds: all right (100.0 %) under each. Guessing is right in 1/2. There are
four strings: those of the test are those it is trained on. Longer ones are in experiments/parity.py.

Rumelhart et al. (1986) have it as the first of their tasks, of a layered network with two hidden units.
"""

from ml_collections import ConfigDict

from experiments import parity


def get_config() -> ConfigDict:
    config = parity.get_config()
    config.name = "xor"
    config.published = ConfigDict({"accuracy": (None, "Rumelhart et al. 1986")})
    config.dataset = ConfigDict({"length": 2})
    config.model.cell = "rnn"
    config.model.features = (4,)  # units per layer
    config.guesses = 0
    config.optimizer.learning_rate = 0.02
    config.training.num_steps = 1000
    config.training.batch_size = 16
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 500
    return config
