"""The latch of experiments/latch.py: success of tanh units against the lag.

python launch.py --config=experiments/latch_tanh.py

0.1 to 0.2 minutes on 2 CPU cores. Guessing is right in 1/2. With --mode=sweep: lags of 20, 50, 100 and 200 steps. To
expect over 3 seeds, at these lags: 100.0, 88.5, 100.0 and 49.6 % of 1,000 test sequences right. At 50 steps one seed of
three has 65.4 %, the others all: which seed learns it is chance, up to a lag at which none does.

Bengio et al. (1994): success of gradient descent falls with the lag.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import latch


def get_config() -> ConfigDict:
    config = latch.get_config()
    config.name = "latch_tanh"
    config.published = ConfigDict({"accuracy": (None, "Bengio et al. 1994, as curves")})
    config.model.cell = "rnn"
    config.model.cell_options = ConfigDict()
    config.guesses = 0
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.length": latch.get_sweep()["axes"]["dataset.length"]}, "seeds": 3}
