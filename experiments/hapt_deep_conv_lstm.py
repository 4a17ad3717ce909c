"""What a phone's bearer is doing: DeepConvLSTM (Ordóñez and Roggen 2016), half as wide as theirs.

python launch.py --config=experiments/hapt_deep_conv_lstm.py

4.1 minutes on one of 2 CPU cores that had other work, too. To expect over 3 seeds: a test accuracy of 87.7 ± 3.5 % (±
is a 95 % interval), of the six basic activities of nine people who are not in training; hapt_cnn.py, which reads the
same nine channels, has 93.8 %.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "hapt_deep_conv_lstm"

    config.dataset_name = "uci_hapt"
    config.dataset = ConfigDict({"task": "windows", "filtered": True})

    config.model_name = "deep_conv_lstm"
    config.model = ConfigDict(
        {"features": (32, 32, 32, 32), "kernel_size": 5, "recurrent_features": (64, 64), "dropout": 0.5}
    )
    config.objectives = ConfigDict({"activity": {"name": "classification"}})

    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "warmup_cosine"

    config.training.num_steps = 99 * 10  # of 6,294 training windows
    config.training.batch_size = 64
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 99
    config.training.checkpoint_every = 495
    return config
