"""Pieces of DNA, enhancer or not: filters, and a bidirectional LSTM over what they find.

python launch.py --config=experiments/enhancers_cnn_bilstm.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds.
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "enhancers_cnn_bilstm"
    config.published = ConfigDict({"accuracy": (0.772, "iEnhancer-EBLSTM, layer 1, leaked")})

    config.dataset_name = "dna_enhancers"
    config.dataset = ConfigDict({"layer": 1, "leaked": True})

    config.model_name = "dna_conv_net"
    config.model = ConfigDict(
        {
            "features": (64,),
            "kernel_size": 9,
            "pool_size": 4,
            "recurrent_features": (32,),
            "representation": "max",
            "hidden_features": 0,
            "dropout": 0.5,
        }
    )
    config.objectives = ConfigDict({"enhancer": {"name": "classification"}})
    config.augmentation = ConfigDict({"reverse_complement": {}})

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 0.01

    config.training.num_steps = 84 * 25  # of 2,671 training pieces
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 100
    config.training.evaluate_every = 84
    config.training.checkpoint_every = 420
    config.training.early_stopping_patience = 8
    return config
