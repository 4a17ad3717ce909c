"""Character language model on the Python language reference: a GRU, truncated BPTT.

python launch.py

2 minutes on 2 CPU cores. To expect on the test text, over 3 seeds: 1.617 ± 0.020 bits per character; the best n-gram
model of order up to 6 has 1.743, xz 2.448 (the documentation of Python 3.11; ± is a 95 % interval).
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "quickstart"
    config.published = ConfigDict(
        dict.fromkeys(("bits_per_symbol", "bits_per_symbol, interpolated 6-gram (kneser_ney)"), (None, ""))
    )

    config.dataset_name = "python_docs"

    config.model_name = "recurrent_language_model"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (384,),  # units per layer
            "embedding_features": 64,  # size of a character's vector
            "dropout": 0.3,
        }
    )
    config.objectives = ConfigDict({"next_character": {"name": "language_modelling"}})

    # A text this short is learnt best by many small steps, at a high rate and under weight decay.
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 8e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 50
    config.optimizer.clip_norm = 1.0
    config.optimizer.weight_decay = 0.2

    config.training.num_steps = 1800
    config.training.batch_size = 16
    config.training.evaluation_batch_size = 8
    config.training.k1 = 96  # characters between two updates
    config.training.k2 = 96  # characters that a gradient goes back
    config.training.log_every = 100
    config.training.evaluate_every = 300
    config.training.checkpoint_every = 300

    config.baselines = ("ngram", "xz")
    config.generation.prompt = "The "
    return config
