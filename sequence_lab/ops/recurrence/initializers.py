"""How recurrent matrices start, and the biases of gates.

An initialiser maps (key, shape, dtype) to an array, as JAX's and Flax's do. Matrices are ``[in, D]``, one gate's:
column j holds what comes into unit j. The cells draw each gate on its own.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import initializers

Array = jax.Array
Initializer = Callable[[Array, tuple[int, ...], Any], Array]


def identity(scale: float = 1.0) -> Initializer:
    """The identity times ``scale``: with relu, the IRNN (Le et al. 2015)."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return scale * jnp.eye(shape[0], shape[1], dtype=dtype)

    return init


def uniform() -> Initializer:
    """U(-1/sqrt(D), 1/sqrt(D)) for D units, whatever comes in: the matrices of ``torch.nn.RNNBase``."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        limit = shape[-1] ** -0.5
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


def sparse(connections: int = 15) -> Initializer:
    """``connections`` non-zero weights into every unit, from N(0, 1 / connections) (Martens 2010; Sutskever 2013)."""
    if connections < 1:
        raise ValueError(f"connections is {connections}; allowed: 1 or more")

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        which, values = jax.random.split(key)
        rank = jnp.argsort(jnp.argsort(jax.random.uniform(which, shape), axis=0), axis=0)
        scale = min(connections, shape[0]) ** -0.5
        return jnp.where(rank < connections, scale * jax.random.normal(values, shape, dtype), 0)

    return init


def with_spectral_radius(init: Initializer, radius: float) -> Initializer:
    """``init``, rescaled so that the largest absolute eigenvalue is ``radius`` (Jaeger 2001).

    A nilpotent matrix, whose eigenvalues are all zero, is left as it is.

    Raises:
      ValueError: a radius below 0, a matrix that is not square.
    """
    if not radius >= 0:
        raise ValueError(f"spectral_radius is {radius}; allowed: 0 or more")

    def rescaled(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        if shape[0] != shape[1]:
            raise ValueError(f"a matrix of shape {shape} has no spectral radius; allowed: a square one")
        matrix = init(key, shape, dtype)
        own = spectral_radius(matrix)
        return jnp.where(own > 0, matrix * (radius / jnp.where(own > 0, own, 1)), matrix).astype(dtype)

    return rescaled


def spectral_radius(matrix_DD: Array) -> Array:
    """The largest absolute eigenvalue, as the limit of ||A^n||^(1/n) (Gelfand's formula).

    By repeated squaring, so that it runs on every backend: ``jnp.linalg.eigvals`` knows the CPU alone.
    """
    squarings = 24  # n = 2^24: the norm of A^n / radius^n would have to be e^16 to change the result by 1e-6

    def square(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        power, log_radius = state
        norm = jnp.linalg.norm(power)
        power = power / jnp.where(norm > 0, norm, 1)
        # At the highest precision, as an accelerator would round the operands.
        return jnp.matmul(power, power, precision=jax.lax.Precision.HIGHEST), 2 * (log_radius + jnp.log(norm))

    # Both are of A^n at n = 2^i: the power itself, rescaled, and the logarithm of what it was divided by.
    power, log_scale = jax.lax.fori_loop(0, squarings, square, (matrix_DD, jnp.zeros((), matrix_DD.dtype)))
    return jnp.exp((log_scale + jnp.log(jnp.linalg.norm(power))) / 2.0**squarings)


def chrono(steps: int) -> Initializer:
    """log U(1, steps - 1), the bias of a gate that keeps memory for up to ``steps`` (Tallec and Ollivier 2018)."""
    if steps < 3:
        raise ValueError(f"chrono_steps is {steps}; allowed: 3 or more, the longest dependency in steps")

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jnp.log(jax.random.uniform(key, shape, jnp.float32, 1, steps - 1)).astype(dtype)

    return init


def ring(r_min: float, r_max: float, max_phase: float) -> Initializer:
    """(nu_log, theta_log, gamma_log) of the linear recurrent unit, ``[3 N]`` (Orvieto et al. 2023, appendix A).

    The eigenvalues exp(-exp(nu_log) + i exp(theta_log)) are uniform by area between the circles of those radii, at
    angles between 0 and ``max_phase``; exp(gamma_log)^2 = 1 - |eigenvalue|^2.

    Raises:
      ValueError: radii outside of 0 to 1 or the wrong way round, an angle not above 0 or above a full turn.
    """
    if not 0 <= r_min <= r_max <= 1:
        raise ValueError(f"r_min and r_max are {r_min} and {r_max}; allowed: 0 <= r_min <= r_max <= 1")
    if not 0 < max_phase <= 2 * math.pi:
        raise ValueError(f"max_phase is {max_phase}; allowed: above 0, up to 2 pi")
    tiny, almost_one = jnp.finfo(jnp.float32).tiny, 1 - jnp.finfo(jnp.float32).epsneg

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        area, turn = jax.random.uniform(key, (2, *shape[:-1], shape[-1] // 3), jnp.float32, tiny, 1)
        squared = jnp.clip(r_min**2 + area * (r_max**2 - r_min**2), tiny, almost_one)
        nu_log, theta_log = jnp.log(-0.5 * jnp.log(squared)), jnp.log(max_phase * turn)
        return jnp.concatenate([nu_log, theta_log, 0.5 * jnp.log1p(-squared)], axis=-1).astype(dtype)

    return init


def scaled(init: Initializer, factor: float) -> Initializer:
    """``init`` times ``factor``."""

    def rescaled(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return factor * init(key, shape, dtype)

    return rescaled


INITIALIZERS: Mapping[str, Initializer] = {
    "glorot_uniform": initializers.glorot_uniform(),
    "identity": identity(),
    "lecun_normal": initializers.lecun_normal(),
    "orthogonal": initializers.orthogonal(),
    "sparse": sparse(),
    "uniform": uniform(),
}


def by_gate(inits: list[Initializer], sizes: list[int] | None = None) -> Initializer:
    """Draws each gate's ``[..., D]`` block on its own, then sets the blocks side by side: ``[..., G * D]``.

    ``sizes`` says how wide each block is where they are not all alike.
    """

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        widths = sizes or [shape[-1] // len(inits)] * len(inits)
        wide = jnp.promote_types(dtype, jnp.float32)  # an orthogonal matrix cannot be drawn in bfloat16
        keys = jax.random.split(key, len(inits))
        blocks = [draw(k, (*shape[:-1], w), wide) for draw, k, w in zip(inits, keys, widths, strict=True)]
        return jnp.concatenate(blocks, axis=-1).astype(dtype)

    return init
