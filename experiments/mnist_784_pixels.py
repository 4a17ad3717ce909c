"""MNIST pixel by pixel: 784 steps of one pixel, in their order or in a permuted one.

python launch.py --config=experiments/mnist_784_pixels.py

About 25 minutes on 2 CPU cores, by the 0.6 s of a step. To expect over 3 seeds not yet measured. With --mode=sweep also
permuted ("permutation": 0).

Of as many steps: LSTM 98.9 and, permuted, 90.2 % (Cooijmans et al. 2017, 100 units); GRU 96.2 and 87.3 % (Bai et al.
2018, 70,000 weights); IRNN 97 and 82 % (Le et al. 2015, 100 units).
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import mnist_196_pixels


def get_config() -> ConfigDict:
    config = mnist_196_pixels.get_config()
    config.name = "mnist_784_pixels"
    config.published = ConfigDict({"accuracy": (0.962, "Bai et al. 2018, GRU of 70,000 weights")})
    config.dataset.shrink = 1
    config.model.cell_options = ConfigDict({"chrono_steps": 784})  # gates begin with memories of up to so many steps
    config.training.num_steps = 2000  # 3.6 epochs
    config.training.evaluate_every = 250
    config.training.checkpoint_every = 500
    return config


def get_sweep() -> dict[str, Any]:
    permuted = {"accuracy": (0.873, "Bai et al. 2018, GRU of 70,000 weights")}
    return mnist_196_pixels.get_sweep() | {"published": (({"dataset.permutation": 0}, permuted),)}
