"""Pieces of DNA, enhancer or not: filters over the learnt vectors of three neighbouring bases.

python launch.py --config=experiments/enhancers_kmers.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import enhancers_cnn


def get_config() -> ConfigDict:
    config = enhancers_cnn.get_config()
    config.name = "enhancers_kmers"
    config.model.k_mer = 3
    config.model.embedding_features = 16
    config.model.kernel_size = 7  # of nine bases, as there
    return config
