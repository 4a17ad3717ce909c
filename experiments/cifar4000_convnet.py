"""Photographs of ten kinds of things, 2,800 to learn from: convolutions of 5x5 within the image, as in CS231n.

python launch.py --config=experiments/cifar4000_convnet.py

1.1 minutes on 2 CPU cores. To expect over 3 seeds: a test accuracy of 57.0 ± 6.7 % (± is a 95 % interval; one of the
800 test images is 0.13 %). [Convolution, ReLU, max-pooling] twice and a hidden layer: filters of 5x5 without padding
make 28x28 places out of 32x32, and 10x10 out of the 14x14 that pooling leaves. Trained as cifar4000_vgg11.py, which has
69.0 %.
"""

from ml_collections import ConfigDict

from experiments import cifar4000_vgg11


def get_config() -> ConfigDict:
    config = cifar4000_vgg11.get_config()
    config.name = "cifar4000_convnet"
    config.model_name = "conv_net_2d"
    config.model = ConfigDict(
        {
            "features": (32, 64),  # channels of each block
            "kernel_size": 5,
            "padding": "VALID",
            "hidden_features": 128,
            "dropout": 0.3,
        }
    )
    return config
