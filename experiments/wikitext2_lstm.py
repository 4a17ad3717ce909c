"""Words of WikiText-2: the small LSTM of the Penn treebank.

python launch.py --config=experiments/wikitext2_lstm.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds. It needs the
set's training text.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "wikitext2_lstm"
    config.published = ConfigDict({})
    config.dataset_name = "wikitext2"
    config.model.cutoffs = (4000, 12000)
    config.generation.prompt = "The game was"
    return config
