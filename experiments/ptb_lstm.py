"""Words of the Penn treebank: two LSTM layers of 200 units, without regularisation (Zaremba et al. 2014, small).

python launch.py --config=experiments/ptb_lstm.py

28 minutes on one of 2 CPU cores. To expect over 3 seeds: not yet measured; of seed 0 a test perplexity of 111.4 (99 to
122 over blocks of 1,000 words), where KN5 has 141.1 and KN5 with a cache 127.7; mixed with both 88.3. As it learns from
what it reads, 98.4, mixed 85.0. The best single model of the treebank here is ptb_regularised.py, 88.15.

Sizes, schedule and lack of dropout are the paper's, of which 114.5 is published; weights start from narrower
distributions by their sizes. State is carried through each fifth of the test text, which five readers share.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config

EPOCH = 2323  # windows of 20 words in each of 20 rows of the training text


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "ptb_lstm"
    config.published = ConfigDict(
        {
            "perplexity": (114.5, "Zaremba et al. 2014, small"),
            "perplexity, this run, dynamic": (None, ""),
            "perplexity, KN5": (141.2, "Mikolov 2012, table 4.1"),
            "perplexity, KN5 + cache": (125.7, "Mikolov 2012, table 4.1"),
            "perplexity, this run + KN5": (None, ""),
            "perplexity, this run + KN5 + cache": (None, ""),
        }
    )

    config.dataset_name = "ptb"
    config.dataset = ConfigDict({})

    config.model_name = "recurrent_language_model"
    # The paper draws all weights from U(-0.1, 0.1). Here the words' vectors alone start so; the cells' matrices from
    # U(+-1/sqrt(200)), that of the logits from a normal of deviation 1/sqrt(200), and biases from 0.
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (200, 200),
            "cell_options": {"input_init": "uniform", "recurrent_init": "uniform"},
            "embedding_features": 200,
            "table_scale": 0.1,
        }
    )
    config.objectives = ConfigDict({"next": {"name": "language_modelling"}})

    # The paper's loss is a sum over the 20 words of a window: its rate of 1 and its clipping at 5 are these of a mean.
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 20.0
    config.optimizer.clip_norm = 0.25
    config.optimizer.schedule = "step_decay"
    config.optimizer.decay_from = 3 * EPOCH
    config.optimizer.decay_every = EPOCH
    config.optimizer.decay_factor = 0.5

    config.training.num_steps = 13 * EPOCH
    config.training.batch_size = 20
    config.training.evaluation_batch_size = 5
    config.training.k1 = config.training.k2 = 20
    config.training.log_every = 200
    config.training.evaluate_every = EPOCH
    config.training.checkpoint_every = EPOCH
    config.baselines = ("kneser_ney_5",)
    config.dynamic_rate = 3.0  # of 1.2, 2, 3 and 6 the one that validation liked best
    config.generation.prompt = "the company said"
    config.generation.length = 60
    return config
