"""What a phone's bearer is doing, on UCI HAR: an LSTM over 128 steps of its sensors, in the authors' own windows.

python launch.py --config=experiments/har_lstm.py

Not yet measured, for the set's files are not at hand: minutes on 2 CPU cores, and the test score to expect over
3 seeds.
"""

from ml_collections import ConfigDict

from experiments import hapt_lstm


def get_config() -> ConfigDict:
    config = hapt_lstm.get_config()
    config.name = "har_lstm"
    config.published = ConfigDict({"accuracy": (0.897, "Brownlee 2018, LSTM of 100")})
    config.dataset_name = "uci_har"
    config.dataset = ConfigDict({})
    return config
