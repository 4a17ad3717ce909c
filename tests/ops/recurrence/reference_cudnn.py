"""``jax.experimental.rnn.lstm`` where there is no GPU: JAX's own reference, which reads the same vector of weights."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import rnn


def lstm(
    x: Any,
    h_0: Any,
    c_0: Any,
    weights: Any,
    seq_lengths: Any,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    dropout: float,
    bidirectional: bool,
) -> Any:
    """As ``rnn.lstm``, and NaN in everything where a row has no steps, since cuDNN fails on it."""
    sizes = (input_size, hidden_size, num_layers)
    unpacked = rnn.unpack_lstm_weights(weights, *sizes, bidirectional)
    out = rnn.lstm_ref(x, h_0, c_0, *unpacked, seq_lengths, *sizes, dropout, bidirectional)
    assert weights.shape == (rnn.get_num_params_in_lstm(*sizes, bidirectional),)
    return jax.tree.map(lambda a: jnp.where(jnp.all(seq_lengths > 0), a, jnp.nan), out)
