"""A chain of classes, one at every time step, as a conditional random field has it."""

import jax
import jax.numpy as jnp

from sequence_lab.ops import crf as chains
from sequence_lab.ops import metrics

Array = jax.Array


def crf(potentials_BTKK: Array, labels_BT: Array, mask_BT: Array) -> dict[str, metrics.Mean]:
    """Negative log-likelihood in nats, per real step, and the accuracy of the likeliest path; see ``ops.crf``.

    A label that does not count before others that do is summed over.
    """
    if potentials_BTKK.ndim != 4 or labels_BT.shape != potentials_BTKK.shape[:2]:
        raise ValueError(
            f"crf compares potentials [B, T, K, K] with labels [B, T]; "
            f"got {potentials_BTKK.shape} and {labels_BT.shape}"
        )
    counts_BT, lengths_B = mask_BT != 0, _lengths(mask_BT)
    nats_B = -chains.log_likelihood(potentials_BTKK, labels_BT, lengths_B, counts_BT)
    weights_B = jnp.sum(mask_BT, axis=1) / jnp.maximum(jnp.sum(counts_BT, axis=1), 1)
    path_BT, _ = chains.viterbi(jax.lax.stop_gradient(potentials_BTKK), lengths_B)
    return {
        "loss": metrics.Mean(jnp.sum(nats_B * weights_B), jnp.sum(mask_BT)),
        "accuracy": metrics.weighted(path_BT == labels_BT, mask_BT),
    }


def likeliest(potentials_BTKK: Array, mask_BT: Array) -> Array:
    """The likeliest path as logits ``[B, T, K]``: 1 for its class at each step, 0 for the others."""
    path_BT, _ = chains.viterbi(potentials_BTKK, _lengths(mask_BT))
    return jax.nn.one_hot(path_BT, potentials_BTKK.shape[-1])


def _lengths(mask_BT: Array) -> Array:
    """Steps up to the last that counts."""
    return jnp.max(jnp.where(mask_BT != 0, jnp.arange(1, mask_BT.shape[1] + 1), 0), axis=1)
