"""Speech, and speech of several at once, at every 10 ms of meetings: excerpts of the AMI corpus.

python launch.py --config=experiments/ami_speech.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "ami_speech"
    names = ("frame_f", "smoothed/frame_f", "smoothed/frame_f of speech", "smoothed/frame_f of overlap")
    config.published = ConfigDict(dict.fromkeys(names, (None, "")))

    config.dataset_name = "ami_excerpts"
    config.dataset = ConfigDict({"view": "samples"})

    config.model_name = "audio_tagger"
    config.model = ConfigDict(
        {
            "front_end": "mel_scale_kernels",
            "front_end_options": {"num_mels": 40, "features": 3, "kernel_size": 5},
            "features": (8, 16),
            "pool": 4,
            "context": 9,
            "context_features": 32,
            "recurrent_features": (32,),
            "dropout": 0.2,
        }
    )
    config.objectives = ConfigDict({"speakers": {"name": "multilabel"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 20
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 5.0

    config.training.num_steps = 250
    config.training.batch_size = 2
    config.training.evaluation_batch_size = 2
    config.training.num_shapes = 1
    config.training.log_every = 10
    config.training.evaluate_every = 50
    config.training.checkpoint_every = 50
    return config
