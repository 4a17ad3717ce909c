"""Words of the Penn treebank by dilated causal convolution, gated (Bai et al. 2018; Dauphin et al. 2017).

python launch.py --config=experiments/ptb_tcn.py

35 minutes on one CPU core that had other work, too. To expect over 3 seeds: not yet measured; of seed 0 a test
perplexity of 116.3 (105 to 128 over blocks of 1,000 words), of 102.5 mixed with KN5 and of 97.1 with KN5 and a cache.
With --mode=sweep: with gates and without.

Published are 87.9 of a network of 13 million weights; this one has 5.5 million, reads 29 words and is trained for
10,000 steps, the last of which is its best.
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
