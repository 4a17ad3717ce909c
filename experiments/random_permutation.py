"""Random permutation: the first of 100 symbols comes again after all others, in any order.

python launch.py --config=experiments/random_permutation.py

0.1 minutes on 2 CPU cores. To expect over 3 seeds: all of 1,000 test sequences right under two of them, under one of
these from step 600 on (19,200 sequences), and 48 % under the third, as by guessing and as after 6,000 steps: 82.8 % in
the mean.

Martens and Sutskever (2011), 100 tanh units, Hessian-free: solved at T = 200 under some seeds. Pascanu et al. (2013),
SGD with clipping and their regulariser: 2 of 5 runs (ICML), 1 of 8 (arXiv v2).
"""

from ml_collections import ConfigDict

from sequence_lab.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "random_permutation"
    config.published = ConfigDict(
        {
            "accuracy": (
                None,
                "Martens and Sutskever 2011, T = 200: solved under some seeds; Pascanu et al. 2013: 2 of 5 runs",
            ),
        }
    )

    config.dataset_name = "random_permutation"
    config.dataset = ConfigDict({"length": 100, "num_symbols": 100})

    config.model_name = "recurrent_classifier"
    config.model = ConfigDict(
        {
            "embedding_features": 32,  # size of a symbol's vector
            "cell": "lstm",
            "features": (32,),  # units per layer
            "cell_options": {"chrono_steps": 100},  # forget gates begin with memories of up to so many steps
        }
    )
    config.objectives = ConfigDict({"first": {"name": "classification"}})

    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.005
    config.optimizer.schedule = "warmup_cosine"
    config.optimizer.warmup_steps = 100

    config.training.num_steps = 1500
    config.training.batch_size = 32
    config.training.evaluation_batch_size = 200
    config.training.evaluate_every = 150
    config.training.checkpoint_every = 750
    return config
