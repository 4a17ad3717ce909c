"""Recurrent networks over sequences of vectors: one output per sequence, or one per step."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax

from sequence_lab.nn import (
    AttentionPooling,
    Bidirectional,
    ChainPotentials,
    Dense,
    Embedding,
    Recurrent,
    Stacked,
    final_hidden,
)
from sequence_lab.ops import pooling
from sequence_lab.ops.recurrence import CELLS

Array = jax.Array


def check_dropout(rate: float) -> None:
    """Raises ValueError unless the rate is in [0, 1)."""
    if not 0 <= rate < 1:
        raise ValueError(f"dropout is {rate}; allowed: 0 or more, below 1")


def recurrent_stack(
    cell: str,
    features: tuple[int, ...],
    cell_options: Mapping[str, Any],
    *,
    bidirectional: bool = False,
    dropout: float = 0.0,
    connection: str = "plain",
    locked: bool = False,
    name: str | None = None,
) -> Stacked:
    """A ``Stacked`` of one layer per entry of ``features``, all of one kind of cell.

    Raises:
      ValueError: an unknown cell, an option that the cell does not have, no layer at all.
    """
    if cell not in CELLS:
        raise ValueError(f"cell is {cell!r}; allowed: {', '.join(CELLS)}")
    if not features or min(features) < 1:
        raise ValueError(f"features is {features!r}; allowed: one int >= 1 per layer")
    try:
        # parent=None: the layers belong to the stack, not to the module that happens to build it.
        layers: list[Any] = [Recurrent(CELLS[cell](size, **cell_options), parent=None) for size in features]
    except TypeError as error:
        raise ValueError(f"cell_options of {cell} are {dict(cell_options)}: {error}") from None
    if bidirectional:
        layers = [Bidirectional(layer, parent=None) for layer in layers]
    return Stacked(layers, dropout, connection, locked, name=name)


def embedded(inputs: Array, lengths_B: Array | None, vocabulary_size: int | None, features: int) -> Array:
    """Ids as vectors, in the module whose method calls it; what are vectors already stays."""
    if vocabulary_size is None:
        return inputs
    return Embedding(vocabulary_size, features, name="embedding")(inputs, lengths_B)


OUTPUTS: Mapping[str, Callable[..., nn.Module]] = {"crf": ChainPotentials, "softmax": Dense}


def step_outputs(output: str, num_outputs: int) -> nn.Module:
    """The last layer of what labels every step, "head" in the module whose method calls it.

    Raises:
      ValueError: another output than "softmax" and "crf".
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; allowed: {', '.join(OUTPUTS)}")
    return OUTPUTS[output](num_outputs, name="head")


POOLINGS: Mapping[str, Callable[[Array, Array | None], Array]] = {
    "first": pooling.first_over_time,
    "last": pooling.last_over_time,
    "log_sum_exp": pooling.log_sum_exp_over_time,
    "max": pooling.max_over_time,
    "mean": pooling.mean_over_time,
}
REPRESENTATIONS = (*POOLINGS, "attention", "final")


class RecurrentClassifier(nn.Module):
    """Stacked recurrent layers, one vector for the whole sequence, one affine layer: ``[B, T, C]`` to ``[B, K]``.

    Attributes:
      num_outputs: classes, or targets of a regression.
      vocabulary_size: where inputs are ids ``[B, T]``, of how many symbols; they are embedded. None: they are vectors,
        unless the data set knows of a vocabulary.
      embedding_features: C of what is embedded.
      cell, features, cell_options: kind of cell, its size per layer, its options.
      bidirectional: every layer reads both ways.
      representation: which vector stands for the sequence: the outputs pooled over the real steps ("max", "mean",
        "log_sum_exp", "first", "last", or "attention", a learned mean), or "final", what the top layer put out last, in
        each of its directions.
      connection: what a layer makes of its input: see ``nn.Stacked``.
      dropout: between layers and before the affine layer.
    """

    num_outputs: int
    vocabulary_size: int | None = None
    embedding_features: int = 64
    cell: str = "lstm"
    features: tuple[int, ...] = (128,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    bidirectional: bool = False
    representation: str = "last"
    connection: str = "plain"
    dropout: float = 0.0

    @nn.compact
    def __call__(self, inputs_BTC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if self.representation not in REPRESENTATIONS:
            raise ValueError(f"representation is {self.representation!r}; allowed: {', '.join(REPRESENTATIONS)}")
        stack = recurrent_stack(
            self.cell, self.features, self.cell_options, bidirectional=self.bidirectional, dropout=self.dropout,
            connection=self.connection, name="encoder",
        )  # fmt: skip
        x_BTC = embedded(inputs_BTC, lengths_B, self.vocabulary_size, self.embedding_features)
        y_BTD, carry = stack(x_BTC, lengths_B, train=train)
        match self.representation:
            case "final":
                y_BD = final_hidden(carry)
            case "attention":
                y_BD = AttentionPooling(y_BTD.shape[-1], name="attention")(y_BTD, lengths_B)
            case name:
                y_BD = POOLINGS[name](y_BTD, lengths_B)
        return Dense(self.num_outputs, name="head")(nn.Dropout(self.dropout)(y_BD, deterministic=not train))


class RecurrentTagger(nn.Module):
    """Stacked recurrent layers and one affine layer at every step: ``[B, T, C]`` to ``[B, T, K]``.

    ``resets_BT`` is True where a new sequence starts within a row.

    Attributes: as in ``RecurrentClassifier``, and
      output: "softmax", logits; "crf", potentials ``[B, T, K, K]`` of a chain, for the objective of that name.
    """

    num_outputs: int
    vocabulary_size: int | None = None
    embedding_features: int = 64
    cell: str = "lstm"
    features: tuple[int, ...] = (128,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    bidirectional: bool = False
    connection: str = "plain"
    output: str = "softmax"
    dropout: float = 0.0

    def __call__(
        self,
        inputs_BTC: Array,
        lengths_B: Array | None = None,
        *,
        resets_BT: Array | None = None,
        train: bool = False,
    ) -> Array:
        outputs_BTK, _ = self._read(inputs_BTC, lengths_B, None, resets_BT, train)
        return outputs_BTK

    def step(self, carry: Any, inputs_BC: Array) -> tuple[Array, Any]:
        """One more step of every sequence: ``(carry, [B, C]) -> ([B, K], carry)``; the first carry is None.

        Raises:
          ValueError: the layers read both ways, or the outputs are those of a chain.
        """
        if self.bidirectional or self.output == "crf":
            raise ValueError("a tagger that is bidirectional, or a chain, has no step: it needs the steps to come")
        outputs_BTK, carry = self._read(inputs_BC[:, None], None, carry, None, train=False)
        return outputs_BTK[:, 0], carry

    @nn.compact
    def _read(
        self, inputs_BTC: Array, lengths_B: Array | None, carry: Any, resets_BT: Array | None, train: bool
    ) -> tuple[Array, Any]:
        stack = recurrent_stack(
            self.cell, self.features, self.cell_options, bidirectional=self.bidirectional, dropout=self.dropout,
            connection=self.connection, name="encoder",
        )  # fmt: skip
        x_BTC = embedded(inputs_BTC, lengths_B, self.vocabulary_size, self.embedding_features)
        y_BTD, carry = stack(x_BTC, lengths_B, carry, resets_BT=resets_BT, train=train)
        y_BTD = nn.Dropout(self.dropout)(y_BTD, deterministic=not train)
        return step_outputs(self.output, self.num_outputs)(y_BTD, lengths_B), carry
