"""Recurrent cells: a cell is its gate equations, written once, as the paper writes them.

A cell multiplies by a matrix only through the ``dot`` that an engine hands it, and never sees time, a mask or a
direction. So an engine is free in how it runs the products, and every engine runs every cell. Weights are stored
``[in, out]`` with the gates side by side along the last axis: one product serves all gates.

Write a new cell as a frozen dataclass with the members of ``Cell`` (most come from ``Options``, those of a
``LinearCell`` from ``LinearOptions``), and add it to ``CELLS``.
"""

from collections.abc import Callable, Mapping

from sequence_lab.ops.recurrence.cells.cell import (
    Carry,
    Cell,
    CellOptions,
    Dot,
    HiddenCarry,
    Local,
    Options,
    Parameter,
    Params,
    Zoneout,
    without_initialisers,
)
from sequence_lab.ops.recurrence.cells.elman import RNNCell
from sequence_lab.ops.recurrence.cells.gru import GRUCell
from sequence_lab.ops.recurrence.cells.linear import LinearCell, LinearOptions, StateCarry
from sequence_lab.ops.recurrence.cells.lru import LRUCarry, LRUCell, RGLRUCell
from sequence_lab.ops.recurrence.cells.lstm import LSTMCarry, LSTMCell
from sequence_lab.ops.recurrence.cells.minimal import MinGRUCell, MinLSTMCell
from sequence_lab.ops.recurrence.cells.quasi import QRNNCarry, QRNNCell, SRUCell

__all__ = [
    "CELLS",
    "Carry",
    "Cell",
    "CellOptions",
    "Dot",
    "GRUCell",
    "HiddenCarry",
    "LRUCarry",
    "LRUCell",
    "LSTMCarry",
    "LSTMCell",
    "LinearCell",
    "LinearOptions",
    "Local",
    "MinGRUCell",
    "MinLSTMCell",
    "Options",
    "Parameter",
    "Params",
    "QRNNCarry",
    "QRNNCell",
    "RGLRUCell",
    "RNNCell",
    "SRUCell",
    "StateCarry",
    "Zoneout",
    "without_initialisers",
]

CELLS: Mapping[str, Callable[..., Cell]] = {
    "rnn": RNNCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "min_gru": MinGRUCell,
    "min_lstm": MinLSTMCell,
    "lru": LRUCell,
    "rg_lru": RGLRUCell,
    "qrnn": QRNNCell,
    "sru": SRUCell,
}
