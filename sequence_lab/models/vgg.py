"""The networks of Simonyan and Zisserman (2015): small filters, many layers."""

import flax.linen as nn
import jax

from sequence_lab.models.convolutional import ACTIVATED, HALVED, vector
from sequence_lab.models.recurrent import check_dropout
from sequence_lab.nn import BatchNorm, Conv2D, Dense
from sequence_lab.ops import pooling

Array = jax.Array
BLOCK_FEATURES = (64, 128, 256, 512, 512)
# The filters of each block by their size, table 1 of the paper; a block ends with max-pooling.
CONFIGURATIONS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}


class VGG(nn.Module):
    """Five blocks of convolution and ReLU, each halving the sides, then hidden layers: ``[B, H, W, C]`` to ``[B, K]``.

    Images of 224x224 with three channels, 1,000 classes and the defaults are the paper's networks, to the parameter.
    Smaller ones, of 17x17 or more, are pooled with windows that may hang over the end; for those of 32x32 or 28x28, one
    position is left, and hidden layers are usually left out. Weights start as in He et al. 2015, so that the deep ones
    need no shallow one to start from.

    Attributes:
      num_outputs: classes K.
      configuration: a column of the paper's table 1: "A" (VGG-11), "B" (13), "C" (16, of which three see 1x1), "D" (16)
        or "E" (19).
      batch_norm: normalise before each ReLU of a convolution, in place of its bias.
      width: factor on the filters of every layer.
      hidden_features: sizes of the hidden layers.
      dropout: before each hidden and the last layer.
    """

    num_outputs: int
    configuration: str = "A"
    batch_norm: bool = False
    width: float = 1.0
    hidden_features: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        if self.configuration not in CONFIGURATIONS:
            raise ValueError(f"configuration is {self.configuration!r}; allowed: {', '.join(CONFIGURATIONS)}")
        x, lengths = inputs_BHWC, lengths_B
        for block, (features, sizes) in enumerate(
            zip(scaled(BLOCK_FEATURES, self.width), CONFIGURATIONS[self.configuration], strict=True)
        ):
            for layer, size in enumerate(sizes):
                place = f"{block}_{layer}"
                convolution = Conv2D(
                    features,
                    size,
                    use_bias=not self.batch_norm,
                    kernel_init=nn.initializers.he_normal(),
                    name=f"conv_{place}",
                )
                x, lengths = convolution(x, lengths)
                if self.batch_norm:
                    x = BatchNorm(name=f"norm_{place}")(x, lengths, train=train)
                x = nn.relu(x)
                self.sow("intermediates", ACTIVATED, x)
            self.sow("intermediates", HALVED, x)
            x, lengths = pooling.max_pool(x, lengths, kernel_size=(2, 2), ceil_mode=True)
        y = nn.Dropout(self.dropout)(vector(x), deterministic=not train)
        for number, size in enumerate(self.hidden_features):
            hidden = Dense(size, kernel_init=nn.initializers.he_normal(), name=f"hidden_{number}")
            y = nn.Dropout(self.dropout)(nn.relu(hidden(y)), deterministic=not train)
        return Dense(self.num_outputs, name="head")(y)


def scaled(features: tuple[int, ...], width: float) -> tuple[int, ...]:
    """So many times as many filters, rounded, one at least. Raises ValueError unless ``width`` is above 0."""
    if not width > 0:
        raise ValueError(f"width is {width}; allowed: above 0")
    return tuple(max(1, round(size * width)) for size in features)
