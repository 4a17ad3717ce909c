"""Recurrent layers: a cell of ``ops.recurrence`` with parameters, run over time by one of its engines."""

import dataclasses
import inspect
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import cells

Array = jax.Array
Carry = Any


class RecurrentLayer(nn.Module, kw_only=True):
    """Any cell over time: ``(x_BTC, lengths_B, initial_carry) -> (y_BTD, carry)``.

    The carry that comes back is the one after each row's last real step, ready to be handed to the next chunk
    of the same sequences: the whole sequence, step by step and chunk by chunk are the same computation. Under
    ``train=True`` the noise of the cell's options is drawn from the rng "dropout".

    Attributes:
      reverse: run from each row's last real step to its first.
      learn_initial_carry: the carry of a new sequence is a parameter, which starts from zeros.
      remat: compute again in the reverse pass instead of keeping, for memory of order sqrt(T); without forward mode.
      engine: see ``ops.recurrence.ENGINES``: a name, or an engine with options; "auto" chooses.
      dtype, param_dtype: to compute in (None: promote inputs and parameters) and to store parameters in.
    """

    reverse: bool = False
    learn_initial_carry: bool = False
    remat: bool = False
    engine: str | recurrence.Engine = "auto"
    dtype: Any = None
    param_dtype: Any = jnp.float32

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
        params, start_carry = self.parameters(x_BTC.shape[-1], x_BTC.shape[:-2])
        # Parameters are cast where they are used, inside the loop over time: so their gradients are summed in float32.
        (x_BTC,) = promote_dtype(x_BTC, dtype=self.computed_in(x_BTC))
        return recurrence.run(
            self.cell,
            params,
            x_BTC,
            lengths_B,
            initial_carry,
            resets_BT=resets_BT,
            start_carry=start_carry,
            key=self.make_rng("dropout") if train and self.cell.is_noisy else None,
            reverse=self.reverse,
            remat=self.remat,
            engine=self.engine,
        )

    @nn.compact
    def parameters(self, in_features: int, batch_shape: tuple[int, ...]) -> tuple[cells.Params, Carry]:
        """The cell's parameters, and the carry of a new sequence, None unless it is learned."""
        matrices, local = (
            {name: self.param(name, array.init, array.shape, self.param_dtype) for name, array in group.items()}
            for group in self.cell.parameters(in_features)
        )
        if not self.learn_initial_carry:
            return cells.Params(matrices, local), None
        zeros = self.cell.initial_carry((), self.param_dtype)
        learned = {
            name: self.param(f"initial_{name}", nn.initializers.zeros, array.shape, self.param_dtype)
            for name, array in zeros._asdict().items()
        }
        return cells.Params(matrices, local), _broadcast(type(zeros)(**learned), batch_shape)

    @nn.nowrap
    def computed_in(self, inputs: Any) -> Any:
        """The type to compute in, for ``inputs`` or those of such a type."""
        return self.dtype or jnp.result_type(inputs, self.param_dtype)

    @property
    def out_features(self) -> int:
        """Size D of the outputs."""
        return self.cell.out_features

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry before the first step, for ``batch_shape`` sequences, in float32 at least.

        Raises:
          ValueError: it is learned and there are no parameters at hand. Then it is had by
            ``layer.apply(variables, batch_shape, method="initial_carry")``.
        """
        own = self.cell.initial_carry(batch_shape, recurrence.carry_dtype(self.dtype or self.param_dtype))
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


class Recurrent(RecurrentLayer):
    """A cell of one's own over time; options as in ``RecurrentLayer``.

    Attributes:
      cell: the gate equations and their options.
    """

    cell: cells.Cell


def _layer(name: str, cell: type) -> Any:
    """The layer whose fields are the options of ``cell`` and those of every layer."""
    options = dataclasses.fields(cell)

    def own_cell(self: Any) -> Any:
        return cell(**{option.name: getattr(self, option.name) for option in options})

    def post_init(self: Any) -> None:
        own_cell(self)  # options that mean nothing are refused at once
        RecurrentLayer.__post_init__(self)

    defaults = {o.name: o.default for o in options if o.default is not dataclasses.MISSING}
    body = {
        "__module__": __name__,
        "__qualname__": name,
        "__doc__": "\n\n".join(
            [
                f"The layer of ``recurrence.cells.{cell.__name__}``, with its options and those of ``RecurrentLayer``.",
                *(inspect.cleandoc(kind.__doc__ or "") for kind in cell.__mro__ if dataclasses.is_dataclass(kind)),
            ]
        ),
        "__annotations__": {option.name: option.type for option in options},
        "__post_init__": post_init,
        "cell": property(own_cell),
    }
    return type(name, (RecurrentLayer,), {**defaults, **body})


RNN = _layer("RNN", cells.RNNCell)
LSTM = _layer("LSTM", cells.LSTMCell)
GRU = _layer("GRU", cells.GRUCell)
MinGRU = _layer("MinGRU", cells.MinGRUCell)
MinLSTM = _layer("MinLSTM", cells.MinLSTMCell)
LRU = _layer("LRU", cells.LRUCell)
RGLRU = _layer("RGLRU", cells.RGLRUCell)
QRNN = _layer("QRNN", cells.QRNNCell)
SRU = _layer("SRU", cells.SRUCell)
