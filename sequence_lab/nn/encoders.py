"""Encoders built from recurrent layers: both directions, several layers, one vector for a sequence."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.nn.cudnn import in_one_call
from sequence_lab.nn.dense import Dense
from sequence_lab.nn.recurrent import RecurrentLayer
from sequence_lab.ops import dropout

Array = jax.Array
Carry = Any

MERGES = ("concat", "sum", "mean", "gate")
CONNECTIONS = ("plain", "residual", "highway", "skip")


class BothWays(NamedTuple):
    """The carry of a bidirectional layer, each after the last step that its direction reads."""

    forward: Carry
    backward: Carry


class Bidirectional(nn.Module):
    """A layer forwards and a copy of it backwards (Schuster and Paliwal 1997): ``[..., T, C] -> [..., T, 2 D or D]``.

    Attributes:
      layer: the forward layer; the backward one has its own parameters.
      merge: how outputs y, forward and backward, become one: "concat", side by side; "sum"; "mean"; "gate",
        g * forward + (1 - g) * backward with g = sigmoid(W [forward, backward] + b) at every step and unit.
    """

    layer: RecurrentLayer
    merge: str = "concat"

    def setup(self) -> None:
        if not isinstance(self.layer, RecurrentLayer):
            raise ValueError(f"layer is a {type(self.layer).__name__}; allowed: a recurrent layer such as LSTM")
        if self.layer.reverse:
            raise ValueError("the layer of a bidirectional layer has reverse=True; allowed: the forward one")
        if self.merge not in MERGES:
            raise ValueError(f"merge is {str(self.merge)[:20]!r}; allowed: {', '.join(MERGES)}")
        self.forward = self.layer.clone(name=None)
        self.backward = self.layer.clone(reverse=True, name=None)
        if self.merge == "gate":
            self.gate = Dense(self.layer.out_features, **_types(self.layer))

    def __call__(
        self,
        x_BTC: Array,
        lengths_B: Array | None = None,
        initial_carry: Carry = None,
        *,
        resets_BT: Array | None = None,
        train: bool = False,
    ) -> tuple[Array, Carry]:
        first = _both_ways(initial_carry)
        both = in_one_call([(self.forward, self.backward)], x_BTC, lengths_B, [first], resets_BT, train)
        if both is not None:
            both_BTD, ((forward, backward),) = both
            forward_BTD, backward_BTD = jnp.split(both_BTD, 2, axis=-1)
        else:
            forward_BTD, forward = self.forward(x_BTC, lengths_B, first.forward, resets_BT=resets_BT, train=train)
            backward_BTD, backward = self.backward(x_BTC, lengths_B, first.backward, resets_BT=resets_BT, train=train)
        return self._merged(forward_BTD, backward_BTD, lengths_B), BothWays(forward, backward)

    def _merged(self, forward_BTD: Array, backward_BTD: Array, lengths_B: Array | None) -> Array:
        match self.merge:
            case "sum":
                return forward_BTD + backward_BTD
            case "mean":
                return (forward_BTD + backward_BTD) / 2
        both_BTD = jnp.concatenate([forward_BTD, backward_BTD], axis=-1)
        if self.merge == "concat":
            return both_BTD
        gate_BTD = nn.sigmoid(self.gate(both_BTD, lengths_B))
        return gate_BTD * forward_BTD + (1 - gate_BTD) * backward_BTD

    @property
    def out_features(self) -> int:
        """Size of the outputs."""
        return self.layer.out_features * (2 if self.merge == "concat" else 1)

    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carries before the first step of either direction, for ``batch_shape`` sequences."""
        if self.scope is None:
            return BothWays(self.layer.initial_carry(batch_shape), self.layer.initial_carry(batch_shape))
        return BothWays(self.forward.initial_carry(batch_shape), self.backward.initial_carry(batch_shape))

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        raise ValueError("a bidirectional layer has no step: its first output needs the last input")


