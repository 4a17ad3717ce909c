"""LeNet-5 (LeCun et al. 1998), as it was and as it is built today."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.models.convolutional import ACTIVATED, HALVED, vector
from sequence_lab.nn import Conv2D, Dense
from sequence_lab.ops import convolution, pooling, windows

Array = jax.Array
# Which of the six maps of S2 each of the sixteen maps of C3 sees: table I of the paper.
SEEN = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class LeNet(nn.Module):
    """Two layers of convolution and subsampling, then three more: ``[B, 28, 28, C]``, or of 32x32, to ``[B, K]``.

    LeCun et al. 1998, section II.B: 6 and 16 filters of 5x5, each halved by subsampling, then 120, 84 and the classes.
    Images of 28x28 are surrounded by two zeros, as they were. Today's form has ReLU, maxima over 2x2, and filters that
    see all maps. The original has 1.7159 tanh(2/3 a), means with a weight and a bias for each map, and C3 sees the maps
    of the paper's table I, which makes 60,000 parameters up to its last layer; that layer is affine here, where the
    paper has distances from fixed drawings of the digits.

    Attributes:
      num_outputs: classes K.
      original: the form of the paper.
    """

    num_outputs: int
    original: bool = False

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        sides = inputs_BHWC.shape[1:3]
        if sides not in ((28, 28), (32, 32)):
            raise ValueError(f"images have shape {sides}; allowed: (28, 28), (32, 32)")
        x, lengths = Conv2D(6, 5, padding=(32 - sides[0]) // 2, name="c1")(inputs_BHWC, lengths_B)
        x, lengths = self._halved(x, lengths, "s2")
        c3 = SparseConvolution(name="c3") if self.original else Conv2D(16, 5, padding="VALID", name="c3")
        x, lengths = c3(x, lengths)
        x, lengths = self._halved(x, lengths, "s4")
        activation = _squashed if self.original else nn.relu
        y = activation(Dense(120, name="c5")(vector(x)))
        y = activation(Dense(84, name="f6")(y))
        return Dense(self.num_outputs, name="head")(y)

    def _halved(self, x: Array, lengths: Array | None, name: str) -> tuple[Array, Array | None]:
        """Non-linearity and subsampling: today the largest ReLU of four, then the squashed mean of four squashed."""
        x = _squashed(x) if self.original else nn.relu(x)
        self.sow("intermediates", ACTIVATED, x)
        if not self.original:
            self.sow("intermediates", HALVED, x)
            return pooling.max_pool(x, lengths, kernel_size=(2, 2))
        x, lengths = pooling.avg_pool(x, lengths, kernel_size=(2, 2))
        weight_C = self.param(f"{name}_weight", nn.initializers.ones, x.shape[-1:])
        bias_C = self.param(f"{name}_bias", nn.initializers.zeros, x.shape[-1:])
        return _masked(_squashed(x * weight_C + bias_C), lengths), lengths


class SparseConvolution(nn.Module):
    """The layer C3: 16 filters of 5x5, each of which sees the maps in ``SEEN`` alone; 1,516 parameters."""

    @nn.compact
    def __call__(self, x_BHWC: Array, lengths: Array | None = None) -> tuple[Array, Array | None]:
        maps, filters = np.concatenate([[(c, d) for c in seen] for d, seen in enumerate(SEEN)]).T
        weights = self.param("kernel", nn.initializers.normal(0.1), (5, 5, len(maps)))
        bias_D = self.param("bias", nn.initializers.zeros, (len(SEEN),))
        kernel_HWCD = jnp.zeros((5, 5, 6, len(SEEN))).at[:, :, maps, filters].set(weights)
        y, lengths = convolution.convolve(x_BHWC, kernel_HWCD, lengths)
        return _masked(y + bias_D, lengths), lengths


def _squashed(x: Array) -> Array:
    """The paper's sigmoid, which takes 1 to 1 and -1 to -1: its appendix A."""
    return 1.7159 * jnp.tanh(2 / 3 * x)


def _masked(x: Array, lengths: Array | None) -> Array:
    return windows.mask_spatial(x, windows.spatial_lengths(lengths, x.shape[:1], x.shape[1:3]))
