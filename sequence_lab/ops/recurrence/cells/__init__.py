"""Recurrent cells: a cell is its gate equations, written once, as the paper writes them.

A cell multiplies by a matrix only through the ``dot`` that an engine hands it, and never sees time, a mask or a
direction. So an engine is free in how it runs the products, and every engine runs every cell. Weights are stored
``[in, out]`` with the gates side by side along the last axis: one product serves all gates.

Write a new cell as a frozen dataclass with the members of ``Cell`` (most come from ``Options``), and add it to
``CELLS``.
"""

from collections.abc import Callable, Mapping

from sequence_lab.ops.recurrence.cells.cell import Carry, Cell, HiddenCarry, Options, Parameter, Params, Zoneout
from sequence_lab.ops.recurrence.cells.elman import RNNCell
from sequence_lab.ops.recurrence.cells.gru import GRUCell
from sequence_lab.ops.recurrence.cells.lstm import LSTMCarry, LSTMCell

__all__ = [
    "CELLS",
    "Carry",
    "Cell",
    "GRUCell",
    "HiddenCarry",
    "LSTMCarry",
    "LSTMCell",
    "Options",
    "Parameter",
    "Params",
    "RNNCell",
    "Zoneout",
]

CELLS: Mapping[str, Callable[..., Cell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
