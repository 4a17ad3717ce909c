"""Linen layers over ``sequence_lab.ops``, all under one contract for lengths.

Layers that mix time without memory map ``(x_BTC, lengths_B) -> (y, lengths_B)``; recurrent layers, which
never change the length, map ``(x_BTC, lengths_B, initial_carry) -> (y_BTD, carry)``; layers that treat every
step alone map ``(x_BTC, lengths_B) -> y_BTD``. What stands past a row's length is never read, and every
output there is exactly zero. Causal layers also have ``initial_carry(batch_shape)`` and
``step(carry, x_BC) -> (y_BD, carry)``. Something without parameters (pooling, one-hot, activations) is a function, in
``sequence_lab.ops``. ``train=True`` switches noise on, drawn from the rng "dropout", and the statistics of batches.

Every layer with parameters has ``dtype``, to compute in, and ``param_dtype``, to store parameters in. All layers and
options, with the equation and source of each: docs/layers.md.
"""

from sequence_lab.nn.audio import MFCC, LogMelSpectrogram, RunningNormalization
from sequence_lab.nn.convolution import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from sequence_lab.nn.crf import ChainPotentials
from sequence_lab.nn.dense import Dense
from sequence_lab.nn.embedding import Embedding, pretrained
from sequence_lab.nn.encoders import Bidirectional, BothWays, Stacked, final_hidden
from sequence_lab.nn.mel_scale import MelScaleConv
from sequence_lab.nn.normalization import BatchNorm
from sequence_lab.nn.pooling import AttentionPooling
from sequence_lab.nn.recurrent import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    RGLRU,
    RNN,
    SRU,
    MinGRU,
    MinLSTM,
    Recurrent,
    RecurrentLayer,
)
from sequence_lab.nn.softmax import AdaptiveSoftmax, ClassSoftmax, frequency_classes
from sequence_lab.ops.audio import RunningCarry
from sequence_lab.ops.recurrence.cells import (
    GRUCell,
    HiddenCarry,
    LRUCarry,
    LRUCell,
    LSTMCarry,
    LSTMCell,
    MinGRUCell,
    MinLSTMCell,
    QRNNCarry,
    QRNNCell,
    RGLRUCell,
    RNNCell,
    SRUCell,
    StateCarry,
)

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "MFCC",
    "QRNN",
    "RGLRU",
    "RNN",
    "SRU",
    "AdaptiveSoftmax",
    "AttentionPooling",
    "BatchNorm",
    "Bidirectional",
    "BothWays",
    "ChainPotentials",
    "ClassSoftmax",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "Dense",
    "Embedding",
    "GRUCell",
    "HiddenCarry",
    "LRUCarry",
    "LRUCell",
    "LSTMCarry",
    "LSTMCell",
    "LogMelSpectrogram",
    "MelScaleConv",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "QRNNCarry",
    "QRNNCell",
    "RGLRUCell",
    "RNNCell",
    "Recurrent",
    "RecurrentLayer",
    "RunningCarry",
    "RunningNormalization",
    "SRUCell",
    "Stacked",
    "StateCarry",
    "final_hidden",
    "frequency_classes",
    "pretrained",
]
