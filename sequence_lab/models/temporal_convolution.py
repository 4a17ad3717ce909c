"""Causal convolution over sequences: gated and dilated stacks, whole and in chunks."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import POOLINGS, check_dropout, embedded
from sequence_lab.nn import Conv1D, Dense
from sequence_lab.ops import masking

Array = jax.Array
Carry = Any


class CausalConv1D(nn.Module):
    """A convolution over the steps so far that goes on where it stopped: ``(x_BTC, lengths_B, carry) -> (y, carry)``.

    The carry holds the last ``reach`` inputs ``[B, reach, C]``, zeros before the first.

    Attributes:
      features, kernel_size, dilation: as in ``Conv1D``.
    """

    features: int
    kernel_size: int
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Steps before its own that an output sees."""
        return (self.kernel_size - 1) * self.dilation

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None, carry_BRC: Array) -> tuple[Array, Array]:
        joined = jnp.concatenate([carry_BRC.astype(x_BTC.dtype), masking.zero_padding(x_BTC, lengths_B)], axis=1)
        convolution = Conv1D(
            self.features, self.kernel_size, padding="VALID", kernel_dilation=self.dilation, name="convolution"
        )
        y_BTD, _ = convolution(joined, None if lengths_B is None else lengths_B + self.reach)
        if lengths_B is None:
            return y_BTD, joined[:, x_BTC.shape[1] :]
        last_BR1 = (lengths_B[:, None] + jnp.arange(self.reach))[..., None]
        return y_BTD, jnp.take_along_axis(joined, last_BR1, axis=1)


class TemporalBlock(nn.Module):
    """Two causal convolutions with a way around them: ``[B, T, C]`` to ``[B, T, features]``.

    Bai et al. (2018), figure 1, without weight normalisation: relu(x + f(x)), where f is convolution, ReLU and dropout,
    twice; gated, convolution(x) * sigmoid(convolution(x)) in the place of ReLU (Dauphin et al. 2017).

    Attributes:
      features, kernel_size, dilation: of both.
      gated: the non-linearity.
      dropout: after each convolution.
    """

    features: int
    kernel_size: int
    dilation: int
    gated: bool = False
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x_BTC: Array, lengths_B: Array | None, carry: tuple[Array, Array], train: bool
    ) -> tuple[Array, tuple[Array, Array]]:
        y_BTD, carries = x_BTC, []
        for number, before in enumerate(carry):
            wide = self.features * (2 if self.gated else 1)
            layer = CausalConv1D(wide, self.kernel_size, self.dilation, name=f"layer_{number}")
            y_BTD, after = layer(y_BTD, lengths_B, before)
            y_BTD = nn.glu(y_BTD) if self.gated else nn.relu(y_BTD)
            y_BTD = nn.Dropout(self.dropout)(y_BTD, deterministic=not train)
            carries.append(after)
        if x_BTC.shape[-1] != self.features:
            x_BTC = Dense(self.features, name="around")(x_BTC, lengths_B)
        y_BTD = masking.zero_padding(x_BTC + y_BTD, lengths_B)
        return y_BTD if self.gated else nn.relu(y_BTD), (carries[0], carries[1])


