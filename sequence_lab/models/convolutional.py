"""Convolutional networks over images."""

import flax.linen as nn
import jax

from sequence_lab.models.recurrent import check_dropout
from sequence_lab.nn import BatchNorm, Conv2D, Dense
from sequence_lab.ops import pooling

Array = jax.Array
# What networks over images keep among Flax's "intermediates", layer by layer, for whoever asks for these: maps after
# normalisation and activation, and those of which the maxima over 2x2 places go on.
ACTIVATED, HALVED = "activated", "halved"


class ConvNet2D(nn.Module):
    """[[convolution, ReLU] x M, max-pooling] x N, then a hidden layer: ``[B, H, W, C]`` to ``[B, K]``.

    Attributes:
      num_outputs: classes.
      features: channels of each block; every block halves height and width.
      kernel_size: of every convolution.
      convolutions: M, of each block.
      padding: "SAME", convolutions keep height and width; "VALID", filters stay within the image: one of 5x5 makes
        28x28 out of 32x32.
      batch_norm: normalise before each ReLU of a convolution, in place of its bias.
      hidden_features: size of the hidden layer; 0: none.
      dropout: before the hidden and the last layer.
    """

    num_outputs: int
    features: tuple[int, ...] = (32, 64)
    kernel_size: int = 3
    convolutions: int = 1
    padding: str = "SAME"
    batch_norm: bool = False
    hidden_features: int = 128
    dropout: float = 0.0

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        self._check_sides(inputs_BHWC.shape[1:3])
        x, lengths = inputs_BHWC, lengths_B
        for size in self.features:
            for _ in range(self.convolutions):
                convolution = Conv2D(size, self.kernel_size, padding=self.padding, use_bias=not self.batch_norm)
                x, lengths = convolution(x, lengths)
                if self.batch_norm:
                    x = BatchNorm()(x, lengths, train=train)
                x = nn.relu(x)
                self.sow("intermediates", ACTIVATED, x)
            self.sow("intermediates", HALVED, x)
            x, lengths = pooling.max_pool(x, lengths, kernel_size=(2, 2))
        y = nn.Dropout(self.dropout)(vector(x), deterministic=not train)
        if self.hidden_features:
            y = nn.relu(Dense(self.hidden_features, name="hidden")(y))
            y = nn.Dropout(self.dropout)(y, deterministic=not train)
        return Dense(self.num_outputs, name="head")(y)

    @nn.nowrap
    def _check_sides(self, sides: tuple[int, ...]) -> None:
        """Raises ValueError unless something is left of an image of that height and width."""
        if self.padding not in ("SAME", "VALID"):
            raise ValueError(f"padding is {self.padding!r}; allowed: SAME, VALID")
        if self.convolutions < 1:
            raise ValueError(f"convolutions is {self.convolutions}; allowed: 1 or more")
        left, lost = min(sides), self.convolutions * (self.kernel_size - 1) * (self.padding == "VALID")
        for _ in self.features:
            left = (left - lost) // 2
        if left < 1:
            raise ValueError(
                f"{len(self.features)} blocks halve each side to nothing: images have shape {sides}, features is "
                f"{self.features}, padding {self.padding}"
            )


def vector(x_BHWC: Array) -> Array:
    """All positions side by side: ``[B, H W C]``."""
    return x_BHWC.reshape(x_BHWC.shape[0], -1)
