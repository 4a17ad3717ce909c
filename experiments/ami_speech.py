"""Speech, and speech of several at once, at every 10 ms of meetings: excerpts of the AMI corpus.

python launch.py --config=experiments/ami_speech.py

2.6 minutes on one of 2 CPU cores. To expect over 3 seeds: a test F-score of frames of 0.447 ± 0.035 (± is a 95 %
interval), the mean over speech and overlap. After smoothing speech has 0.912 ± 0.051, where always to say it has 0.75;
overlap is never said, being 13 % of the training frames. Ten excerpts of 30 s to learn from and two to test on, one of
which is speech throughout, are right for the whole way from recordings to scores, and not for figures.
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
    # Not normalised by the recording: how loud it is says whether someone speaks, also where nobody is ever silent.
    config.model.front_end = "mel"
    config.model.front_end_options = ConfigDict({"num_mels": 40, "log": "natural", "mel_scale": "slaney"})
    config.objectives = ConfigDict({"speakers": {"name": "multilabel"}})

    config.training.num_steps = 750  # of 10 training excerpts
    config.training.log_every = 30
    config.training.evaluate_every = config.training.checkpoint_every = 150
    return config
