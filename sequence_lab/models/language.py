"""Recurrent language models over symbols."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import check_dropout, recurrent_stack
from sequence_lab.nn import AdaptiveSoftmax, ClassSoftmax, Dense, Embedding, frequency_classes
from sequence_lab.ops import dropout, masking

Array = jax.Array
Carry = Any


class RecurrentLanguageModel(nn.Module):
    """p(next symbol | all before): embedding, stacked recurrent layers, logits (Mikolov et al. 2010).

    ``(tokens_BT, lengths_B, carry) -> (logits_BTV, carry)``: the logits at step t predict the symbol after tokens[t],
    and the carry continues the text in the next chunk. With the fields after ``dropout``, ``cell_options``
    {"drop_connect": ...} and ``optimizer.average_from`` it is the recipe of Merity et al. (2018).

    Attributes:
      vocabulary_size: V.
      embedding_features: size of the symbols' vectors.
      cell, features, cell_options: kind of cell, its size per layer, its options.
      dropout: between layers and before the logits, never on the recurrent connections (Zaremba et al. 2014).
      input_dropout: on the symbols' vectors; of few and small ones, as those of characters, it costs more than it
        regularises.
      symbol_dropout: on whole symbols, at all steps of a batch (Gal and Ghahramani 2016).
      locked: what dropout draws for a row stays the same over its steps (Gal and Ghahramani 2016).
      tied: the logits are products with the symbols' vectors (Press and Wolf 2017), and a bias; where these have
        another size than the top layer, of a projection of its outputs.
      classes: the logits are log probabilities, of so many classes of symbols and of the symbols of each
        (``ClassSoftmax``), by ``symbol_counts``; 0: there are none.
      symbol_counts: of the training text, by id, where the vocabulary is in order of frequency; data sets know it.
      cutoffs: the logits are log probabilities, of the symbols below the first of these ids and of groups that begin
        at each (``AdaptiveSoftmax``); (): there are none.
      table_scale: the symbols' vectors start from U(-table_scale, table_scale); 0: from N(0, 1).
      with_hidden: outputs are "symbols", the logits, and, for objectives on them, "hidden", what the top layer puts
        out, and "dropped", the same after dropout, of which the logits are made.
    """

    vocabulary_size: int
    embedding_features: int = 64
    cell: str = "lstm"
    features: tuple[int, ...] = (256,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    dropout: float = 0.0
    input_dropout: float = 0.0
    symbol_dropout: float = 0.0
    locked: bool = False
    tied: bool = False
    classes: int = 0
    symbol_counts: tuple[int, ...] | None = None
    cutoffs: tuple[int, ...] = ()
    table_scale: float = 0.0
    with_hidden: bool = False

    def setup(self) -> None:
        check_dropout(self.dropout)
        check_dropout(self.input_dropout)
        self.embedding = Embedding(
            self.vocabulary_size,
            self.embedding_features,
            embedding_dropout=self.symbol_dropout,
            table_init=table_init(self.table_scale),
        )
        self.decoder = self._stack()
        if self.tied + bool(self.classes) + bool(self.cutoffs) > 1:
            raise ValueError(
                f"tied is {self.tied}, classes is {self.classes}, cutoffs is {self.cutoffs}; allowed: one of the three"
            )
        if self.classes:
            if self.symbol_counts is None:
                raise ValueError(f"classes is {self.classes}; allowed on a text whose symbols are not counted: 0")
            self.head: nn.Module = ClassSoftmax(frequency_classes(self.symbol_counts, self.classes))
        elif self.cutoffs:
            self.head = AdaptiveSoftmax((*self.cutoffs, self.vocabulary_size))
        elif not self.tied:
            self.head = Dense(self.vocabulary_size)
        else:
            self.bias = self.param("bias", nn.initializers.zeros, (self.vocabulary_size,))
            if self.embedding_features != self._stack().out_features:
                self.projection = Dense(self.embedding_features, use_bias=False)

    @nn.nowrap
    def _stack(self) -> Any:
        return recurrent_stack(self.cell, self.features, self.cell_options, dropout=self.dropout, locked=self.locked)

    def __call__(
        self, tokens_BT: Array, lengths_B: Array | None = None, carry: Carry = None, *, train: bool = False
    ) -> tuple[Any, Carry]:
        x_BTD = self.embedding(tokens_BT, lengths_B, train=train)
        x_BTD = self._dropped(x_BTD, self.input_dropout, train)
        hidden_BTD, carry = self.decoder(x_BTD, lengths_B, carry, train=train)
        dropped_BTD = self._dropped(hidden_BTD, self.dropout, train)
        logits_BTV = self._logits(dropped_BTD, lengths_B)
        if not self.with_hidden:
            return logits_BTV, carry
        return {"symbols": logits_BTV, "hidden": hidden_BTD, "dropped": dropped_BTD}, carry

    def _dropped(self, x_BTD: Array, rate: float, train: bool) -> Array:
        return dropout.dropout(self.make_rng("dropout"), x_BTD, rate, locked=self.locked) if train and rate else x_BTD

    def _logits(self, y_BTD: Array, lengths_B: Array | None) -> Array:
        if not self.tied:
            return self.head(y_BTD, lengths_B)
        if self.embedding_features != y_BTD.shape[-1]:
            y_BTD = self.projection(y_BTD, lengths_B)
        return masking.zero_padding(self.embedding.attend(y_BTD, lengths_B) + self.bias, lengths_B)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry at the start of a text, for ``batch_shape`` texts side by side."""
        return self._stack().initial_carry(batch_shape)

    def step(self, carry: Carry, tokens_B: Array) -> tuple[Array, Carry]:
        """The logits after one more symbol: ``(carry, [B]) -> ([B, V], carry)``."""
        outputs, carry = self(tokens_B[..., None], None, carry)
        logits_BTV = outputs["symbols"] if self.with_hidden else outputs
        return logits_BTV[..., 0, :], carry


def table_init(scale: float) -> Any:
    """Fills a table of symbols' vectors from U(-scale, scale); where that is 0, from N(0, 1)."""
    if not scale:
        return nn.initializers.normal(1.0)
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -scale, scale)
