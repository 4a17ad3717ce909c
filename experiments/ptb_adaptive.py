"""Words of the Penn treebank: the small LSTM with an adaptive softmax (Grave et al. 2017).

python launch.py --config=experiments/ptb_adaptive.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "ptb_adaptive"
    config.published = ConfigDict({"perplexity": (114.5, "Zaremba et al. 2014, small, all words in one softmax")})
    config.model.cutoffs = (2000, 6000)
    config.dynamic_rate = 0.0  # none was chosen for it
    return config
