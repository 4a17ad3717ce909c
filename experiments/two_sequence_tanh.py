"""The two-sequence problem of experiments/two_sequence.py: success of tanh units against the lag.

python launch.py --config=experiments/two_sequence_tanh.py

0.1 to 0.2 minutes on 2 CPU cores. Guessing is right in 1/2. With --mode=sweep: lags of 30, 50, 100 and 200 steps. To
expect over 3 seeds, at these lags: 100.0, 100.0, 66.3 and 65.7 % of 1,000 test sequences right. At the last two, one
seed of three has all right, and the others half.

Bengio et al. (1994): success of gradient descent falls with the lag.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import latch_tanh, two_sequence


def get_config() -> ConfigDict:
    gated = two_sequence.get_config()
    config = latch_tanh.get_config()
    config.name = "two_sequence_tanh"
    config.dataset_name, config.dataset, config.objectives = gated.dataset_name, gated.dataset, gated.objectives
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.length": two_sequence.get_sweep()["axes"]["dataset.length"]}, "seeds": 3}
