"""Language models that see the last few symbols, by causal convolution; called as ``RecurrentLanguageModel``."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.language import table_init
from sequence_lab.models.recurrent import check_dropout
from sequence_lab.models.temporal_convolution import CausalConv1D, TemporalConvNet
from sequence_lab.nn import Dense, Embedding

Array = jax.Array
Carry = Any


class CausalWindow(nn.Module):
    """A hidden layer over the last steps, tanh and dropout: ``(x_BTC, lengths_B, carry) -> (y_BTD, carry)``.

    Attributes:
      features: D.
      kernel_size: steps that an output sees, its own among them.
      dropout: of the outputs.
    """

    features: int
    kernel_size: int
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x_BTC: Array, lengths_B: Array | None = None, carry: Carry = None, *, train: bool = False
    ) -> tuple[Array, Carry]:
        if carry is None:
            carry = self.initial_carry(x_BTC.shape[:1], x_BTC.shape[-1])
        y_BTD, carry = CausalConv1D(self.features, self.kernel_size, name="layer")(x_BTC, lengths_B, carry)
        return nn.Dropout(self.dropout)(nn.tanh(y_BTD), deterministic=not train), carry

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...], in_features: int) -> Carry:
        """Nothing before the first step."""
        return jnp.zeros((*batch_shape, self.kernel_size - 1, in_features))


class _LanguageModel(nn.Module):
    """p(next symbol | the last few): embedding, what a subclass decodes it with, logits."""

    vocabulary_size: int
    embedding_features: int = 64
    dropout: float = 0.0
    table_scale: float = 0.0

    def setup(self) -> None:
        check_dropout(self.dropout)
        self.embedding = Embedding(
            self.vocabulary_size, self.embedding_features, table_init=table_init(self.table_scale)
        )
        self.decoder = self._decoder()
        self.head = Dense(self.vocabulary_size)

    @nn.nowrap
    def _decoder(self) -> Any:
        raise NotImplementedError

    def __call__(
        self, tokens_BT: Array, lengths_B: Array | None = None, carry: Carry = None, *, train: bool = False
    ) -> tuple[Array, Carry]:
        y_BTD, carry = self.decoder(self.embedding(tokens_BT, lengths_B), lengths_B, carry, train=train)
        return self.head(y_BTD, lengths_B), carry

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry at the start of a text, for ``batch_shape`` texts side by side."""
        return self._decoder().initial_carry(batch_shape, self.embedding_features)

    def step(self, carry: Carry, tokens_B: Array) -> tuple[Array, Carry]:
        """The logits after one more symbol: ``(carry, [B]) -> ([B, V], carry)``."""
        logits_BTV, carry = self(tokens_B[..., None], None, carry)
        return logits_BTV[..., 0, :], carry


class ConvolutionalLanguageModel(_LanguageModel):
    """An n-gram model by one convolution over the last n - 1 symbols, the hidden layer of Bengio et al. (2003).

    Attributes:
      vocabulary_size: V.
      embedding_features: size of the symbols' vectors.
      dropout: before the logits.
      table_scale: as of ``RecurrentLanguageModel``.
      window: n.
      hidden_features: units of the hidden layer.
    """

    window: int = 5
    hidden_features: int = 256

    @nn.nowrap
    def _decoder(self) -> Any:
        if self.window < 2:
            raise ValueError(f"window is {self.window}; allowed: 2 or more")
        return CausalWindow(self.hidden_features, self.window - 1, self.dropout)


class TemporalConvLanguageModel(_LanguageModel):
    """A temporal convolutional network over the symbols (Bai et al. 2018; Dauphin et al. 2017).

    Attributes:
      vocabulary_size: V.
      embedding_features: size of the symbols' vectors.
      features, kernel_size, gated, dropout: as in ``TemporalConvNet``.
      table_scale: as of ``RecurrentLanguageModel``.
    """

    features: tuple[int, ...] = (64, 64)
    kernel_size: int = 3
    gated: bool = False

    @nn.nowrap
    def _decoder(self) -> Any:
        return TemporalConvNet(self.features, self.kernel_size, self.gated, self.dropout)
