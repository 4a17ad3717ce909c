"""Pieces of DNA, enhancer or not: filters over the learnt vectors of three neighbouring bases.

python launch.py --config=experiments/enhancers_kmers.py

0.5 minutes on 2 CPU cores. To expect over 3 seeds: a test accuracy of 77.8 ± 1.6 %, a correlation (MCC) of
0.556 ± 0.032 and an AUC of 0.835 ± 0.026 (± is a 95 % interval over seeds; over the 400 test pieces it is ± 4 %).
Validation does not tell it from enhancers_cnn (75.9 % and 75.9 %), nor do three folds of the pieces to train on (76.6 %
and 76.9 %). Without the test's strong enhancers among the pieces to train on (dataset.leaked False): 74.7 ± 1.0 %,
0.497 ± 0.017, 0.815 ± 0.007.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import enhancers_cnn, enhancers_layer2


def get_config() -> ConfigDict:
    config = enhancers_cnn.get_config()
    config.name = "enhancers_kmers"
    config.model.k_mer = 3
    config.model.embedding_features = 16
    config.model.kernel_size = 7  # of nine bases, as there
    return config


def get_sweep() -> dict[str, Any]:
    axes = {"dataset.layer": (1, 2), "dataset.leaked": (True, False)}
    return {"axes": axes, "seeds": 3, "published": (({"dataset.layer": 2}, enhancers_layer2.PUBLISHED),)}
