"""Words of the Penn treebank by dilated causal convolution, gated (Bai et al. 2018; Dauphin et al. 2017).

python launch.py --config=experiments/ptb_tcn.py

Not yet measured: minutes on 2 CPU cores, and the test score to expect over 3 seeds. With --mode=sweep: with
gates and without.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import ptb_lstm


def get_config() -> ConfigDict:
    config = ptb_lstm.get_config()
    config.name = "ptb_tcn"
    config.published = ConfigDict({"perplexity": (87.94, "Bai et al. 2018, TCN with gates, 13 million weights")})

    config.model_name = "temporal_conv_language_model"
    config.model = ConfigDict(
        {
            "embedding_features": 200,
            "features": (200, 200, 200),
            "kernel_size": 3,
            "gated": True,
            "dropout": 0.4,
            "table_scale": 0.1,
        }
    )
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "warmup_cosine"
    config.training.k1 = config.training.k2 = 40
    config.training.num_steps = 10000
    config.dynamic_rate = 0.0  # none was chosen for it
    return config


def get_sweep() -> dict[str, Any]:
    ungated = {"perplexity": (88.68, "Bai et al. 2018, TCN of 13 million weights")}
    return {"axes": {"model.gated": (False, True)}, "published": (({"model.gated": False}, ungated),)}
