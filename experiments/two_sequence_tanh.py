"""The two-sequence problem of experiments/two_sequence.py: success of tanh units against the lag.

python launch.py --config=experiments/two_sequence_tanh.py

Guessing is right in 1/2. With --mode=sweep: lags of 30, 50, 100 and 200 steps. Not yet measured: minutes on 2 CPU
cores, and the test score to expect over 3 seeds.

Bengio et al. (1994): success of gradient descent falls with the lag.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import two_sequence


def get_config() -> ConfigDict:
    config = two_sequence.get_config()
    config.name = "two_sequence_tanh"
    config.published = ConfigDict({"accuracy": (None, "Bengio et al. 1994, as curves")})
    config.model.cell = "rnn"
    config.model.cell_options = ConfigDict()
    config.guesses = 0
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.length": (30, 50, 100, 200)}, "seeds": 3}
