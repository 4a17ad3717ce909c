"""Words of the Penn treebank: a simple recurrent network of 200 sigmoid units (Mikolov et al. 2010, 2011).

python launch.py --config=experiments/ptb_elman.py

30 minutes, most of them on one CPU core. To expect over 3 seeds: not yet measured; of seed 0 a test perplexity of 126.3
(114 to 138 over blocks of 1,000 words), where KN5 has 141.1; mixed with KN5 108.0, with KN5 and a cache 101.0. Unlike
the papers' network it is trained on windows of 20 words (theirs: back-propagation over 5 steps), and an input matrix
stands between the words' vectors and its units.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "ptb_elman"
    config.published = ConfigDict(
        {
            "perplexity": (124.7, "Mikolov 2012, table 4.1, RNNLM"),
            "perplexity, this run + KN5": (105.7, "Mikolov 2012, table 4.1, RNNLM and KN5"),
        }
    )

    config.model.cell = "rnn"
    config.model.features = (200,)
    config.model.cell_options = ConfigDict({"activation": "sigmoid", "use_bias": False})

    config.optimizer.learning_rate = 10.0
    config.optimizer.decay_from = 6 * ptb_lstm.EPOCH
    config.dynamic_rate = 0.0  # none was chosen for it
    return config
