"""Movie reviews, the words of every sentence in random order, in training and test: what is the neighbourhood worth?

python launch.py --config=experiments/rt_polarity_shuffled.py

The network of rt_polarity_cnn. Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
With --mode=sweep: ten folds; rt_polarity_cnn has them as they are.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import rt_polarity_cnn


def get_config() -> ConfigDict:
    config = rt_polarity_cnn.get_config()
    config.name = "rt_polarity_shuffled"
    config.published = ConfigDict({})
    config.dataset.shuffled = True
    return config


def get_sweep() -> dict[str, Any]:
    return rt_polarity_cnn.get_sweep()
