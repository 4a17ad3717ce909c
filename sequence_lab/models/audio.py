"""Networks over sound: one output per recording, or one per frame."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.front_end import ConvBlocks, FrontEnd, samples
from sequence_lab.models.recurrent import POOLINGS, RecurrentClassifier, RecurrentTagger, step_outputs
from sequence_lab.nn import Conv1D, Dense
from sequence_lab.ops import masking

Array = jax.Array


class AudioCNN(nn.Module):
    """Convolution over time and mel, pooled over all frames, a hidden layer: waveforms ``[B, T]`` to ``[B, K]``.

    Attributes:
      num_outputs: classes.
      sample_rate: in hertz.
      front_end, front_end_options: "mel", "mfcc" or "mel_scale_kernels", and further options of that layer; see
        ``FrontEnd``.
      frame_seconds, hop_seconds: how long a frame is, and from frame to frame.
      features, kernel_size, pool: channels of each block, and frames and bands of its convolution and pooling; see
        ``ConvBlocks``.
      representation: how the frames are pooled: "max", "mean", "log_sum_exp", "first" or "last".
      hidden_features: size of the hidden layer.
      dropout: after every block, and before the last layer.
      spec_augment: options of masks over the features in training, see ``FrontEnd``.
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
    spec_augment: Mapping[str, Any] = nn.FrozenDict()

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
      spec_augment: as in ``AudioCNN``.
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
    spec_augment: Mapping[str, Any] = nn.FrozenDict()

    @nn.compact
    def __call__(self, inputs_BT: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        x_BTD, lengths_B = convolved(self, inputs_BT, lengths_B, train)
        classifier = RecurrentClassifier(
            self.num_outputs, cell=self.cell, features=self.recurrent_features, cell_options=self.cell_options,
            bidirectional=True, representation=self.representation, dropout=self.dropout, name="classifier",
        )  # fmt: skip
        return classifier(x_BTD, lengths_B, train=train)


class AudioTagger(nn.Module):
    """A label for every frame, from the frames around it: ``[B, T, H]``, H samples a frame, to ``[B, T, K]``.

    Blocks of convolution, pooled over mel alone, a convolution over time, and recurrent layers both ways, if there are
    any; with "mel_scale_kernels" after Jang et al. 2019. A frame stands around the middle of its samples, zeros before
    the first and after the last of a recording.

    Attributes:
      num_outputs: classes, or labels.
      sample_rate, front_end, front_end_options, frame_seconds, features, kernel_size: as in ``AudioCNN``.
      pool: bands of every pooling.
      context, context_features: frames and channels of the convolution over time.
      cell, recurrent_features, cell_options, output: of the ``RecurrentTagger`` that reads these; no features, and one
        affine layer does.
      dropout: after every block, between recurrent layers, and before the last layer.
      spec_augment: as in ``AudioCNN``.
    """

    num_outputs: int
    sample_rate: float
    front_end: str = "mel"
    front_end_options: Mapping[str, Any] = nn.FrozenDict(num_mels=64, log="natural")
    frame_seconds: float = 0.025
    features: tuple[int, ...] = (8, 16, 16)
    kernel_size: tuple[int, int] = (3, 3)
    pool: int = 4
    context: int = 9
    context_features: int = 64
    cell: str = "gru"
    recurrent_features: tuple[int, ...] = (32,)
    cell_options: Mapping[str, Any] = nn.FrozenDict()
    output: str = "softmax"
    dropout: float = 0.0
    spec_augment: Mapping[str, Any] = nn.FrozenDict()

    @nn.compact
    def __call__(self, inputs_BTH: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        blocks = ConvBlocks(self.features, self.kernel_size, (1, self.pool), self.dropout, name="blocks")
        x_BTD, lengths_B = blocks(*self._frames(inputs_BTH, lengths_B, train), train=train)
        x_BTD, _ = Conv1D(self.context_features, self.context, name="context")(x_BTD, lengths_B)
        x_BTD = nn.relu(x_BTD)
        if not self.recurrent_features:
            x_BTD = nn.Dropout(self.dropout)(x_BTD, deterministic=not train)
            return step_outputs(self.output, self.num_outputs)(x_BTD, lengths_B)
        tagger = RecurrentTagger(
            self.num_outputs, cell=self.cell, features=self.recurrent_features, cell_options=self.cell_options,
            bidirectional=True, output=self.output, dropout=self.dropout, name="tagger",
        )  # fmt: skip
        return tagger(x_BTD, lengths_B, train=train)

    def _frames(self, inputs_BTH: Array, lengths_B: Array | None, train: bool) -> tuple[Array, Array | None]:
        """As many frames as there are steps."""
        hop, frame = inputs_BTH.shape[-1], samples("frame_seconds", self.frame_seconds, self.sample_rate)
        if frame < hop:
            raise ValueError(f"frame_seconds is {self.frame_seconds}, {frame} samples; allowed: {hop}, a step, or more")
        inputs_BTH = masking.zero_padding(inputs_BTH, lengths_B)
        around = (frame - hop) // 2
        x_BT = inputs_BTH.reshape(*inputs_BTH.shape[:-2], -1)
        x_BT = jnp.pad(x_BT, [(0, 0)] * (x_BT.ndim - 1) + [(around, frame - hop - around)])
        if lengths_B is not None:
            lengths_B = jnp.where(lengths_B > 0, lengths_B * hop + frame - hop, 0)
        front_end = FrontEnd(
            self.front_end, self.front_end_options, self.sample_rate, frame, hop, "VALID", self.spec_augment,
            name="front_end",
        )  # fmt: skip
        return front_end(x_BT, lengths_B, train=train)


def convolved(
    model: AudioCNN | AudioCRNN, inputs_BT: Array, lengths_B: Array | None, train: bool
) -> tuple[Array, Array | None]:
    """What the front end and the blocks give, in the module whose method calls it."""
    front_end = FrontEnd(
        model.front_end, model.front_end_options, model.sample_rate,
        samples("frame_seconds", model.frame_seconds, model.sample_rate),
        samples("hop_seconds", model.hop_seconds, model.sample_rate), spec_augment=model.spec_augment,
        name="front_end",
    )  # fmt: skip
    blocks = ConvBlocks(model.features, model.kernel_size, model.pool, model.dropout, name="blocks")
    return blocks(*front_end(inputs_BT, lengths_B, train=train), train=train)
