"""Continual embedded Reber grammar: strings without end, with a forget gate and without.

python launch.py --config=experiments/continual_reber.py

0.2 minutes on one of 2 CPU cores. To expect over 10 seeds: all of 50 test rows of 1,000 steps, more than 80 strings
each, without an error (allowed/sequence_accuracy, 100.0 %) under each. With --mode=sweep also without a forget gate: a
forget_bias of 100 keeps it at 1, whatever is learnt, as in the LSTM of 1997. Then all rows are under six seeds, 90 %
under one and none under three, 69.0 % on average.

Gers et al. (1999) introduced the forget gate on this task. Here every training row, of 100 steps, starts with a string
and from a state of zeros; the test rows do so once in 1,000 steps.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "continual_reber"
    config.published = ConfigDict({"allowed/sequence_accuracy": (None, "Gers et al. 1999: no figure at hand")})

    config.dataset_name = "continual_reber"
    config.dataset = ConfigDict({"length": 100, "test_length": 1_000, "num_test": 50})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (16,),  # units per layer
            "cell_options": {"forget_bias": 1.0},
        }
    )
    config.objectives = ConfigDict(
        {"allowed": {"name": "symbol_sets", "labels": "allowed", "weight": 0.0}, "next": {"name": "labelling"}}
    )

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 2000
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 50
    config.training.evaluate_every = 200
    config.training.checkpoint_every = 1000
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell_options.forget_bias": (1.0, 100.0)}, "seeds": 10}
