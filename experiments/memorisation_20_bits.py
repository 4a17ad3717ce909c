"""Memorisation of 20 bits: ten symbols of five kinds, shown in 10 steps, are repeated after 50 more.

python launch.py --config=experiments/memorisation_20_bits.py

3.8 minutes on 2 CPU cores. To expect over 3 seeds: 60.9 ± 31 % of the test sequences repeated without a fault (± is a
95 % interval): 66.0, 70.0 and 46.7 %. By chance 1 in 5^10 sequences is right, and 1/5 of the symbols; remembering
nothing costs 0.23 nats a step.

Martens and Sutskever (2011), 100 tanh units, Hessian-free, gradients over 1,000 to 10,000 sequences: solved at T = 200
under some seeds.
"""

from ml_collections import ConfigDict

from experiments import memorisation


def get_config() -> ConfigDict:
    config = memorisation.get_config()
    config.name = "memorisation_20_bits"
    config.dataset = ConfigDict({"length": 50, "values": 5, "positions": 10})
    config.model.features = (100,)  # units per layer
    config.model.cell_options = ConfigDict({"chrono_steps": 60})  # from a symbol to its place
    config.optimizer.learning_rate = 0.003
    config.training.num_steps = 10_000
    config.training.batch_size = 64
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1500
    return config
