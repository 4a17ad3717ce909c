"""Words of the Penn treebank: two GRU layers of 200 units, without regularisation.

python launch.py --config=experiments/ptb_gru.py

47 minutes on one CPU core that had other work, too. To expect over 3 seeds: not yet measured; of seed 0 a test
perplexity of 119.7 (106 to 133 over blocks of 1,000 words), where two LSTM layers, ptb_lstm.py, have 111.4.

The published 92.48 is of a network three times as large, with dropout.
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
