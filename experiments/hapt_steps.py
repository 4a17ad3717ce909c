"""What a phone's bearer is doing at each step of whole recordings, 3 to 11 minutes of its sensors: dilated convolution.

python launch.py --config=experiments/hapt_steps.py

3.2 minutes on 2 CPU cores. To expect over 3 seeds: 85.4 ± 1.1 % of the test subjects' steps right and a macro F1 of
0.727 ± 0.022 (± is a 95 % interval), over twelve activities and "none", which 27 % of the steps are. The network sees
the last 20 s and nothing to come; but the filters before it, which take out noise and gravity, run both ways over a
recording, so that the whole is not causal. Of the steps that have an activity, told among the twelve alone, 89.7 % and
0.753 under one seed: the six basic ones have an F1 of 0.83 to 0.97, those between postures, 6.5 % of all steps, of 0.42
to 0.71.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "hapt_steps"
    config.published = ConfigDict({"accuracy": (None, ""), "macro_f1": (None, "")})

    config.dataset_name = "uci_hapt"
    config.dataset = ConfigDict({"task": "steps", "filtered": True})

    config.model_name = "temporal_conv_tagger"
    config.model = ConfigDict(
        {
            "features": (32,) * 8,  # the dilation doubles with each: an output sees the last 20 s
            "kernel_size": 3,
            "dropout": 0.1,
        }
    )
    config.objectives = ConfigDict({"activity": {"name": "labelling"}})

    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 18

    config.training.num_steps = 18 * 15  # of 36 training recordings
    config.training.batch_size = 2
    config.training.evaluation_batch_size = 2
    config.training.num_shapes = 3
    config.training.log_every = 18
    config.training.evaluate_every = 54
    config.training.checkpoint_every = 108
    return config
