"""Residual networks (He et al. 2016), for small images and for those of ImageNet."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.convolutional import ACTIVATED
from sequence_lab.models.vgg import scaled
from sequence_lab.nn import BatchNorm, Conv2D, Dense
from sequence_lab.ops import pooling

Array = jax.Array
EXPANSION = 4  # of the last filters of a bottleneck
IMAGENET_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
SHORTCUTS = ("zeros", "projection", "none")


class ResNet(nn.Module):
    """6n + 2 layers for small images: ``[B, H, W, C]`` to ``[B, K]``.

    He et al. 2016, section 4.2: a convolution, then three stages of n blocks with 16, 32 and 64 filters, of which the
    second and third halve the sides, the mean over all positions, and the classes. Shortcuts have no parameters. Means
    and statistics are of the real positions alone; rows of length 0 do not count.

    Attributes:
      num_outputs: classes K.
      depth: 6n + 2: 20, 32, 44, 56, 110.
      plain: without shortcuts, to show what they are for.
      pre_activation: normalisation and ReLU before each convolution (He et al. 2016b, figure 4e), with the first ones
        before the first block parts and the last ones after the last block, as its appendix says.
      width: factor on the filters of every layer.
    """

    num_outputs: int
    depth: int = 20
    plain: bool = False
    pre_activation: bool = False
    width: float = 1.0

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if self.depth < 8 or (self.depth - 2) % 6:
            raise ValueError(f"depth is {self.depth}; allowed: 6n + 2: 8, 14, 20, 32, 44, 56, 110")
        features = scaled((16, 32, 64), self.width)
        x, lengths = _convolution(features[0], 3, 1, "conv")(inputs_BHWC, lengths_B)
        x = nn.relu(BatchNorm(name="norm")(x, lengths, train=train))
        self.sow("intermediates", ACTIVATED, x)
        for stage, block, strides in _blocks([(self.depth - 2) // 6] * 3):
            x, lengths = ResidualBlock(
                features[stage],
                strides,
                "none" if self.plain else "zeros",
                pre_activation=self.pre_activation,
                activated=stage == block == 0,
                name=f"stage_{stage}_block_{block}",
            )(x, lengths, train=train)
        if self.pre_activation:
            x = nn.relu(BatchNorm(name="norm_last")(x, lengths, train=train))
        return Dense(self.num_outputs, name="head")(_mean(x, lengths))


class ImageNetResNet(nn.Module):
    """18, 34 or 50 layers for large images: ``[B, H, W, C]`` to ``[B, K]``.

    He et al. 2016, table 1; the deepest one of bottlenecks, which move by two at their 3x3 convolution, as torchvision
    has it. A shortcut into another shape is a convolution of 1x1 (option B). With three channels and 1,000 classes
    they have torchvision's parameters, to the number.

    Attributes:
      num_outputs: classes K.
      depth: 18, 34 or 50.
      width: factor on the filters of every layer.
    """

    num_outputs: int
    depth: int = 18
    width: float = 1.0

    @nn.compact
    def __call__(self, inputs_BHWC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if self.depth not in IMAGENET_BLOCKS:
            raise ValueError(f"depth is {self.depth}; allowed: {', '.join(map(str, IMAGENET_BLOCKS))}")
        features = scaled((64, 128, 256, 512), self.width)
        x, lengths = _convolution(features[0], 7, 2, "conv")(inputs_BHWC, lengths_B)
        x = nn.relu(BatchNorm(name="norm")(x, lengths, train=train))
        self.sow("intermediates", ACTIVATED, x)
        x, lengths = pooling.max_pool(x, lengths, kernel_size=(3, 3), strides=2, padding=1)
        for stage, block, strides in _blocks(IMAGENET_BLOCKS[self.depth]):
            x, lengths = ResidualBlock(
                features[stage],
                strides,
                "projection",
                bottleneck=self.depth >= 50,
                name=f"stage_{stage}_block_{block}",
            )(x, lengths, train=train)
        return Dense(self.num_outputs, name="head")(_mean(x, lengths))


class ResidualBlock(nn.Module):
    """y = relu(F(x) + shortcut(x)), F of convolutions and batch normalisation: ``(x_BHWC, lengths) -> (y, lengths)``.

    He et al. 2016, equations 1 and 2, figures 2 and 5. With ``pre_activation`` y = F(x) + shortcut(x), and F normalises
    before each of its convolutions (He et al. 2016b, figure 4e).

    Attributes:
      features: filters; of a bottleneck EXPANSION times as many come out.
      strides: of the first convolution of 3x3.
      shortcut: of an input that has another shape: "zeros", every other position, and further channels of zeros (option
        A of the paper); "projection", a convolution of 1x1 (B). "none": none at all, a plain block.
      bottleneck: convolutions of 1x1, 3x3 and 1x1 in place of two of 3x3.
      pre_activation: see above.
      activated: with ``pre_activation``, an input that has been through normalisation and ReLU already.
    """

    features: int
    strides: int = 1
    shortcut: str = "zeros"
    bottleneck: bool = False
    pre_activation: bool = False
    activated: bool = False

    @nn.compact
    def __call__(self, x: Array, lengths: Array | None = None, *, train: bool = False) -> tuple[Array, Array | None]:
        if self.shortcut not in SHORTCUTS:
            raise ValueError(f"shortcut is {self.shortcut!r}; allowed: {', '.join(SHORTCUTS)}")
        plan = [(self.features, 3, self.strides), (self.features, 3, 1)]
        if self.bottleneck:
            plan = [(self.features, 1, 1), plan[0], (EXPANSION * self.features, 1, 1)]
        y, inner = x, lengths
        for number, (features, size, strides) in enumerate(plan):
            norm = BatchNorm(name=f"norm_{number}")
            if self.pre_activation and not (self.activated and number == 0):
                y = nn.relu(norm(y, inner, train=train))
            y, inner = _convolution(features, size, strides, f"conv_{number}")(y, inner)
            if not self.pre_activation:
                y = norm(y, inner, train=train)
                y = y if number == len(plan) - 1 else nn.relu(y)
        if self.shortcut != "none":
            y = y + self._shortcut(x, lengths, y.shape[-1], train)
        return y if self.pre_activation else nn.relu(y), inner

    def _shortcut(self, x: Array, lengths: Array | None, features: int, train: bool) -> Array:
        if self.strides == 1 and x.shape[-1] == features:
            return x
        if self.shortcut == "zeros":
            more = features - x.shape[-1]
            return jnp.pad(x[:, :: self.strides, :: self.strides], [(0, 0)] * 3 + [(0, more)])
        x, lengths = _convolution(features, 1, self.strides, "conv_shortcut")(x, lengths)
        return BatchNorm(name="norm_shortcut")(x, lengths, train=train)


def _convolution(features: int, size: int, strides: int, name: str) -> Conv2D:
    """Without a bias, which normalisation would take off again; weights as in He et al. 2015."""
    init = nn.initializers.he_normal()
    return Conv2D(features, size, strides=strides, use_bias=False, kernel_init=init, name=name)


def _blocks(counts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Stage, block and stride of each block: the first one of every stage but the first moves by two."""
    return [(s, b, 2 if s and not b else 1) for s, count in enumerate(counts) for b in range(count)]


def _mean(x: Array, lengths: Array | None) -> Array:
    """The mean over all real positions: ``[B, H, W, C]`` to ``[B, C]``."""
    return pooling.adaptive_avg_pool(x, lengths, output_size=(1, 1))[0][:, 0, 0]
