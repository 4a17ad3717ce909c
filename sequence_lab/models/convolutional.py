"""Convolutional networks over images."""

import flax.linen as nn
import jax

from sequence_lab.models.recurrent import check_dropout
from sequence_lab.nn import Conv2D, Dense
from sequence_lab.ops import pooling

Array = jax.Array


class ConvNet2D(nn.Module):
    """Blocks of convolution, ReLU and max-pooling, then a hidden layer: ``[B, H, W, C]`` to ``[B, K]``.

    The plan of LeNet (LeCun et al. 1998), with today's non-linearity.

    Attributes:
      num_outputs: classes.
      features: channels of each block; every block halves height and width.
      kernel_size: of every convolution.
      hidden_features: size of the hidden layer.
      dropout: before the hidden and the last layer.
    """

    num_outputs: int
    features: tuple[int, ...] = (32, 64)
    kernel_size: int = 3
    hidden_features: int = 128
    dropout: float = 0.0

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        x = inputs_BHWC
        if min(x.shape[1:3]) < 2 ** len(self.features):
            raise ValueError(
                f"{len(self.features)} blocks halve each side to nothing: images have shape {x.shape[1:3]}, "
                f"features is {self.features}"
            )
        lengths = lengths_B
        for size in self.features:
            x, lengths = Conv2D(size, self.kernel_size)(x, lengths)
            x, lengths = pooling.max_pool(nn.relu(x), lengths, kernel_size=(2, 2))
        x = nn.Dropout(self.dropout)(x.reshape(x.shape[0], -1), deterministic=not train)
        x = nn.relu(Dense(self.hidden_features, name="hidden")(x))
        return Dense(self.num_outputs, name="head")(nn.Dropout(self.dropout)(x, deterministic=not train))
