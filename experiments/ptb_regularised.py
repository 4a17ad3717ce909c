"""Words of the Penn treebank: the regularised recipe of Merity et al. (2018), of a size for 2 CPU cores.

python launch.py --config=experiments/ptb_regularised.py

43 minutes on one CPU core. To expect over 3 seeds: not yet measured; of seed 0 a test perplexity of 88.15 (79 to 97
over blocks of 1,000 words), the best here of one model, of 83.2 mixed with KN5 and of 80.8 with KN5 and a cache.

Tied vectors, one draw of dropout for all steps, also of whole words and of recurrent weights, penalties on activations
and their changes, and SGD whose weights are averaged over the last four of twelve epochs. Published are 58.8 of 24
million weights after up to 500 epochs; this network has 3.5 million.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm

EPOCH = 1327  # windows of 35 words in each of 20 rows of the training text


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "ptb_regularised"
    config.published = ConfigDict(
        {
            "next/perplexity": (58.8, "Merity et al. 2018, AWD-LSTM of 24 million weights"),
            "perplexity, this run + KN5 + cache": (None, ""),
        }
    )

    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (250, 250),
            "cell_options": {"drop_connect": 0.2},
            "embedding_features": 250,
            "table_scale": 0.1,
            "dropout": 0.2,
            "input_dropout": 0.2,
            "symbol_dropout": 0.05,
            "locked": True,
            "tied": True,
            "with_hidden": True,
        }
    )
    # As in the paper's code: large outputs cost after dropout, their changes before it.
    config.objectives = ConfigDict(
        {
            "next": {"name": "language_modelling", "output": "symbols"},
            "penalty_on_activation": {"name": "activation", "output": "dropped", "weight": 2.0},
            "penalty_on_slowness": {"name": "slowness", "output": "hidden", "weight": 1.0},
        }
    )
    config.optimizer.learning_rate = 30.0
    config.optimizer.clip_norm = 0.25
    config.optimizer.schedule = "constant"
    config.optimizer.weight_decay = 1.2e-6
    config.training.k1 = config.training.k2 = 35
    config.training.num_steps = 12 * EPOCH
    config.optimizer.average_from = 8 * EPOCH
    config.training.evaluate_every = config.training.checkpoint_every = EPOCH
    config.dynamic_rate = 0.0
    return config
