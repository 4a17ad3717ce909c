"""Recurrent layers: a cell of ``ops.recurrence`` with parameters, run over time by one of its engines."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import cells

Array = jax.Array
Carry = Any


class Recurrent(nn.Module):
    """Any cell over time: ``(x_BTC, lengths_B, initial_carry) -> (y_BTD, carry)``.

    The carry that comes back is the one after each row's last real step, ready to be handed to the next chunk
    of the same sequences: the whole sequence, step by step and chunk by chunk are the same computation.

    Attributes:
      cell: the gate equations and their options; ``RNN``, ``LSTM`` and ``GRU`` fill it in.
      reverse: run from each row's last real step to its first.
      engine: see ``ops.recurrence.ENGINES``; "auto" chooses.
      dtype, param_dtype: to compute in (None: promote inputs and parameters) and to store parameters in.
    """

    cell: cells.Cell
    reverse: bool = False
    engine: str = "auto"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x_BTC: Array, lengths_B: Array | None = None, initial_carry: Carry = None
    ) -> tuple[Array, Carry]:
        matrices, local = (
            {name: self.param(name, array.init, array.shape, self.param_dtype) for name, array in group.items()}
            for group in self.cell.parameters(x_BTC.shape[-1])
        )
        leaves, structure = jax.tree.flatten((x_BTC, cells.Params(matrices, local)))
        x_BTC, params = jax.tree.unflatten(structure, promote_dtype(*leaves, dtype=self.dtype))
        return recurrence.run(
            self.cell, params, x_BTC, lengths_B, initial_carry, reverse=self.reverse, engine=self.engine
        )

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry before the first step, for ``batch_shape`` sequences."""
        return self.cell.initial_carry(batch_shape, self.dtype or self.param_dtype)

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        """One step of time, ``(y_BD, carry)``: ``layer.apply(variables, carry, x_BC, method="step")``."""
        if self.reverse:
            raise ValueError("a layer with reverse=True has no step: its first step is the sequence's last")
        y_BTD, carry = self(x_BC[..., None, :], None, carry)
        return y_BTD[..., 0, :], carry


def RNN(features: int, *, activation: str = "tanh", **layer: Any) -> Recurrent:  # noqa: N802
    """Elman's recurrent layer (``cells.RNNCell``); ``layer``: the fields of ``Recurrent``, and ``name``."""
    return Recurrent(cells.RNNCell(features, activation), **layer)


def LSTM(features: int, *, forget_bias: float = 0.0, **layer: Any) -> Recurrent:  # noqa: N802
    """Long short-term memory (``cells.LSTMCell``); ``layer``: the fields of ``Recurrent``, and ``name``."""
    return Recurrent(cells.LSTMCell(features, forget_bias), **layer)


def GRU(features: int, **layer: Any) -> Recurrent:  # noqa: N802
    """Gated recurrent units (``cells.GRUCell``); ``layer``: the fields of ``Recurrent``, and ``name``."""
    return Recurrent(cells.GRUCell(features), **layer)


class Bidirectional(nn.Module):
    """A layer forwards and a copy of it backwards, side by side: ``[..., T, C] -> [..., T, 2 D]``.

    The carry is the pair (forward, backward), each after the last step that its direction reads.

    Attributes:
      layer: the forward layer; the backward one has its own parameters.
    """

    layer: Recurrent

    def setup(self) -> None:
        if self.layer.reverse:
            raise ValueError("the layer of a bidirectional layer has reverse=True; allowed: the forward one")
        self.forward = self.layer.clone(name=None)
        self.backward = self.layer.clone(reverse=True, name=None)

    def __call__(
        self, x_BTC: Array, lengths_B: Array | None = None, initial_carry: Carry = None
    ) -> tuple[Array, Carry]:
        forward_carry, backward_carry = (None, None) if initial_carry is None else initial_carry
        forward_BTD, forward_carry = self.forward(x_BTC, lengths_B, forward_carry)
        backward_BTD, backward_carry = self.backward(x_BTC, lengths_B, backward_carry)
        return jnp.concatenate([forward_BTD, backward_BTD], axis=-1), (forward_carry, backward_carry)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        carry = self.layer.initial_carry(batch_shape)
        return carry, carry

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        raise ValueError("a bidirectional layer has no step: its first output needs the last input")


class Stacked(nn.Module):
    """Recurrent layers one over the other, with dropout between them: the top layer's outputs, all carries.

    Attributes:
      layers: unidirectional and bidirectional ones may be mixed.
      dropout: rate on the inputs of every layer but the first, under ``train=True`` (rng "dropout").
    """

    layers: Sequence[Recurrent | Bidirectional]
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self,
        x_BTC: Array,
        lengths_B: Array | None = None,
        initial_carry: Carry = None,
        *,
        train: bool = False,
    ) -> tuple[Array, Carry]:
        carries = (None,) * len(self.layers) if initial_carry is None else initial_carry
        new_carries = []
        for index, (layer, carry) in enumerate(self._with_carries(carries)):
            if index:
                x_BTC = nn.Dropout(self.dropout)(x_BTC, deterministic=not train)
            x_BTC, carry = layer(x_BTC, lengths_B, carry)
            new_carries.append(carry)
        return x_BTC, tuple(new_carries)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry before the first step, for ``batch_shape`` sequences."""
        return tuple(layer.initial_carry(batch_shape) for layer in self.layers)

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        """One step of time through all layers, without dropout."""
        carries = []
        for layer, layer_carry in self._with_carries(carry):
            x_BC, layer_carry = layer.step(layer_carry, x_BC)
            carries.append(layer_carry)
        return x_BC, tuple(carries)

    def _with_carries(self, carries: Sequence[Carry]) -> list[tuple[Recurrent | Bidirectional, Carry]]:
        if len(carries) != len(self.layers):
            raise ValueError(f"the carry is of {len(carries)} layers; allowed: {len(self.layers)}, one for each")
        return list(zip(self.layers, carries, strict=True))
