"""Pieces of DNA, enhancer or not: filters, and a bidirectional LSTM over what they find.

python launch.py --config=experiments/enhancers_cnn_bilstm.py

0.2 minutes on one of 2 CPU cores. To expect over 3 seeds: a test accuracy of 75.3 ± 1.3 % (± is a 95 % interval) by the
published protocol, whose training and validation pieces contain some of the test, and of 75.2 ± 1.0 % (75.17) without
them (dataset.leaked False); enhancers_kmers.py has 77.2 and 74.5 %. With --mode=sweep: both, and strong or weak
(dataset.layer 2), 60.5 ± 9.7 and 60.5 ± 3.3 %.

Published 77.2 and 65.8 % (iEnhancer-EBLSTM) are of several networks together, over k-mers.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import enhancers_cnn


def get_config() -> ConfigDict:
    config = enhancers_cnn.get_config()
    config.name = "enhancers_cnn_bilstm"
    source = "iEnhancer-EBLSTM, layer 1, leaked"
    config.published = ConfigDict(
        {
            "accuracy": (0.772, source),
            "mcc": (0.534, source),
            "sensitivity": (0.755, source),
            "specificity": (0.795, source),
            "auc": (0.835, source),
            "auprc": (None, ""),
        }
    )
    config.model.features = (64,)
    config.model.recurrent_features = (32,)
    return config


def get_sweep() -> dict[str, Any]:
    source = "iEnhancer-EBLSTM, layer 2, leaked"
    layer_2 = {
        "accuracy": (0.658, source),
        "mcc": (0.324, source),
        "sensitivity": (0.812, source),
        "specificity": (0.536, source),
        "auc": (0.688, source),
    }
    return {
        "axes": {"dataset.layer": (1, 2), "dataset.leaked": (True, False)},
        "seeds": 3,
        "published": (({"dataset.layer": 2}, layer_2),),
    }
