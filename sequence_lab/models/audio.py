"""Networks over sound: one output per recording."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax

from sequence_lab.models.front_end import ConvBlocks, FrontEnd, samples
from sequence_lab.models.recurrent import POOLINGS, RecurrentClassifier
from sequence_lab.nn import Dense

Array = jax.Array


class AudioCNN(nn.Module):
    """Convolution over time and mel, pooled over all frames, a hidden layer: waveforms ``[B, T]`` to ``[B, K]``.

    Attributes:
      num_outputs: classes.
      sample_rate: in hertz.
      front_end, front_end_options: "mel" or "mfcc", and further options of that layer; see ``FrontEnd``.
      frame_seconds, hop_seconds: how long a frame is, and from frame to frame.
      features, kernel_size, pool: channels of each block, and frames and bands of its convolution and pooling; see
        ``ConvBlocks``.
      representation: how the frames are pooled: "max", "mean", "log_sum_exp", "first" or "last".
      hidden_features: size of the hidden layer.
      dropout: after every block, and before the last layer.
    """

    num_outputs: int
    sample_rate: float
    front_end: str = "mel"
    front_end_options: Mapping[str, Any] = nn.FrozenDict(num_mels=40, log="natural")
    frame_seconds: float = 0.032
    hop_seconds: float = 0.01
    features: tuple[int, ...] = (16, 32, 64)
    kernel_size: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    representation: str = "mean"
    hidden_features: int = 128
    dropout: float = 0.0

    @nn.compact
    def __call__(self, inputs_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        if self.representation not in POOLINGS:
            raise ValueError(f"representation is {self.representation!r}; allowed: {', '.join(POOLINGS)}")
        x_BTD, lengths_B = convolved(self, inputs_BT, lengths_B, train)
        x_BD = nn.relu(Dense(self.hidden_features, name="hidden")(POOLINGS[self.representation](x_BTD, lengths_B)))
        return Dense(self.num_outputs, name="head")(nn.Dropout(self.dropout)(x_BD, deterministic=not train))


class AudioCRNN(nn.Module):
    """Convolution over time and mel, then recurrent layers both ways, pooled: waveforms ``[B, T]`` to ``[B, K]``.

    Attributes: as in ``AudioCNN`` up to ``pool``, and
      cell, recurrent_features, cell_options, representation: ``cell``, ``features``, ``cell_options`` and
        ``representation`` of the ``RecurrentClassifier`` that reads what the blocks give.
      dropout: after every block, between recurrent layers, and before the last layer.
    """

    num_outputs: int
    sample_rate: float
    front_end: str = "mel"
    front_end_options: Mapping[str, Any] = nn.FrozenDict(num_mels=40, log="natural")
    frame_seconds: float = 0.032
    hop_seconds: float = 0.01
    features: tuple[int, ...] = (16, 32)
    kernel_size: tuple[int, int] = (3, 3)
    pool: tuple[int, int] = (2, 2)
    cell: str = "gru"
    recurrent_features: tuple[int, ...] = (64,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    representation: str = "mean"
    dropout: float = 0.0

    @nn.compact
    def __call__(self, inputs_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        x_BTD, lengths_B = convolved(self, inputs_BT, lengths_B, train)
        classifier = RecurrentClassifier(
            self.num_outputs, cell=self.cell, features=self.recurrent_features, cell_options=self.cell_options,
            bidirectional=True, representation=self.representation, dropout=self.dropout, name="classifier",
        )  # fmt: skip
        return classifier(x_BTD, lengths_B, train=train)


def convolved(
    model: AudioCNN | AudioCRNN, inputs_BT: Array, lengths_B: Array | None, train: bool
) -> tuple[Array, Array | None]:
    """What the front end and the blocks give, in the module whose method calls it."""
    front_end = FrontEnd(
        model.front_end, model.front_end_options, model.sample_rate,
        samples("frame_seconds", model.frame_seconds, model.sample_rate),
        samples("hop_seconds", model.hop_seconds, model.sample_rate), name="front_end",
    )  # fmt: skip
    blocks = ConvBlocks(model.features, model.kernel_size, model.pool, model.dropout, name="blocks")
    return blocks(*front_end(inputs_BT, lengths_B), train=train)
