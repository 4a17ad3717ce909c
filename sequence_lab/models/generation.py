"""Sampling from a language model."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

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
