"""Arithmetic: the digits of a sum or difference of numbers of up to 3 digits between letters.

python launch.py --config=experiments/arithmetic.py

1.9 minutes on one of 2 CPU cores. To expect over 3 seeds: 77.1 ± 1.6 % of the characters of the results right (± is a
95 % interval); with --mode=sweep also of LSTMs, 76.9 %, and tanh units, 59.3 %. Always the full stop has 27 %.

Jozefowicz et al. (2015), Table 1, best of many settings: tanh 0.295, LSTM 0.892, LSTM with a forget bias of 1 0.902,
GRU 0.896, MUT1 0.921. Theirs are of numbers of up to 8 digits and of longer searches and trainings.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config

OTHERS = {"rnn": 0.295, "lstm": 0.892}  # published accuracies of other cells


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "arithmetic"
    config.published = ConfigDict(
        {
            "accuracy": (0.896, "Jozefowicz et al. 2015, GRU, numbers of up to 8 digits"),
        }
    )

    config.dataset_name = "arithmetic"
    config.dataset = ConfigDict({"digits": 3})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "gru",
            "features": (192,),  # units per layer
        }
    )
    config.objectives = ConfigDict({"result": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.003
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 4000
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 500
    config.training.checkpoint_every = 2000
    return config


def get_sweep() -> dict[str, Any]:
    source = "Jozefowicz et al. 2015, numbers of up to 8 digits"
    published = tuple(({"model.cell": cell}, {"accuracy": (figure, source)}) for cell, figure in OTHERS.items())
    return {"axes": {"model.cell": ("rnn", "gru", "lstm")}, "seeds": 3, "published": published}
