"""Python source by the character: an LSTM on the modules of the standard library; it writes more of it.

python launch.py --config=experiments/stdlib_text_lstm.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import ptb_characters


def get_config() -> ConfigDict:
    config = ptb_characters.get_config()
    config.name = "stdlib_text_lstm"
    config.published = ConfigDict({"bits_per_symbol": (None, "")})
    config.dataset_name = "stdlib_text"
    config.dataset = ConfigDict({})
    config.baselines = ("ngram", "xz")
    config.generation.prompt = "def "
    return config
