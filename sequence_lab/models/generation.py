"""Texts by a language model: drawn, or the likeliest."""

from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.decoding import beam_search

Array = jax.Array


def generate(
    model: nn.Module,
    variables: Any,
    prompt_T: Array,
    length: int,
    temperature: float,
    key: Array,
    *,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Array:
    """Continues a prompt by ``length`` symbols, each drawn from softmax(logits / temperature); 0: the likeliest.

    Args:
      model: with ``initial_carry`` and ``step``.
      prompt_T: int32 ids, at least one.
      top_k, top_p: see ``restricted``.

    Returns:
      int32 ``[length]``.
    """

    read, draw = _sampler(model, variables, temperature, top_k, top_p)
    carry, logits_TV = jax.lax.scan(read, model.initial_carry((1,)), prompt_T)
    _, tokens_T = jax.lax.scan(draw, (carry, logits_TV[-1]), jax.random.split(key, length))
    return tokens_T


def stream(
    model: nn.Module,
    variables: Any,
    prompt_T: Array,
    length: int,
    temperature: float,
    key: Array,
    *,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Iterator[int]:
    """The symbols of ``generate``, the same ones, each as soon as it is drawn."""
    read, draw = _sampler(model, variables, temperature, top_k, top_p)
    carry, logits_TV = jax.jit(lambda carry: jax.lax.scan(read, carry, prompt_T))(model.initial_carry((1,)))
    state, draw = (carry, logits_TV[-1]), jax.jit(draw)
    for one in jax.random.split(key, length):
        state, token = draw(state, one)
        yield int(token)


def _sampler(model: nn.Module, variables: Any, temperature: float, top_k: int, top_p: float) -> tuple[Any, Any]:
    """Steps of a scan: one that reads a given symbol, and one that draws it by a key."""

    def read(carry: Any, token: Array) -> tuple[Any, Array]:
        logits_BV, carry = model.apply(variables, carry, token[None], method="step")
        return carry, logits_BV[0]

    def draw(state: tuple[Any, Array], key: Array) -> tuple[tuple[Any, Array], Array]:
        carry, logits_V = state
        if temperature:
            token = jax.random.categorical(key, restricted(logits_V / temperature, top_k, top_p))
        else:
            token = jnp.argmax(logits_V)
        token = token.astype(jnp.int32)
        return read(carry, token), token

    return read, draw


def restricted(logits_V: Array, top_k: int = 0, top_p: float = 1.0) -> Array:
    """The logits ``[V]`` of the likeliest symbols, minus infinity for the others.

    Args:
      top_k: so many of them (Fan et al. 2018), ties included; 0: all.
      top_p: then the fewest that have at least this probability together (nucleus: Holtzman et al. 2020).
    """
    descending_V = jnp.sort(logits_V, descending=True)
    if top_k:
        logits_V = jnp.where(logits_V >= descending_V[min(top_k, len(logits_V)) - 1], logits_V, -jnp.inf)
        descending_V = jnp.sort(logits_V, descending=True)
    if top_p < 1:
        shares_V = jax.nn.softmax(descending_V)
        needed_V = jnp.cumsum(shares_V) - shares_V < top_p  # what comes before does not suffice
        logits_V = jnp.where(logits_V >= jnp.min(descending_V, where=needed_V, initial=jnp.inf), logits_V, -jnp.inf)
    return logits_V


def likeliest(model: nn.Module, variables: Any, prompt_T: Array, length: int, width: int) -> Array:
    """Continues a prompt by the likeliest ``length`` symbols that a beam so wide finds: int32 ``[length]``.

    Args:
      model, prompt_T: as in ``generate``.
    """

    def step(carry: Any, tokens_B: Array) -> tuple[Array, Any]:
        return model.apply(variables, carry, tokens_B, method="step")

    carry, _ = jax.lax.scan(
        lambda carry, token: step(carry, token[None])[::-1], model.initial_carry((1,)), prompt_T[:-1]
    )
    return beam_search(step, carry, prompt_T[-1:], length, width=width).tokens_BKT[0, 0]
