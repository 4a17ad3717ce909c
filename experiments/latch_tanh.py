"""The latch of experiments/latch.py: success of tanh units against the lag.

python launch.py --config=experiments/latch_tanh.py

Guessing is right in 1/2. With --mode=sweep: lags of 20, 50, 100 and 200 steps. Not yet measured: minutes on 2 CPU
cores, and the test score to expect over 3 seeds; under seed 0 all of validation is right after 250 steps at a lag of
50, after 1,000 at 200.

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
