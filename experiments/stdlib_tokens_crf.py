"""Python source: the same network with a chain over its tags, a linear-chain conditional random field.

python launch.py --config=experiments/stdlib_tokens_crf.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import stdlib_tokens


def get_config() -> ConfigDict:
    config = stdlib_tokens.get_config()
    config.name = "stdlib_tokens_crf"
    config.model.output = "crf"
    config.objectives = ConfigDict({"tag": {"name": "crf"}})
    return config
