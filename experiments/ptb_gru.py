"""Words of the Penn treebank: two GRU layers of 200 units, without regularisation.

python launch.py --config=experiments/ptb_gru.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "ptb_gru"
    config.published = ConfigDict({"perplexity": (92.48, "Bai et al. 2018, GRU of 13 million weights, regularised")})
    config.model.cell = "gru"
    config.optimizer.learning_rate = 10.0
    config.dynamic_rate = 0.0  # none was chosen for it
    return config
