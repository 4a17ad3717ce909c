"""Losses per example or per step, unreduced.

A mask and a sum come later, and in one place: ``metrics.weighted``. All compute in float32 or wider, whatever
the inputs' type.
"""

import jax
import jax.numpy as jnp

Array = jax.Array


def cross_entropy(logits_K: Array, labels: Array) -> Array:
    """-log softmax(logits)[label] in nats: ``[..., K]`` and integer ``[...]`` to ``[...]``.

    A label outside 0..K-1 (as may stand in the padding) is read as the nearest class; mask it out.
    """
    logits_K = _at_least_float32(logits_K)
    labels = jnp.clip(labels, 0, logits_K.shape[-1] - 1)
    picked = jnp.take_along_axis(logits_K, labels[..., None], axis=-1)[..., 0]
    return _log_sum_exp(logits_K) - picked


def set_cross_entropy(logits_K: Array, allowed_K: Array) -> Array:
    """-log of the sum of softmax(logits) over the allowed classes, in nats: two ``[..., K]`` to ``[...]``.

    0 where no class is named, as in the padding: then all are.
    """
    logits_K = _at_least_float32(logits_K)
    allowed_K |= ~jnp.any(allowed_K, axis=-1, keepdims=True)
    return _log_sum_exp(logits_K) - _log_sum_exp(jnp.where(allowed_K, logits_K, -jnp.inf))


def bernoulli_cross_entropy(logits_K: Array, labels_K: Array) -> Array:
    """-log likelihood in nats of K independent bits, summed over them: two ``[..., K]`` to ``[...]``."""
    logits_K = _at_least_float32(logits_K)
    labels_K = labels_K.astype(logits_K.dtype)
    # Finite for every finite logit; softplus(x) - x y would round to 0 long before the loss does.
    losses_K = labels_K * jax.nn.softplus(-logits_K) + (1 - labels_K) * jax.nn.softplus(logits_K)
    return jnp.sum(losses_K, axis=-1)


def squared_error(outputs_K: Array, targets_K: Array) -> Array:
    """(output - target)^2, averaged over the last axis: two ``[..., K]`` to ``[...]``."""
    outputs_K = _at_least_float32(outputs_K)
    return jnp.mean(jnp.square(outputs_K - targets_K.astype(outputs_K.dtype)), axis=-1)


def absolute_error(outputs_K: Array, targets_K: Array) -> Array:
    """|output - target|, averaged over the last axis: two ``[..., K]`` to ``[...]``."""
    outputs_K = _at_least_float32(outputs_K)
    return jnp.mean(jnp.abs(outputs_K - targets_K.astype(outputs_K.dtype)), axis=-1)


def _log_sum_exp(x_K: Array) -> Array:
    """``jax.nn.logsumexp`` over the last axis without its signs and weights, which a CPU goes through once more."""
    highest = jax.lax.stop_gradient(jnp.max(x_K, axis=-1, keepdims=True))
    highest = jnp.where(jnp.isfinite(highest), highest, 0)
    return jnp.log(jnp.sum(jnp.exp(x_K - highest), axis=-1)) + highest[..., 0]


def _at_least_float32(x: Array) -> Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
