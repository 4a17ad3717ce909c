"""Recurrent layers: a cell of ``ops.recurrence`` with parameters, run over time by one of its engines."""

import dataclasses
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
    of the same sequences: the whole sequence, step by step and chunk by chunk are the same computation. Under
    ``train=True`` the noise of the cell's options is drawn from the rng "dropout".

    Attributes:
      cell: the gate equations and their options; ``RNN``, ``LSTM`` and ``GRU`` fill it in.
      reverse: run from each row's last real step to its first.
      learn_initial_carry: the carry of a new sequence is a parameter, which starts from zeros.
      remat: compute again in the reverse pass instead of keeping, for memory of order sqrt(T).
      engine: see ``ops.recurrence.ENGINES``; "auto" chooses.
      dtype, param_dtype: to compute in (None: promote inputs and parameters) and to store parameters in.
    """

    cell: cells.Cell
    reverse: bool = False
    learn_initial_carry: bool = False
    remat: bool = False
    engine: str = "auto"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x_BTC: Array,
        lengths_B: Array | None = None,
        initial_carry: Carry = None,
        *,
        resets_BT: Array | None = None,
        train: bool = False,
    ) -> tuple[Array, Carry]:
        """Runs over a batch; ``resets_BT`` is True where a new sequence starts within a row, see ``recurrence.run``."""
        matrices, local = (
            {name: self.param(name, array.init, array.shape, self.param_dtype) for name, array in group.items()}
            for group in self.cell.parameters(x_BTC.shape[-1])
        )
        learned = self._learned_carry()
        leaves, structure = jax.tree.flatten((x_BTC, cells.Params(matrices, local), learned))
        x_BTC, params, learned = jax.tree.unflatten(structure, promote_dtype(*leaves, dtype=self.dtype))
        return recurrence.run(
            self.cell,
            params,
            x_BTC,
            lengths_B,
            initial_carry,
            resets_BT=resets_BT,
            start_carry=_broadcast(learned, x_BTC.shape[:-2]),
            key=self.make_rng("dropout") if train and self.cell.is_noisy else None,
            reverse=self.reverse,
            remat=self.remat,
            engine=self.engine,
        )

    @nn.nowrap
    def _learned_carry(self) -> Carry:
        """One vector for each array of the carry, as parameters; None unless they are learned."""
        if not self.learn_initial_carry:
            return None
        names = (f"initial_{name}" for name in self.cell.initial_carry((), self.param_dtype)._fields)
        zeros = self.cell.initial_carry((), self.param_dtype)
        parameters = (
            self.param(name, nn.initializers.zeros, array.shape, self.param_dtype)
            for name, array in zip(names, zeros, strict=True)
        )
        return type(zeros)(*parameters)

    @property
    def out_features(self) -> int:
        """Size D of the outputs."""
        return self.cell.out_features

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry before the first step, for ``batch_shape`` sequences.

        Raises:
          ValueError: it is learned and there are no parameters at hand. Then it is had by
            ``layer.apply(variables, batch_shape, method="initial_carry")``.
        """
        own = self.cell.initial_carry(batch_shape, self.dtype or self.param_dtype)
        if not self.learn_initial_carry:
            return own
        if self.scope is None:
            raise ValueError(
                "the initial carry of this layer is learned; allowed: to ask for it with the parameters, "
                'layer.apply(variables, batch_shape, method="initial_carry")'
            )
        learned = type(own)(*(self.get_variable("params", f"initial_{name}") for name in own._fields))
        return jax.tree.map(lambda array, like: array.astype(like.dtype), _broadcast(learned, batch_shape), own)

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        """One step of time, ``(y_BD, carry)``: ``layer.apply(variables, carry, x_BC, method="step")``."""
        if self.reverse:
            raise ValueError("a layer with reverse=True has no step: its first step is the sequence's last")
        y_BTD, carry = self(x_BC[..., None, :], None, carry)
        return y_BTD[..., 0, :], carry


def _broadcast(carry: Carry, batch_shape: tuple[int, ...]) -> Carry:
    return jax.tree.map(lambda array: jnp.broadcast_to(array, (*batch_shape, *array.shape)), carry)


def RNN(features: int, **options: Any) -> Recurrent:  # noqa: N802
    """Elman's recurrent layer; ``options``: the fields of ``cells.RNNCell`` and of ``Recurrent``, and ``name``."""
    return _layer(cells.RNNCell, features, options)


def LSTM(features: int, **options: Any) -> Recurrent:  # noqa: N802
    """Long short-term memory; ``options``: the fields of ``cells.LSTMCell`` and of ``Recurrent``, and ``name``."""
    return _layer(cells.LSTMCell, features, options)


def GRU(features: int, **options: Any) -> Recurrent:  # noqa: N802
    """Gated recurrent units; ``options``: the fields of ``cells.GRUCell`` and of ``Recurrent``, and ``name``."""
    return _layer(cells.GRUCell, features, options)


def _layer(cell: type, features: int, options: dict[str, Any]) -> Recurrent:
    of_cell = {field.name for field in dataclasses.fields(cell)} & options.keys()
    rest = {name: value for name, value in options.items() if name not in of_cell}
    return Recurrent(cell(features, **{name: options[name] for name in of_cell}), **rest)
