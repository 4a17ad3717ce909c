"""Words of the Penn treebank: the small LSTM with an adaptive softmax (Grave et al. 2017).

python launch.py --config=experiments/ptb_adaptive.py

36 minutes on one CPU core. To expect over 3 seeds: not yet measured; of seed 0 a test perplexity of 122.1 (109 to 135
over blocks of 1,000 words), where one softmax, ptb_lstm.py, has 111.4; mixed with KN5 99.0, with KN5 and a cache 93.4.

Rare words have vectors of a quarter of the size and less; one softmax is over all words at the full size.
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
