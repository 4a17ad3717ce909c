"""Spoken digits by someone who was never heard: the network of spoken_digits_cnn, trained on five speakers of six.

python launch.py --config=experiments/spoken_digits_speakers.py

1 minute on 2 CPU cores. To expect over 3 seeds: not yet measured. With --mode=sweep each speaker is left out in turn,
under one seed: a test accuracy of 75.9 ± 13 % (± is a 95 % interval over speakers), theo 92.2, yweweler 83.0, jackson
82.2, nicolas 73.6, george 62.2 and lucas 62.2 %. The state is chosen by further recordings of the five, not by a
speaker of its own: the validation score is that of spoken_digits_cnn and says nothing about the one who is left out.
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
