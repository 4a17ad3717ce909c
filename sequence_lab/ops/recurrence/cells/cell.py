"""What a cell is, and what all cells share: options, parameters, noise."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import ones

from sequence_lab.ops import dropout
from sequence_lab.ops.recurrence.initializers import INITIALIZERS, Initializer, by_gate, with_spectral_radius

Array = jax.Array
Carry = Any
Local = Mapping[str, Array]


class Dot(Protocol):
    """``a @ matrices[name] (+ add)``: the only way a cell multiplies by a matrix. Each name once a step."""

    def __call__(self, name: str, a: Array, add: Array | None = None) -> Array: ...


class Parameter(NamedTuple):
    """Shape and initialiser of one array of parameters."""

    shape: tuple[int, ...]
    init: Initializer


class Params(NamedTuple):
    """A cell's parameters, as arrays or as the ``Parameter`` that describes each.

    ``matrices`` are touched by ``dot`` alone; ``local`` holds biases and other small arrays.
    """

    matrices: Mapping[str, Any]
    local: Mapping[str, Any]


class Zoneout(NamedTuple):
    """Where zoneout keeps what was, at one step; None where nothing was drawn."""

    h: Array | None = None
    c: Array | None = None


class Cell(Protocol):
    """Plain, hashable options and the equations; holds no arrays, so it can be a static argument."""

    @property
    def out_features(self) -> int:
        """Size D of the output y_BD."""

    @property
    def is_noisy(self) -> bool:
        """Whether training draws anything."""

    @property
    def is_unitwise(self) -> bool:
        """Whether units meet in products of the carry alone.

        Then ``step`` is elementwise but for those products, each of an array of the carry, as it came in or scaled unit
        by unit, with a matrix of D x D blocks, one a gate. No product sees another's result, nothing is normalised.
        """

    def parameters(self, in_features: int) -> Params:
        """The ``Parameter`` of every array, for inputs of size C."""

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any) -> Carry:
        """The carry before the first step: zeros."""

    def thinned(self, params: Params, key: Array) -> Params:
        """The parameters for one pass of training: those that DropConnect leaves."""

    def context(self, key: Array, batch_shape: tuple[int, ...], dtype: Any) -> Any:
        """What training draws once for a sequence."""

    def noise(self, key: Array, batch_shape: tuple[int, ...]) -> Any:
        """What training draws anew at every step."""

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        """What the input alone contributes, u = W x + b; no carry, so it may run over all T at once."""

    def step(self, local: Local, carry: Carry, u: Array, dot: Dot, context: Any, noise: Any) -> tuple[Carry, Array]:
        """One step of time: (carry, u) to (carry, y). Outside training ``context`` and ``noise`` are None."""


class HiddenCarry(NamedTuple):
    """The carry of cells whose only memory is their output."""

    h: Array


def without_initialisers(cell: Any) -> Any:
    """The cell with initialisers that are the same whatever its own are: they have no part in its equations."""
    return dataclasses.replace(cell, **{name: "uniform" for name in INITS if hasattr(cell, name)})


@dataclasses.dataclass(frozen=True)
class CellOptions:
    """What every cell has, whatever its equations.

    Attributes:
      features: units D.
      use_bias: every bias.
      input_init: of each gate's matrix over the inputs; a name in ``INITIALIZERS`` or an initialiser.
    """

    features: int
    _: dataclasses.KW_ONLY
    use_bias: bool = True
    input_init: str | Initializer = "lecun_normal"

    def __post_init__(self) -> None:
        if not isinstance(self.features, int) or self.features < 1:
            raise ValueError(f"features is {self.features!r}; allowed: an int >= 1")
        for rate in (name for name in RATES if hasattr(self, name)):
            if not 0 <= getattr(self, rate) < 1:
                raise ValueError(f"{rate} is {getattr(self, rate)}; allowed: 0 or more, below 1")
        for name in (name for name in INITS if hasattr(self, name)):
            init = getattr(self, name)
            if isinstance(init, str) and init not in INITIALIZERS:
                raise ValueError(f"{name} is {init!r}; allowed: {', '.join(INITIALIZERS)}, or an initialiser")

    @property
    def out_features(self) -> int:
        return self.features

    @property
    def is_noisy(self) -> bool:
        return any(getattr(self, rate, 0) for rate in RATES)

    @property
    def is_unitwise(self) -> bool:
        return False

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> Carry:
        return HiddenCarry(jnp.zeros((*batch_shape, self.features), dtype))

    def thinned(self, params: Params, key: Array) -> Params:
        return params

    def context(self, key: Array, batch_shape: tuple[int, ...], dtype: Any) -> Any:
        return None

    def input_matrix(self, in_features: int, num_gates: int) -> Parameter:
        """One product with the inputs for all gates, side by side."""
        init = by_gate([named(self.input_init)] * num_gates)
        return Parameter((in_features, num_gates * self.features), init)

    def biases(self, **by_name: Initializer | list[Initializer]) -> dict[str, Parameter]:
        """A bias of one block of D per initialiser, or none under ``use_bias=False``."""
        if not self.use_bias:
            return {}
        blocks = {name: init if isinstance(init, list) else [init] for name, init in by_name.items()}
        return {name: Parameter((len(inits) * self.features,), by_gate(inits)) for name, inits in blocks.items()}


@dataclasses.dataclass(frozen=True)
class Options(CellOptions):
    """The options of every cell with recurrent matrices, and what follows from them alone.

    Attributes: those of ``CellOptions``, and
      layer_norm: normalise the products inside the cell over all units (Ba et al. 2016); each cell says where.
      zoneout_hidden: probability that a unit's h stays as it was (Krueger et al. 2017); its expectation outside
        training.
      recurrent_dropout: rate on the h that goes into the recurrent products, one mask for all steps of a row (Gal and
        Ghahramani 2016), drawn anew for every call; outputs are left whole.
      drop_connect: rate on the recurrent matrices themselves, one mask per pass (Wan et al. 2013; Merity et al. 2018).
      recurrent_init: of each gate's recurrent matrix, as ``input_init``.
      spectral_radius: largest absolute eigenvalue that each gate's recurrent matrix is rescaled to, or None.
    """

    _: dataclasses.KW_ONLY
    layer_norm: bool = False
    zoneout_hidden: float = 0.0
    recurrent_dropout: float = 0.0
    drop_connect: float = 0.0
    recurrent_init: str | Initializer = "orthogonal"
    spectral_radius: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spectral_radius is not None:
            with_spectral_radius(named(self.recurrent_init), self.spectral_radius)

    def thinned(self, params: Params, key: Array) -> Params:
        if not self.drop_connect:
            return params
        matrices = dict(params.matrices)
        names = [name for name in matrices if name not in NOT_RECURRENT]
        for name, own_key in zip(names, jax.random.split(key, len(names)), strict=True):
            matrices[name] *= dropout.mask(own_key, self.drop_connect, matrices[name].shape, matrices[name].dtype)
        return params._replace(matrices=matrices)

    def context(self, key: Array, batch_shape: tuple[int, ...], dtype: Any) -> Array | None:
        if not self.recurrent_dropout:
            return None
        return dropout.mask(key, self.recurrent_dropout, (*batch_shape, self.out_features), dtype)

    def noise(self, key: Array, batch_shape: tuple[int, ...]) -> Zoneout:
        return Zoneout(h=zoneout(key, self.zoneout_hidden, (*batch_shape, self.out_features)))

    def matrices(self, in_features: int, num_gates: int) -> dict[str, Parameter]:
        """One input and one recurrent product for all gates, side by side."""
        recurrent = named(self.recurrent_init)
        if self.spectral_radius is not None:
            recurrent = with_spectral_radius(recurrent, self.spectral_radius)
        width = num_gates * self.features
        return {
            "input": self.input_matrix(in_features, num_gates),
            "recurrent": Parameter((self.out_features, width), by_gate([recurrent] * num_gates)),
        }

    def scales(self, **blocks: int) -> dict[str, Parameter]:
        """A gain of so many blocks of D for each normalised vector, or none without ``layer_norm``."""
        sizes = blocks.items() if self.layer_norm else ()
        return {name: Parameter((count * self.features,), ones) for name, count in sizes}


NOT_RECURRENT = ("input", "context", "projection")
INITS = ("input_init", "recurrent_init")
RATES = ("zoneout", "zoneout_hidden", "zoneout_cell", "recurrent_dropout", "drop_connect")


def named(init: str | Initializer) -> Initializer:
    """The initialiser of that name, or itself."""
    return INITIALIZERS[init] if isinstance(init, str) else init


def zoneout(key: Array, rate: float, shape: tuple[int, ...]) -> Array | None:
    """Where to keep the old value, or None where zoneout is off."""
    return jax.random.bernoulli(key, rate, shape) if rate else None


def zoned(new: Array, old: Array, rate: float, keep: Array | None) -> Array:
    """``old`` where zoneout keeps it; without a draw the expectation of that."""
    if not rate:
        return new
    return rate * old + (1 - rate) * new if keep is None else jnp.where(keep, old, new)


def dropped(h: Array, context: Array | None) -> Array:
    """h as the recurrent products see it."""
    return h if context is None else h * context


def normalised(x: Array, scale: Array) -> Array:
    """Zero mean and unit variance over the last axis, then the gain: layer normalisation, in float32 or wider."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(centred * centred, axis=-1, keepdims=True)
    return (centred * lax.rsqrt(variance + 1e-5)).astype(x.dtype) * scale


def plus(x: Array, local: Local, name: str) -> Array:
    """``x`` and the bias of that name, where the cell has one."""
    return x + local[name] if name in local else x
