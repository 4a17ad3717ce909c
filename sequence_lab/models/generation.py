"""Texts by a language model, drawn or the likeliest; music, drawn frame by frame."""

from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.decoding import beam_search

Array = jax.Array
Read = Callable[[Any, Array], tuple[Any, Array]]  # a carry and what comes next, to the carry after it and logits
Draw = Callable[[Array, Array], Array]  # a key and logits to what comes next


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

    read, draw = _symbols(model, variables, temperature, top_k, top_p)
    carry, logits_TV = jax.lax.scan(read, model.initial_carry((1,)), prompt_T)
    _, tokens_T = jax.lax.scan(_continued(read, draw), (carry, logits_TV[-1]), jax.random.split(key, length))
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
    read, draw = _symbols(model, variables, temperature, top_k, top_p)
    carry, logits_TV = jax.jit(lambda carry: jax.lax.scan(read, carry, prompt_T))(model.initial_carry((1,)))
    state, step = (carry, logits_TV[-1]), jax.jit(_continued(read, draw))
    for one in jax.random.split(key, length):
        state, token = step(state, one)
        yield int(token)


def _symbols(model: nn.Module, variables: Any, temperature: float, top_k: int, top_p: float) -> tuple[Read, Draw]:
    def read(carry: Any, token: Array) -> tuple[Any, Array]:
        logits_BV, carry = model.apply(variables, carry, token[None], method="step")
        return carry, logits_BV[0]

    def draw(key: Array, logits_V: Array) -> Array:
        if not temperature:
            return jnp.argmax(logits_V).astype(jnp.int32)
        return jax.random.categorical(key, restricted(logits_V / temperature, top_k, top_p)).astype(jnp.int32)

    return read, draw


def generate_frames(
    model: nn.Module, variables: Any, prompt_TK: Array, length: int, temperature: float, key: Array
) -> Array:
    """Continues frames of 0 and 1 by ``length``, each of whose places is drawn by itself.

    It is 1 with the probability sigmoid(logit / temperature); at a temperature of 0 it is what is likelier.

    Args:
      model: with ``step``, whose first carry is None; its outputs are the logits of the next frame.
      prompt_TK: at least one frame.

    Returns:
      ``[length, K]``, of the type of the prompt.
    """

    def read(carry: Any, frame_K: Array) -> tuple[Any, Array]:
        logits_BK, carry = model.apply(variables, carry, frame_K[None], method="step")
        return carry, logits_BK[0]

    def draw(key: Array, logits_K: Array) -> Array:
        if not temperature:
            return (logits_K > 0).astype(prompt_TK.dtype)
        return jax.random.bernoulli(key, jax.nn.sigmoid(logits_K / temperature)).astype(prompt_TK.dtype)

    carry, first_K = read(None, prompt_TK[0])
    carry, logits_TK = jax.lax.scan(read, carry, prompt_TK[1:])
    last_K = jnp.concatenate([first_K[None], logits_TK])[-1]
    _, frames_TK = jax.lax.scan(_continued(read, draw), (carry, last_K), jax.random.split(key, length))
    return frames_TK


def _continued(read: Read, draw: Draw) -> Callable[[tuple[Any, Array], Array], tuple[tuple[Any, Array], Array]]:
    """A step of a scan over keys: draws from the logits, and reads what was drawn."""

    def step(state: tuple[Any, Array], key: Array) -> tuple[tuple[Any, Array], Array]:
        carry, logits = state
        drawn = draw(key, logits)
        return read(carry, drawn), drawn

    return step


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
