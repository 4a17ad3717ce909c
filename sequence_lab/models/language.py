"""Recurrent language models over symbols."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax

from sequence_lab.models.recurrent import recurrent_stack
from sequence_lab.nn import Dense, Embedding

Array = jax.Array
Carry = Any


class RecurrentLanguageModel(nn.Module):
    """p(next symbol | all before): embedding, stacked recurrent layers, logits (Mikolov et al. 2010).

    ``(tokens_BT, lengths_B, carry) -> (logits_BTV, carry)``: the logits at step t predict the symbol after tokens[t],
    and the carry continues the text in the next chunk.

    Attributes:
      vocabulary_size: V.
      embedding_features: size of the symbols' vectors.
      cell, features, cell_options: kind of cell, its size per layer, its options.
      dropout: between layers and before the logits, never on the recurrent connections (Zaremba et al. 2014); nor
        on the embedding, as the vectors of characters are few and small, and losing a part of one costs more than
        it regularises.
    """

    vocabulary_size: int
    embedding_features: int = 64
    cell: str = "lstm"
    features: tuple[int, ...] = (256,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    dropout: float = 0.0

    def setup(self) -> None:
        self.embedding = Embedding(self.vocabulary_size, self.embedding_features)
        self.decoder = self._stack()
        self.head = Dense(self.vocabulary_size)
        self.drop = nn.Dropout(self.dropout)

    @nn.nowrap
    def _stack(self) -> Any:
        return recurrent_stack(self.cell, self.features, self.cell_options, dropout=self.dropout)

    def __call__(
        self, tokens_BT: Array, lengths_B: Array | None = None, carry: Carry = None, *, train: bool = False
    ) -> tuple[Array, Carry]:
        x_BTD = self.embedding(tokens_BT, lengths_B)
        y_BTD, carry = self.decoder(x_BTD, lengths_B, carry, train=train)
        return self.head(self.drop(y_BTD, deterministic=not train), lengths_B), carry

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry at the start of a text, for ``batch_shape`` texts side by side."""
        return self._stack().initial_carry(batch_shape)

    def step(self, carry: Carry, tokens_B: Array) -> tuple[Array, Carry]:
        """The logits after one more symbol: ``(carry, [B]) -> ([B, V], carry)``."""
        logits_BTV, carry = self(tokens_B[..., None], None, carry)
        return logits_BTV[..., 0, :], carry
