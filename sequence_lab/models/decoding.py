"""Decoding: the likeliest sequence of symbols by any model with a step, greedily or with a beam.

A step maps ``(carry, tokens_B) -> (logits_BV, carry)``; every leaf of its carry has an axis of rows first.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sequence_lab.ops import losses, masking

Array = jax.Array
Carry = Any
Step = Callable[[Carry, Array], tuple[Array, Carry]]


class Decoded(NamedTuple):
    """Sequences, of a beam K for each row, the best first; without a beam there is no axis K.

    Attributes:
      tokens_BKT: ids, the end among them; 0 after it.
      lengths_BK: symbols, the end among them; ``max_length`` where there is none.
      log_probabilities_BK: in nats; -inf where the beam is wider than there are sequences.
    """

    tokens_BKT: Array
    lengths_BK: Array
    log_probabilities_BK: Array


class Hypotheses(NamedTuple):
    """A beam on its way: what is decoded, the carry of ``[B * K]`` rows, what was decoded last, what has ended."""

    decoded: Decoded
    carry: Carry
    last_BK: Array
    ended_BK: Array


def greedy(step: Step, carry: Carry, first_B: Array, max_length: int, end: int | None = None) -> Decoded:
    """At each step the likeliest symbol, until every row has ended.

    Args:
      first_B: the symbols that the first step reads.
      max_length: symbols at most.
      end: the symbol that ends a sequence; None: none does.

    Raises:
      ValueError: ``max_length`` is less than 1.
    """
    _check("max_length", max_length)
    rows = first_B.shape[0]

    def extend(t: Array, so_far: Hypotheses) -> Hypotheses:
        decoded, carry, last_B, ended_B = so_far
        logits_BV, carry = step(carry, last_B)
        chosen_B = jnp.where(ended_B, 0, jnp.argmax(logits_BV, axis=-1).astype(jnp.int32))
        gained_B = jnp.where(ended_B, 0, -losses.cross_entropy(logits_BV, chosen_B))
        decoded = Decoded(
            decoded.tokens_BKT.at[:, t].set(chosen_B),
            decoded.lengths_BK + ~ended_B,
            decoded.log_probabilities_BK + gained_B,
        )
        return Hypotheses(decoded, carry, chosen_B, ended_B | _is_end(chosen_B, end))

    nothing = Decoded(
        jnp.zeros((rows, max_length), jnp.int32), jnp.zeros(rows, jnp.int32), jnp.zeros(rows, jnp.float32)
    )
    start = Hypotheses(nothing, carry, first_B.astype(jnp.int32), jnp.zeros(rows, bool))
    return _until_ended(extend, start, max_length)


def beam_search(
    step: Step,
    carry: Carry,
    first_B: Array,
    max_length: int,
    end: int | None = None,
    *,
    width: int,
    alpha: float = 0.0,
) -> Decoded:
    """The best of each row among ``width`` sequences that are extended side by side.

    At each step all extensions, and what has ended as it is, compete by log p / ((5 + length) / 6)^alpha (Wu et al.
    2016, equation 14); alpha = 0 prefers short sequences. A beam of width 1 is greedy.

    Args:
      first_B, max_length, end: as in ``greedy``.

    Raises:
      ValueError: ``width`` or ``max_length`` is less than 1.
    """
    _check("max_length", max_length)
    _check("width", width)
    rows = first_B.shape[0]

    def extend(t: Array, so_far: Hypotheses) -> Hypotheses:
        decoded, carry, last_BK, ended_BK = so_far
        logits, carry = step(carry, last_BK.reshape(-1))
        parent_BK, chosen_BK, total_BK, lengths_BK = _best(decoded, ended_BK, logits.reshape(rows, width, -1), alpha)
        tokens_BKT = jnp.take_along_axis(decoded.tokens_BKT, parent_BK[..., None], axis=1)
        ended_BK = jnp.take_along_axis(ended_BK, parent_BK, axis=1)
        own = (parent_BK + width * jnp.arange(rows)[:, None]).reshape(-1)
        decoded = Decoded(tokens_BKT.at[..., t].set(chosen_BK), lengths_BK, total_BK)
        ended_BK |= _is_end(chosen_BK, end) | (total_BK == -jnp.inf)
        return Hypotheses(decoded, jax.tree.map(lambda x: x[own], carry), chosen_BK, ended_BK)

    alone_K = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf)  # all start alike: the others would be copies
    nothing = Decoded(
        jnp.zeros((rows, width, max_length), jnp.int32),
        jnp.zeros((rows, width), jnp.int32),
        jnp.broadcast_to(alone_K, (rows, width)),
    )
    start = Hypotheses(
        nothing,
        jax.tree.map(lambda x: jnp.repeat(x, width, axis=0), carry),
        jnp.repeat(first_B.astype(jnp.int32)[:, None], width, axis=1),
        jnp.zeros((rows, width), bool),
    )
    return _until_ended(extend, start, max_length)


def _until_ended(extend: Callable[[Array, Hypotheses], Hypotheses], start: Hypotheses, max_length: int) -> Decoded:
    def go_on(state: tuple[Array, Hypotheses]) -> Array:
        return (state[0] < max_length) & ~jnp.all(state[1].ended_BK)

    def body(state: tuple[Array, Hypotheses]) -> tuple[Array, Hypotheses]:
        return state[0] + 1, extend(*state)

    return jax.lax.while_loop(go_on, body, (jnp.zeros((), jnp.int32), start))[1].decoded


def _best(decoded: Decoded, ended_BK: Array, logits_BKV: Array, alpha: float) -> tuple[Array, Array, Array, Array]:
    """Of the best extensions: what they extend, by which symbol, their log probabilities and lengths."""
    rows, width, symbols = logits_BKV.shape
    log_p_BKV = jax.nn.log_softmax(logits_BKV.astype(jnp.promote_types(logits_BKV.dtype, jnp.float32)))
    # What has ended goes on as it is, by one "symbol" alone.
    stays_V = jnp.where(jnp.arange(symbols) == 0, 0.0, -jnp.inf)
    total_BKV = decoded.log_probabilities_BK[..., None] + jnp.where(ended_BK[..., None], stays_V, log_p_BKV)
    lengths_BK = decoded.lengths_BK + ~ended_BK
    scores_BKV = total_BKV / (((5 + lengths_BK) / 6) ** alpha)[..., None]
    _, places_BK = jax.lax.top_k(scores_BKV.reshape(rows, -1), width)
    parent_BK = places_BK // symbols
    total_BK = jnp.take_along_axis(total_BKV.reshape(rows, -1), places_BK, axis=1)
    return parent_BK, places_BK % symbols, total_BK, jnp.take_along_axis(lengths_BK, parent_BK, axis=1)


def log_probability(logits_BTV: Array, labels_BT: Array, lengths_B: Array | None = None) -> Array:
    """log p of given sequences, ``[B]`` in nats: the score of a pair of phrases in Cho et al. (2014, section 3.1)."""
    nats_BT = losses.cross_entropy(logits_BTV, labels_BT)
    return -jnp.sum(masking.zero_padding(nats_BT, lengths_B), axis=-1)


def _is_end(tokens: Array, end: int | None) -> Array:
    return jnp.zeros(tokens.shape, bool) if end is None else tokens == end


def _check(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} is {value}; allowed: 1 or more")
