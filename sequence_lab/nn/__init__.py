"""Linen layers over ``sequence_lab.ops``, all under one contract for lengths.

Layers that mix time without memory map ``(x_BTC, lengths_B) -> (y, lengths_B)``; recurrent layers, which
never change the length, map ``(x_BTC, lengths_B, initial_carry) -> (y_BTD, carry)``; layers that treat every
step alone map ``(x_BTC, lengths_B) -> y_BTD``. What stands past a row's length is never read, and every
output there is exactly zero. Causal recurrent layers also have ``initial_carry(batch_shape)`` and
``step(carry, x_BC) -> (y_BD, carry)``. Something without parameters (pooling, activations) is a function, in
``sequence_lab.ops``.
"""

from sequence_lab.nn.convolution import Conv1D, Conv2D
from sequence_lab.nn.dense import Dense
from sequence_lab.nn.embedding import Embedding
from sequence_lab.nn.recurrent import GRU, LSTM, RNN, Bidirectional, Recurrent, Stacked

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Embedding",
    "Recurrent",
    "Stacked",
]