def _both_ways(carry: Carry) -> BothWays:
    """``carry`` where it is that of a bidirectional layer, and two times None for None."""
    carry = BothWays(None, None) if carry is None else carry
    if not isinstance(carry, BothWays):
        raise ValueError(f"initial_carry is a {type(carry).__name__}; allowed: BothWays(forward, backward), or None")
    return carry


def _types(layer: RecurrentLayer | Bidirectional) -> dict[str, Any]:
    """The types that a gate beside ``layer`` computes in and stores its parameters in."""
    recurrent = layer.layer if isinstance(layer, Bidirectional) else layer
    return {"dtype": recurrent.dtype, "param_dtype": recurrent.param_dtype}


class Stacked(nn.Module):
    """Recurrent layers one over the other, with dropout between them: the top layer's outputs, all carries.

    Attributes:
      layers: recurrent ones, unidirectional and bidirectional mixed as you like; each has its own parameters.
      dropout: rate on the inputs of every layer but the first, under ``train=True`` (rng "dropout").
      connection: what a layer but the first, which reads x, makes of its input below: "plain", y = layer(below);
        "residual", layer(below) + below (He et al. 2016; Wu et al. 2016); "highway", t * layer(below) + (1 - t) * below
        with t = sigmoid(W below + b), b = -1 at first (Srivastava et al. 2015); "skip", layer([below, x]), and the
        outputs of all layers side by side are the output (Graves 2013).
      locked: what dropout draws for a row stays the same over its steps (Gal and Ghahramani 2016).
    """

    layers: Sequence[RecurrentLayer | Bidirectional]
    dropout: float = 0.0
    connection: str = "plain"
    locked: bool = False

    def setup(self) -> None:
        kinds = [type(layer).__name__ for layer in self.layers]
        if not kinds or not all(isinstance(layer, RecurrentLayer | Bidirectional) for layer in self.layers):
            raise ValueError(
                f"layers are {kinds}; allowed: one or more recurrent layers such as LSTM, or Bidirectional"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; allowed: 0 or more, below 1")
        if self.connection not in CONNECTIONS:
            raise ValueError(f"connection is {self.connection!r}; allowed: {', '.join(CONNECTIONS)}")
        sizes = [layer.out_features for layer in self.layers]
        if self.connection in ("residual", "highway") and len(set(sizes)) > 1:
            raise ValueError(f"layers put out {sizes} features; allowed under {self.connection!r}: all alike")
        # Copies belong to the stack, wherever the layers were made, and one that stands twice is two.
        self.levels = [layer.clone(name=None) for layer in self.layers]
        if self.connection == "highway":
            bias_init = nn.initializers.constant(-1.0)
            self.gates = [Dense(sizes[0], bias_init=bias_init, **_types(layer)) for layer in self.layers[1:]]

    def __call__(
        self,
        x_BTC: Array,
        lengths_B: Array | None = None,
        initial_carry: Carry = None,
        *,
        resets_BT: Array | None = None,
        train: bool = False,
    ) -> tuple[Array, Carry]:
        def run(layer: RecurrentLayer | Bidirectional, inputs_BTC: Array, carry: Carry) -> tuple[Array, Carry]:
            return layer(inputs_BTC, lengths_B, carry, resets_BT=resets_BT, train=train)

        carries = self._checked(initial_carry)
        together = self._in_one_call(x_BTC, lengths_B, carries, resets_BT, train)
        return self._climb(run, x_BTC, carries, lengths_B, train) if together is None else together

    def step(self, carry: Carry, x_BC: Array) -> tuple[Array, Carry]:
        """One step of time through all layers, without dropout."""

        def run(layer: RecurrentLayer | Bidirectional, inputs_BC: Array, carry: Carry) -> tuple[Array, Carry]:
            return layer.step(carry, inputs_BC)

        return self._climb(run, x_BC, self._checked(carry), None, train=False)

    def _checked(self, carries: Carry) -> tuple[Carry, ...]:
        """The carry of each layer, or None for each."""
        carries = (None,) * len(self.layers) if carries is None else carries
        if type(carries) is not tuple or len(carries) != len(self.layers):
            shapes = jax.tree.map(jnp.shape, carries)
            raise ValueError(
                f"initial_carry has shapes {shapes}; allowed: a tuple of {len(self.layers)}, one per layer"
            )
        return carries

    def _in_one_call(
        self, x_BTC: Array, lengths_B: Array | None, carries: tuple[Carry, ...], resets_BT: Array | None, train: bool
    ) -> tuple[Array, tuple[Carry, ...]] | None:
        """The stack as one call of cuDNN, or None: something stands between the layers, or they cannot be one call."""
        both = all(isinstance(level, Bidirectional) and level.merge == "concat" for level in self.levels)
        forward = all(isinstance(level, RecurrentLayer) for level in self.levels)
        if self.connection != "plain" or (train and self.dropout) or not (both or forward):
            return None
        levels: list[Any] = [(level.forward, level.backward) if both else (level,) for level in self.levels]
        given = [_both_ways(carry) if both else (carry,) for carry in carries]
        together = in_one_call(levels, x_BTC, lengths_B, given, resets_BT, train)
        if together is None:
            return None
        y_BTD, last = together
        return y_BTD, tuple(BothWays(*pair) if both else pair[0] for pair in last)

    def _climb(
        self, run: Any, x: Array, carries: tuple[Carry, ...], lengths_B: Array | None, train: bool
    ) -> tuple[Array, tuple[Carry, ...]]:
        """From the lowest layer to the top one, each with its connection: ``run(layer, inputs, carry)``."""
        outputs: list[Array] = []
        new_carries = []
        for index, (layer, carry) in enumerate(zip(self.levels, carries, strict=True)):
            below = outputs[-1] if outputs else x
            inputs = below
            if outputs and train and self.dropout:
                inputs = dropout.dropout(self.make_rng("dropout"), below, self.dropout, locked=self.locked)
            if outputs and self.connection == "skip":
                inputs = jnp.concatenate([inputs, x.astype(inputs.dtype)], axis=-1)
            y, carry = run(layer, inputs, carry)
            if outputs and self.connection == "residual":
                y = y + below
            elif outputs and self.connection == "highway":
                t = nn.sigmoid(self.gates[index - 1](below, lengths_B))
                y = t * y + (1 - t) * below
            outputs.append(y)
            new_carries.append(carry)
        y = jnp.concatenate(outputs, axis=-1) if self.connection == "skip" else outputs[-1]
        return y, tuple(new_carries)

    @property
    def out_features(self) -> int:
        """Size of the outputs."""
        sizes = [layer.out_features for layer in self.layers]
        return sum(sizes) if self.connection == "skip" else sizes[-1]

    def initial_carry(self, batch_shape: tuple[int, ...]) -> Carry:
        """The carry before the first step, for ``batch_shape`` sequences."""
        layers = self.layers if self.scope is None else self.levels
        return tuple(layer.initial_carry(batch_shape) for layer in layers)


def final_hidden(carry: Carry) -> Array:
    """The last h ``[..., D]`` out of a layer's carry, as a vector for the sequence; PyTorch's ``h_n``.

    Of a layer what it put out at the last step that it reads, of a bidirectional one both directions side by side, of a
    stack those of its top layer. It is the layer's own h, before a connection, merge or gate: where these shall count,
    pool the outputs instead. Zeros for an empty row that started from zeros.

    Raises:
      ValueError: a carry without h, of a layer that does not need what it put out to go on.
    """
    if isinstance(carry, BothWays):
        return jnp.concatenate([final_hidden(carry.forward), final_hidden(carry.backward)], axis=-1)
    if hasattr(carry, "h"):
        return carry.h
    if hasattr(carry, "_fields"):
        raise ValueError(f"carry is {type(carry).__name__}, which holds no output; allowed: to pool the outputs")
    return final_hidden(carry[-1])
