"""Dates as people write them to ISO 8601, by the encoder and decoder of Cho et al. (2014), without attention.

python launch.py --config=experiments/dates_cho.py

The paper's own network: gated units that read the text from its start to its end into one vector, which the decoder
sees at every step, and maxout before the softmax. It was published as what scores pairs of phrases in a translation
system: log p(target | source) of every test pair is in predictions/test.jsonl. To expect over 3 seeds not yet measured;
one seed trained for 1.1 minutes on 2 CPU cores that had other work, too, and wrote 99.3 % of 1,000 test dates right
greedily, 99.4 % with a beam of 4.
"""

from ml_collections import ConfigDict

from experiments import dates_seq2seq


def get_config() -> ConfigDict:
    config = dates_seq2seq.get_config()
    config.name = "dates_cho"
    config.model.attention = "none"
    config.model.bidirectional = False
    return config