class TemporalConvNet(nn.Module):
    """Blocks one over the other, the dilation doubling with each: ``(x_BTC, lengths_B, carry) -> (y_BTD, carry)``.

    Attributes:
      features: of each block.
      kernel_size: of all; 2 (k - 1) (2^N - 1) steps before its own are what an output of N blocks sees.
      gated, dropout: as in ``TemporalBlock``.
    """

    features: tuple[int, ...]
    kernel_size: int
    gated: bool = False
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x_BTC: Array, lengths_B: Array | None = None, carry: Carry = None, *, train: bool = False
    ) -> tuple[Array, Carry]:
        check_dropout(self.dropout)
        if not self.features or self.kernel_size < 2:
            raise ValueError(
                f"features is {self.features}, kernel_size is {self.kernel_size}; allowed: one or more, 2 or more"
            )
        if carry is None:
            carry = self.initial_carry(x_BTC.shape[:1], x_BTC.shape[-1])
        after = []
        for number, (size, before) in enumerate(zip(self.features, carry, strict=True)):
            block = TemporalBlock(size, self.kernel_size, 2**number, self.gated, self.dropout, name=f"block_{number}")
            x_BTC, carried = block(x_BTC, lengths_B, before, train)
            after.append(carried)
        return x_BTC, tuple(after)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...], in_features: int) -> Carry:
        """Nothing before the first step."""
        found, size = [], in_features
        for number, features in enumerate(self.features):
            reach = (self.kernel_size - 1) * 2**number
            found.append(tuple(jnp.zeros((*batch_shape, reach, width)) for width in (size, features)))
            size = features
        return tuple(found)


class TemporalConvTagger(nn.Module):
    """A temporal convolutional network and an affine layer at every step: ``[B, T, C]`` to ``[B, T, K]``.

    Attributes:
      num_outputs: K.
      vocabulary_size, embedding_features: where inputs are ids, as in ``RecurrentTagger``.
      features, kernel_size, gated, dropout: as in ``TemporalConvNet``.
    """

    num_outputs: int
    vocabulary_size: int | None = None
    embedding_features: int = 64
    features: tuple[int, ...] = (64, 64)
    kernel_size: int = 3
    gated: bool = False
    dropout: float = 0.0

    def __call__(self, inputs_BTC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        outputs_BTK, _ = self._read(inputs_BTC, lengths_B, None, train)
        return outputs_BTK

    def step(self, carry: Carry, inputs_BC: Array) -> tuple[Array, Carry]:
        """One more step of every sequence: ``(carry, [B, C]) -> ([B, K], carry)``; the first carry is None."""
        outputs_BTK, carry = self._read(inputs_BC[:, None], None, carry, train=False)
        return outputs_BTK[:, 0], carry

    @nn.compact
    def _read(self, inputs_BTC: Array, lengths_B: Array | None, carry: Carry, train: bool) -> tuple[Array, Carry]:
        x_BTC = embedded(inputs_BTC, lengths_B, self.vocabulary_size, self.embedding_features)
        encoder = TemporalConvNet(self.features, self.kernel_size, self.gated, self.dropout, name="encoder")
        y_BTD, carry = encoder(x_BTC, lengths_B, carry, train=train)
        return Dense(self.num_outputs, name="head")(y_BTD, lengths_B), carry


class TemporalConvClassifier(nn.Module):
    """A temporal convolutional network and one vector for the whole: ``[B, T, C]`` to ``[B, K]``.

    Attributes:
      num_outputs: K.
      vocabulary_size, embedding_features: where inputs are ids, as in ``RecurrentClassifier``.
      features, kernel_size, gated, dropout: as in ``TemporalConvNet``.
      representation: a pooling over time of ``recurrent.POOLINGS``; "last" sees all before it.
    """

    num_outputs: int
    vocabulary_size: int | None = None
    embedding_features: int = 64
    features: tuple[int, ...] = (64, 64)
    kernel_size: int = 3
    gated: bool = False
    dropout: float = 0.0
    representation: str = "last"

    @nn.compact
    def __call__(self, inputs_BTC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if self.representation not in POOLINGS:
            raise ValueError(f"representation is {self.representation!r}; allowed: {', '.join(POOLINGS)}")
        x_BTC = embedded(inputs_BTC, lengths_B, self.vocabulary_size, self.embedding_features)
        encoder = TemporalConvNet(self.features, self.kernel_size, self.gated, self.dropout, name="encoder")
        y_BTD, _ = encoder(x_BTC, lengths_B, train=train)
        return Dense(self.num_outputs, name="head")(POOLINGS[self.representation](y_BTD, lengths_B))
