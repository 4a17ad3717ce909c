"""Spoken digits by someone who was never heard: the network of spoken_digits_cnn, trained on five speakers of six.

python launch.py --config=experiments/spoken_digits_speakers.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds; of seed 0, a test accuracy of 92.2
% for theo. With --mode=sweep: each speaker left out in turn, whose mean a report takes.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import spoken_digits_cnn


def get_config() -> ConfigDict:
    config = spoken_digits_cnn.get_config()
    config.name = "spoken_digits_speakers"
    config.replicates = ("dataset.left_out",)
    config.dataset.left_out = "theo"
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"dataset.left_out": ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")}}
