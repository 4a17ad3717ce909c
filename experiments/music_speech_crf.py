"""Music or speech at every 10 ms of long recordings, as the likeliest chain of both (Lafferty et al. 2001).

python launch.py --config=experiments/music_speech_crf.py

As music_speech_mel_kernels.py, its output being potentials of a chain. 4.5 minutes on 2 CPU cores. To expect over 3
seeds: a test F-score of frames of 0.942 ± 0.015 (± is a 95 % interval), and of events 0.696, where the kernels alone
have 0.951 and 0.530, and 0.958 and 0.82 after smoothing. Smoothed, too, the chain has 0.949 and 0.78.
"""

from ml_collections import ConfigDict

from experiments import music_speech_mel_kernels


def get_config() -> ConfigDict:
    config = music_speech_mel_kernels.get_config()
    config.name = "music_speech_crf"
    config.model.output = "crf"
    config.objectives = ConfigDict({"kind": {"name": "crf"}})
    return config
