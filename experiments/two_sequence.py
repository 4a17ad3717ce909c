"""The two-sequence problem: which of two fixed sequences of 15 numbers came first, before noise up to step 50?

python launch.py --config=experiments/two_sequence.py

0.1 minutes on 2 CPU cores. Guessing is right in 1/2. To expect over 3 seeds with --mode=sweep, % of 1,000 test
sequences right at lags of 30, 50, 100 and 200 steps: tanh units 100.0, 100.0, 67.8 and 51.0; GRU 100.0, 100.0, 50.1 and
49.8; LSTM 100.0, 100.0, 49.2 and 50.0.

Bengio et al. (1994): success of gradient descent falls with the lag, as in experiments/latch.py. Of networks guessed at
random the 84th, the 273rd and the 82nd are right on all test sequences under three seeds.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import latch


def get_config() -> ConfigDict:
    config = latch.get_config()
    config.name = config.dataset_name = "two_sequence"
    config.dataset = ConfigDict({"length": 50, "relevant": 15})
    config.objectives = ConfigDict({"sequence": {"name": "classification"}})
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell": ("rnn", "gru", "lstm"), "dataset.length": (30, 50, 100, 200)}, "seeds": 3}
