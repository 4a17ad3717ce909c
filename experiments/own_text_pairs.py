"""Pairs of texts of your own: what becomes of each, such as a translation.

python launch.py --config=experiments/own_text_pairs.py --config.dataset.files=pairs.tsv

A file with a pair a line and a tab between source and target, or a catalogue of gettext (.po, .mo). --mode=inspect with
the same flags shows what is in them, and --mode=generate --config.generation.prompt="a source", of the finished model,
what it writes for one. How many minutes it takes and what score to expect depends on them.

An example: French messages of git, coreutils, binutils, bash, dpkg and gnupg2 as a Linux system has them (GNU .mo
files), 10,813 pairs with vocabulary_size 5000, one seed: 4.6 minutes on one CPU core, BLEU 19.4, chrF 36.97, and 6.6 %
of the test messages right to the letter, decoded greedily.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "own_text_pairs"
    config.published = ConfigDict(dict.fromkeys(("greedy/bleu", "greedy/chrf", "greedy/exact_match"), (None, "")))

    config.dataset_name = "text_pairs"
    config.dataset = ConfigDict(
        {
            "files": "",  # with commas between them, or patterns
            "tokens": "words",  # "characters" for words or numbers that become others
            "vocabulary_size": 0,  # 0: all of the training pairs
            "max_length": 50,  # tokens after which a text is cut off
        }
    )

    config.model_name = "sequence_to_sequence"
    config.model = ConfigDict(  # Cho et al. (2014) have attention "none", bidirectional False
        {"features": 128, "attention": "additive", "bidirectional": True, "dropout": 0.2}
    )
    config.objectives = ConfigDict({"target": {"name": "language_modelling"}})

    config.optimizer.learning_rate = 2e-3
    config.training.num_steps = 3000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 32
    config.training.num_shapes = 4
    config.training.evaluate_every = 100
    config.training.checkpoint_every = 100
    config.training.early_stopping_patience = 10
    return config
