"""Music or speech at every 10 ms of long recordings, from cepstral coefficients.

python launch.py --config=experiments/music_speech_mfcc.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds. Recordings are joined of pieces of
GTZAN's clips, test clips apart from those of training.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "music_speech_mfcc"

    config.dataset_name = "music_speech"
    config.dataset = ConfigDict({"recordings": 80, "seconds": 30.0, "view": "samples"})

    config.model_name = "audio_tagger"
    config.model = ConfigDict(
        {
            "front_end": "mfcc",
            "front_end_options": {
                "num_mels": 40,
                "num_coefficients": 20,
                "log": "natural",
                "mel_scale": "slaney",
                "normalize": True,
            },
            "features": (8, 16),
            "pool": 4,
            "context": 9,
            "context_features": 32,
            "recurrent_features": (32,),
            "dropout": 0.2,
        }
    )
    config.objectives = ConfigDict({"kind": {"name": "labelling"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 20
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 5.0

    config.training.num_steps = 240
    config.training.batch_size = 2
    config.training.evaluation_batch_size = 2
    config.training.num_shapes = 1
    config.training.log_every = 10
    config.training.evaluate_every = 60
    config.training.checkpoint_every = 60
    return config
