"""British and American folk tunes with their chords: which of 88 keys sound next.

python launch.py --config=experiments/nottingham.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "nottingham"
    config.published = ConfigDict({"loss": (3.29, "Bai et al. 2018, LSTM")})

    config.dataset_name = "nottingham"
    config.dataset = ConfigDict({})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict({"cell": "lstm", "features": (200,), "dropout": 0.2})
    config.objectives = ConfigDict({"keys": {"name": "multilabel"}})

    config.optimizer.learning_rate = 1e-2
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 44

    config.training.num_steps = 44 * 40  # of 694 training tunes
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 16
    config.training.evaluate_every = 88
    config.training.checkpoint_every = 440
    config.training.early_stopping_patience = 5

    config.generation.length = 128  # frames after those of a test piece
    config.generation.temperature = 1.0
    return config
