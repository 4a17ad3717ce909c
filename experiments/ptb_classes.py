"""Words of the Penn treebank by their classes: a simple recurrent network, 100 classes (Mikolov et al. 2011).

python launch.py --config=experiments/ptb_classes.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from experiments import ptb_elman


def get_config() -> ConfigDict:
    config = ptb_elman.get_config()
    config.name = "ptb_classes"
    config.published = ConfigDict(
        {
            "perplexity": (136.0, "Mikolov et al. 2011, 100 classes, from memory"),
            "perplexity, this run + KN5": (114.0, "Mikolov et al. 2011, 100 classes, and KN5, from memory"),
        }
    )
    config.model.classes = 100
    return config
