"""Diagonal linear recurrences: the linear recurrent unit, and the real, gated one."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import sigmoid, softplus
from jax.nn.initializers import zeros

from sequence_lab.ops.recurrence.cells.cell import Dot, HiddenCarry, Local, Parameter, Params, named, plus, zoneout
from sequence_lab.ops.recurrence.cells.linear import LinearOptions, wide
from sequence_lab.ops.recurrence.initializers import by_gate, ring, scaled

Array = jax.Array


class LRUCarry(NamedTuple):
    """Real and imaginary part of the state: two real arrays, so that what holds for every carry holds for it."""

    real: Array
    imag: Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class LRUCell(LinearOptions):
    """Linear recurrent unit (Orvieto et al. 2023, section 3), diagonal and complex.

    s' = exp(-exp(nu_log) + i exp(theta_log)) * s + exp(gamma_log) * (B x)
    y = Re(C s') + D x

    The input matrix holds B's real and imaginary part, then D; the output matrix, over real and imaginary part of s,
    Re(C) and -Im(C); ``diagonal`` holds nu_log, theta_log, gamma_log. Eigenvalues start uniformly on a ring (lemma
    3.2), and gamma from what keeps the variance of s at that of B x: sqrt(1 - |eigenvalue|^2). The paper's code has a
    diagonal D, and trains the diagonal at a lower rate, without weight decay.

    Attributes: those of ``LinearOptions``, of which ``input_init`` is for D, with variance halved for each part of B,
      and use_bias: one added to y, which the paper does not have; and
      state_features: size of s, or None for D.
      r_min, r_max: radii of the ring, within 0 and 1: memory lasts for about 1 / (1 - r) steps.
      max_phase: largest angle at the start, in radians, up to 2 pi; less for long sequences (section 3.4).
    """

    use_bias: bool = False
    state_features: int | None = None
    r_min: float = 0.0
    r_max: float = 1.0
    max_phase: float = 2 * math.pi

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.state_features is not None and self.state_features < 1:
            raise ValueError(f"state_features is {self.state_features}; allowed: 1 or more, or None")
        ring(self.r_min, self.r_max, self.max_phase)

    @property
    def _states(self) -> int:
        return self.features if self.state_features is None else self.state_features

    def initial_carry(self, batch_shape: tuple[int, ...], dtype: Any = jnp.float32) -> LRUCarry:
        real, imag = (jnp.zeros((*batch_shape, self._states), dtype) for _ in range(2))
        return LRUCarry(real, imag)

    def state(self, carry: LRUCarry) -> Array:
        return lax.complex(*map(wide, carry))

    def carry(self, state: Array) -> LRUCarry:
        return LRUCarry(state.real, state.imag)

    def noise(self, key: Array, batch_shape: tuple[int, ...]) -> Array | None:
        return zoneout(key, self.zoneout, (*batch_shape, self._states))

    def parameters(self, in_features: int) -> Params:
        sizes = [self._states, self._states, self.features]
        init = named(self.input_init)
        matrices = {
            "input": Parameter((in_features, sum(sizes)), by_gate([scaled(init, 0.5**0.5)] * 2 + [init], sizes)),
            "output": Parameter((2 * self._states, self.features), scaled(named("lecun_normal"), 2**0.5)),
        }
        diagonal = Parameter((3 * self._states,), ring(self.r_min, self.r_max, self.max_phase))
        return Params(matrices, self.biases(bias=zeros) | {"diagonal": diagonal})

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        return dot("input", x)

    def coefficients(self, local: Local, before: Array | None, u: Array, noise: Array | None) -> tuple[Array, Array]:
        real, imag, _ = jnp.split(wide(u), [self._states, 2 * self._states], axis=-1)
        nu, theta, gamma = jnp.split(jnp.exp(wide(local["diagonal"])), 3)
        eigenvalue = jnp.exp(-nu) * lax.complex(jnp.cos(theta), jnp.sin(theta))
        return self.zoned(eigenvalue, gamma * lax.complex(real, imag), noise)

    def outputs(self, local: Local, before: Array | None, after: Array, u: Array, dot: Dot) -> Array:
        skip = u[..., 2 * self._states :]
        return plus(dot("output", jnp.concatenate([after.real, after.imag], axis=-1), add=skip), local, "bias")


DECAY = 8.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RGLRUCell(LinearOptions):
    """Real-gated linear recurrent unit (De et al. 2024, section 2.4), with full matrices for its gates.

    r, i = sigmoid(W x + b), each its own rows
    a = exp(-8 softplus(Lambda) * r)
    h' = a * h + sqrt(1 - a^2) * (i * x)

    The matrix holds r i, and, where x is not of size D, a third block v, with v = W_v x in the place of x: the linear
    layer that precedes the unit in Griffin. Lambda starts so that a at r = 1 is uniform in [0.9, 0.999].

    Attributes: those of ``LinearOptions``.
    """

    def parameters(self, in_features: int) -> Params:
        matrix = self.input_matrix(in_features, 2 if in_features == self.features else 3)
        return Params({"input": matrix}, self.biases(bias=[zeros] * 2) | {"lambda": Parameter((self.features,), _slow)})

    def inputs(self, local: Local, x: Array, dot: Dot) -> Array:
        u = dot("input", x)
        return u if u.shape[-1] == 3 * self.features else jnp.concatenate([u, x], axis=-1)

    def coefficients(
        self, local: Local, before: HiddenCarry | None, u: Array, noise: Array | None
    ) -> tuple[HiddenCarry, HiddenCarry]:
        ri, x = jnp.split(wide(u), [2 * self.features], axis=-1)
        r, i = jnp.split(sigmoid(plus(ri, local, "bias")), 2, axis=-1)
        log_a = -DECAY * softplus(wide(local["lambda"])) * r
        a, b = self.zoned(jnp.exp(log_a), _root(-jnp.expm1(2 * log_a)) * i * x, noise)
        return HiddenCarry(a), HiddenCarry(b)

    def outputs(self, local: Local, before: HiddenCarry | None, after: HiddenCarry, u: Array, dot: Dot) -> Array:
        return after.h


def _root(x: Array) -> Array:
    """The square root, with slope 0 at 0: there the gate is shut to rounding."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0)


def _slow(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """Lambda for which exp(-8 softplus(Lambda)) is uniform in [0.9, 0.999]."""
    a = jax.random.uniform(key, shape, jnp.float32, 0.9, 0.999)
    return jnp.log(jnp.expm1(-jnp.log(a) / DECAY)).astype(dtype)
