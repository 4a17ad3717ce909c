"""What a phone's bearer is doing, on UCI HAR: the two streams and the network of hapt_cnn, in the authors' own windows.

python launch.py --config=experiments/har_cnn.py

Not yet measured, for the set's files are not at hand: minutes on 2 CPU cores, and the test score to expect over
3 seeds.
"""

from ml_collections import ConfigDict

from experiments import hapt_cnn


def get_config() -> ConfigDict:
    config = hapt_cnn.get_config()
    config.name = "har_cnn"
    config.published = ConfigDict({"accuracy": (0.908, "Brownlee 2018, two layers of 64")})
    config.dataset_name = "uci_har"
    config.dataset = ConfigDict({"streams": True})
    return config
