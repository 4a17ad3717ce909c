"""Sounds of your own: which class each belongs to.

python launch.py --config=experiments/own_audio.py --config.dataset.folder=sounds

A folder with a folder of audio files per class, or those in folders train, validation and test; or, with
--config.dataset.segments=FILE, segments of files (RTTM, or CSV). --mode=inspect with the same flags shows what is in
them. How many minutes it takes and what score to expect depends on them.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_audio"

    config.dataset_name = "audio_folder"
    config.dataset = ConfigDict(
        {
            "folder": "",
            "rate": 16_000,  # in Hz; files of another rate are resampled
            "segments": "",  # "": whole files
            "group": "",  # what stays in one split: "file", or "prefix" of the files' names
            "max_seconds": 0.0,  # after which a sound is cut off; 0, never
            "validation": 0.1,  # shares, for splits that have no folder
            "test": 0.1,
            "folds": 0,
            "fold": 0,
        }
    )

    config.model_name = "audio_cnn"
    config.model = ConfigDict(
        {
            "front_end": "mel",
            "front_end_options": {"num_mels": 40, "log": "natural"},
            "frame_seconds": 0.032,
            "hop_seconds": 0.016,
            "features": (16, 32, 64),
            "representation": "max",
            "hidden_features": 128,
            "dropout": 0.1,
        }
    )
    config.objectives = ConfigDict({"kind": {"name": "classification"}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 5.0

    config.training.num_steps = 2000
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 16
    config.training.num_shapes = 2
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    return config
