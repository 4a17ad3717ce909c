"""Music or speech at every 10 ms of long recordings, from kernels on the mel scale (Jang et al. 2019).

python launch.py --config=experiments/music_speech_mel_kernels.py

4.4 minutes on 2 CPU cores. To expect over 3 seeds: a test F-score of frames of 0.951 ± 0.009 (± is a 95 % interval),
after smoothing 0.958 ± 0.010, and of events 0.530 and 0.82. Recordings are joined of pieces of GTZAN's clips, test
clips apart from those of training: 13 of music and 13 of speech to learn from, played faster and slower, louder and
softer. The fixed mel front end has 0.926, MFCC 0.877.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "music_speech_mel_kernels"
    config.published = ConfigDict(
        {
            "frame_f": (None, "Jang et al. 2019: 0.865 to 0.959 on other recordings, from 52 hours of broadcasts"),
            "event_f": (None, ""),
            "smoothed/frame_f": (None, ""),
            "smoothed/event_f": (None, ""),
        }
    )

    config.dataset_name = "music_speech"
    config.dataset = ConfigDict({"recordings": 320, "seconds": 30.0, "view": "samples", "speed": 0.5, "gain": 10.0})

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
            "dropout": 0.3,
        }
    )
    config.objectives = ConfigDict({"kind": {"name": "labelling"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 20
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 5.0

    config.training.num_steps = 1440
    config.training.batch_size = 2
    config.training.evaluation_batch_size = 2
    config.training.num_shapes = 1
    config.training.log_every = 40
    config.training.evaluate_every = 120
    config.training.checkpoint_every = 240
    return config
