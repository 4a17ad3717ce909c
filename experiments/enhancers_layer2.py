"""Enhancers of DNA, strong or weak: the filters of enhancers_cnn, on both strands.

python launch.py --config=experiments/enhancers_layer2.py

0.1 minutes on one of 2 CPU cores. To expect over 3 seeds: a test accuracy of 62.0 ± 9.9 % (± is a 95 % interval) with
the test's strong enhancers among the pieces to train on, where the published protocol leaves them, and of 59.7 ± 1.9 %
without (dataset.leaked False). With --mode=sweep: both.

Published 67.8 % are of five networks over one-hot bases and k-mers together. 1,336 pieces to train on, and 200 to test,
leave seeds ten percent apart. enhancers_kmers.py and enhancers_cnn_bilstm.py have layer 2 in their sweeps.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import enhancers_cnn

SOURCE = "iEnhancer-ECNN, five CNNs over one-hot and k-mers together, layer 2, leaked"
PUBLISHED = {
    "accuracy": (0.678, SOURCE),
    "mcc": (0.368, SOURCE),
    "sensitivity": (0.791, SOURCE),
    "specificity": (0.564, SOURCE),
    "auc": (0.748, SOURCE),
}


def get_config() -> ConfigDict:
    config = enhancers_cnn.get_config()
    config.name = "enhancers_layer2"
    config.published = ConfigDict(PUBLISHED)
    config.dataset.layer = 2

    config.training.num_steps = 42 * 25  # of 1,336 training pieces
    config.training.evaluate_every = 42
    config.training.checkpoint_every = 210
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.leaked": (True, False)}, "seeds": 3}
