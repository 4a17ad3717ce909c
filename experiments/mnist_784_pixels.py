"""MNIST pixel by pixel: 784 steps of one pixel, in their order or in a permuted one.

python launch.py --config=experiments/mnist_784_pixels.py

21 minutes on one CPU core. To expect over 3 seeds not yet measured; of seed 0 a test accuracy of 93.6 % after
2,000 steps, 3.6 epochs. With --mode=sweep also permuted ("permutation": 0), not measured.

Of as many steps: LSTM 98.9 and, permuted, 90.2 % (Cooijmans et al. 2017, 100 units); GRU 96.2 and 87.3 % (Bai et al.
2018, 70,000 weights); IRNN 97 and 82 % (Le et al. 2015, 100 units). Ours is trained for no longer, as 2 cores take 0.6
s for a step.
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
