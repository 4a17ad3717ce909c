"""Words of WikiText-2: the small LSTM of the Penn treebank, with an adaptive softmax (Grave et al. 2017).

python launch.py --config=experiments/wikitext2_lstm.py

Not yet measured, for the set's training text is not at hand: minutes on 2 CPU cores, and the test score to expect over
3 seeds. Of 33,278 words the 4,000 most frequent are told apart first, and groups of the others (config.model.cutoffs).
Without the training text: wikitext2_valid_lstm.
"""

from ml_collections import ConfigDict

from experiments import ptb_lstm

EPOCH = 5221  # windows of 20 words in each of 20 rows of the training text


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "wikitext2_lstm"
    config.published = ConfigDict({})
    config.dataset_name = "wikitext2"
    config.model.cutoffs = (4000, 12000)

    config.optimizer.decay_from = 3 * EPOCH
    config.optimizer.decay_every = EPOCH
    config.training.num_steps = 13 * EPOCH
    config.training.evaluate_every = EPOCH
    config.training.checkpoint_every = EPOCH
    config.dynamic_rate = 0.0  # none was chosen for it
    config.generation.prompt = "The game was"
    return config
