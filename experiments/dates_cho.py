"""Dates as people write them to ISO 8601, by the encoder and decoder of Cho et al. (2014), without attention.

python launch.py --config=experiments/dates_cho.py

The paper's own network: gated units that read the text from its start to its end into one vector, which the decoder
sees at every step, and maxout before the softmax. It was published as what scores pairs of phrases in a translation
system: log p(target | source) of every test pair is in predictions/test.jsonl. 0.3 minutes on 2 CPU cores. To expect
over 3 seeds: of 1,000 test dates 99.6 ± 0.8 % right greedily and 99.6 ± 0.6 % with a beam of 4 (± is a 95 % interval),
a BLEU of characters of 99.89.
"""

from ml_collections import ConfigDict

from experiments import dates_seq2seq


def get_config() -> ConfigDict:
    config = dates_seq2seq.get_config()
    config.name = "dates_cho"
    config.model.attention = "none"
    config.model.bidirectional = False
    return config
