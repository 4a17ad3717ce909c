"""Speech, and speech of several at once, at every 10 ms of meetings: excerpts of the AMI corpus.

python launch.py --config=experiments/ami_speech.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import music_speech_mel_kernels


def get_config() -> ConfigDict:
    config = music_speech_mel_kernels.get_config()
    config.name = "ami_speech"
    names = ("frame_f", "smoothed/frame_f", "smoothed/frame_f of speech", "smoothed/frame_f of overlap")
    config.published = ConfigDict(dict.fromkeys(names, (None, "")))
    config.dataset_name = "ami_excerpts"
    config.dataset = ConfigDict({"view": "samples"})
    config.objectives = ConfigDict({"speakers": {"name": "multilabel"}})

    config.training.num_steps = 750  # of 10 training excerpts
    config.training.log_every = 30
    config.training.evaluate_every = config.training.checkpoint_every = 150
    return config
