"""Convolutional classifiers of signals: sensors, and bases of DNA as one-hot vectors."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import POOLINGS, check_dropout, recurrent_stack
from sequence_lab.nn import Conv1D, Conv2D, Dense
from sequence_lab.ops import pooling

Array = jax.Array
Streams = Array | Mapping[str, Array]
REPRESENTATIONS = (*POOLINGS, "flatten")
FUSIONS = ("early", "late")


class ConvNet1D(nn.Module):
    """Convolution, ReLU and max-pooling, block by block, then a vector for the whole: ``[B, T, C]`` to ``[B, K]``.

    Inputs may be several streams, a dictionary of ``[B, T, C]``.

    Attributes:
      num_outputs: classes K.
      features: filters of each block.
      kernel_size: steps that a filter sees.
      pool_size: steps that become one after each block.
      fusion: of several streams: "early", filters over all of them at once, with a kernel for each; "late", blocks of
        their own for each, whose vectors stand side by side.
      recurrent_features: units of bidirectional LSTM layers over the last block's outputs; none by default.
      representation: which vector stands for the whole: a pooling over time of ``recurrent.POOLINGS``, or "flatten",
        all steps side by side, for rows of one length.
      hidden_features: size of a hidden layer; 0: none.
      dropout: before the hidden and the last layer.
    """

    num_outputs: int
    features: tuple[int, ...] = (64, 64)
    kernel_size: int = 3
    pool_size: int = 2
    fusion: str = "early"
    recurrent_features: tuple[int, ...] = ()
    representation: str = "flatten"
    hidden_features: int = 100
    dropout: float = 0.5

    @nn.compact
    def __call__(self, inputs: Streams, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        for name, value, allowed in (
            ("representation", self.representation, REPRESENTATIONS), ("fusion", self.fusion, FUSIONS),
        ):  # fmt: skip
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; allowed: {', '.join(allowed)}")
        if isinstance(inputs, Mapping) and self.fusion == "late":
            vectors = [self._vector(inputs[name], lengths_B, f"{name}_", train) for name in sorted(inputs)]
            y_BD = jnp.concatenate(vectors, axis=-1)
        else:
            y_BD = self._vector(inputs, lengths_B, "", train)
        y_BD = nn.Dropout(self.dropout)(y_BD, deterministic=not train)
        if self.hidden_features:
            y_BD = nn.relu(Dense(self.hidden_features, name="hidden")(y_BD))
            y_BD = nn.Dropout(self.dropout)(y_BD, deterministic=not train)
        return Dense(self.num_outputs, name="head")(y_BD)

    def _vector(self, x: Streams, lengths_B: Array | None, prefix: str, train: bool) -> Array:
        steps = jax.tree.leaves(x)[0].shape[-2]
        if steps < self.pool_size ** len(self.features):
            raise ValueError(
                f"{len(self.features)} blocks with pool_size {self.pool_size} leave nothing of {steps} steps; allowed: "
                "fewer blocks, or a smaller pool_size"
            )
        for number, size in enumerate(self.features):
            y_BTD, lengths_B = Conv1D(size, self.kernel_size, name=f"{prefix}block_{number}")(x, lengths_B)
            x, lengths_B = pooling.max_pool(nn.relu(y_BTD), lengths_B, kernel_size=(self.pool_size,), ceil_mode=True)
        assert not isinstance(x, Mapping)
        if self.recurrent_features:
            stack = recurrent_stack("lstm", self.recurrent_features, {}, bidirectional=True, name=f"{prefix}recurrent")
            x, _ = stack(x, lengths_B, train=train)
        if self.representation == "flatten":
            return x.reshape(x.shape[0], -1)
        return POOLINGS[self.representation](x, lengths_B)


class DeepConvLSTM(nn.Module):
    """Filters over time in each channel alone, then recurrent layers over all of them: ``[B, T, C]`` to ``[B, K]``.

    Ordóñez and Roggen (2016): four layers of 64 filters of 5 steps, shared by the channels, two LSTM layers of 128
    units, the class read off the last step. Filters here keep the length.

    Attributes:
      num_outputs: classes K.
      features: filters of each layer.
      kernel_size: steps that a filter sees.
      recurrent_features: units of each LSTM layer.
      dropout: before each LSTM layer but the first, and before the last layer.
    """

    num_outputs: int
    features: tuple[int, ...] = (64, 64, 64, 64)
    kernel_size: int = 5
    recurrent_features: tuple[int, ...] = (128, 128)
    dropout: float = 0.5

    @nn.compact
    def __call__(self, x_BTC: Array, lengths_B: Array | None = None, *, train: bool = False) -> Array:
        check_dropout(self.dropout)
        x_BTCD = x_BTC[..., None]
        for number, size in enumerate(self.features):
            x_BTCD, _ = Conv2D(size, (self.kernel_size, 1), name=f"layer_{number}")(x_BTCD, lengths_B)
            x_BTCD = nn.relu(x_BTCD)
        stack = recurrent_stack("lstm", self.recurrent_features, {}, dropout=self.dropout, name="recurrent")
        y_BTD, _ = stack(x_BTCD.reshape(*x_BTC.shape[:2], -1), lengths_B, train=train)
        y_BD = pooling.last_over_time(y_BTD, lengths_B)
        return Dense(self.num_outputs, name="head")(nn.Dropout(self.dropout)(y_BD, deterministic=not train))
