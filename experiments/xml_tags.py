"""XML: the next character of tags of random letters that open and close.

python launch.py --config=experiments/xml_tags.py

1.7 minutes on 2 CPU cores. To expect over 3 seeds: 47.7 ± 0.7 % of the test characters right (± is a 95 % interval);
with --mode=sweep also of LSTMs, 48.4 %, and tanh units, 30.2 %. Always the most frequent character has 12 %.

Jozefowicz et al. (2015), Table 1, best of many settings: tanh 0.321, LSTM 0.425, LSTM with a forget bias of 1 0.444,
GRU 0.460, MUT1 0.475. Their documents may be empty ("literal": True).
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config

OTHERS = {"rnn": 0.321, "lstm": 0.425}  # published accuracies of other cells


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "xml_tags"
    config.published = ConfigDict(
        {
            "accuracy": (0.46, "Jozefowicz et al. 2015, GRU, documents may be empty"),
        }
    )

    config.dataset_name = "xml"
    config.dataset = ConfigDict({"length": 100})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (192,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"next": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.003
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 2000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1000
    return config


def get_sweep() -> dict[str, Any]:
    source = "Jozefowicz et al. 2015, documents may be empty"
    published = tuple(({"model.cell": cell}, {"accuracy": (figure, source)}) for cell, figure in OTHERS.items())
    return {"axes": {"model.cell": ("rnn", "gru", "lstm")}, "seeds": 3, "published": published}
