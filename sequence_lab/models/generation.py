"""Texts by a language model: drawn, or the likeliest."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.decoding import beam_search

Array = jax.Array


def generate(model: nn.Module, variables: Any, prompt_T: Array, length: int, temperature: float, key: Array) -> Array:
    """Continues a prompt by ``length`` symbols, each drawn from softmax(logits / temperature); 0: the likeliest.

    Args:
      model: with ``initial_carry`` and ``step``.
      prompt_T: int32 ids, at least one.

    Returns:
      int32 ``[length]``.
    """

    def read(carry: Any, token: Array) -> tuple[Any, Array]:
        logits_BV, carry = model.apply(variables, carry, token[None], method="step")
        return carry, logits_BV[0]

    def draw(state: tuple[Any, Array], key: Array) -> tuple[tuple[Any, Array], Array]:
        carry, logits_V = state
        likeliest = jnp.argmax(logits_V)
        token = jax.random.categorical(key, logits_V / temperature) if temperature else likeliest
        token = token.astype(jnp.int32)
        return read(carry, token), token

    carry, logits_TV = jax.lax.scan(read, model.initial_carry((1,)), prompt_T)
    _, tokens_T = jax.lax.scan(draw, (carry, logits_TV[-1]), jax.random.split(key, length))
    return tokens_T


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
