"""Music and speech at every 10 ms of long recordings, where speech may have music under it.

python launch.py --config=experiments/music_speech_mixed.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds. Speech is -10 to 20 dB above the
music, and the F-score of frames is also that of each 10 dB of levels.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "music_speech_mixed"
    names = ("frame_f", "smoothed/frame_f", "smoothed/frame_f of music", "smoothed/frame_f of speech")
    levels = tuple(f"smoothed/frame_f at {level}" for level in ("-10 to 0 dB", "0 to 10 dB", "10 to 20 dB"))
    config.published = ConfigDict(dict.fromkeys(names + levels, (None, "")))

    config.dataset_name = "music_speech"
    config.dataset = ConfigDict({"mixed": True, "recordings": 80, "seconds": 30.0, "view": "samples"})

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
    config.objectives = ConfigDict({"sounds": {"name": "multilabel"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 20
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 5.0

    config.training.num_steps = 960
    config.training.batch_size = 2
    config.training.evaluation_batch_size = 2
    config.training.num_shapes = 1
    config.training.log_every = 40
    config.training.evaluate_every = 120
    config.training.checkpoint_every = 240
    return config
