"""Music or speech at every 10 ms of long recordings, as the likeliest chain of both (Lafferty et al. 2001).

python launch.py --config=experiments/music_speech_crf.py

As music_speech_mel_kernels.py, its output being potentials of a chain. 2.3 minutes on 2 CPU cores. To expect over 3
seeds: a test F-score of frames of 0.929 ± 0.018 (± is a 95 % interval), of events 0.71.
"""

from ml_collections import ConfigDict

from experiments import music_speech_mel_kernels


def get_config() -> ConfigDict:
    config = music_speech_mel_kernels.get_config()
    config.name = "music_speech_crf"
    config.model.output = "crf"
    config.objectives = ConfigDict({"kind": {"name": "crf"}})
    return config
