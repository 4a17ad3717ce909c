"""Encoder and decoder: a sequence read whole, and another one written symbol after symbol."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from sequence_lab.models.recurrent import check_dropout
from sequence_lab.nn import GRU, Bidirectional, Dense, Embedding, final_hidden
from sequence_lab.ops import masking, pooling

Array = jax.Array
ATTENTIONS = ("none", "additive", "dot")


class Reading(NamedTuple):
    """What the decoder knows of the sources, a row each.

    Attributes:
      summary_BD: the vector c of the whole source.
      annotations_BSC, keys_BSD, lengths_B: of every step, what attention reads and what it compares; None without.
    """

    summary_BD: Array
    annotations_BSC: Array | None = None
    keys_BSD: Array | None = None
    lengths_B: Array | None = None


class Decoding(NamedTuple):
    """Where a decoder is: its cell's carry and what it reads; every leaf has an axis of rows first."""

    cell: Any
    reading: Reading


class SequenceToSequence(nn.Module):
    """p(target | source), symbol by symbol, by two gated recurrent units: ``[B, T]`` ids twice to ``[B, T, V]`` logits.

    Without attention it is the network of Cho et al. (2014, arXiv 1406.1078, appendix A): the source ends in one vector
    c = tanh(V h_N), the decoder starts from tanh(V' c), and sees c at every step:

        h_t = GRU([e(y_{t-1}), c], h_{t-1}),  s_i = max(s'_{2i-1}, s'_{2i}),  s' = O_h h_t + O_y e(y_{t-1}) + O_c c,

    and p(y_t) = softmax(G s). In the decoder the reset gate acts on c, too: n = tanh(W e(y) + r * (U h + C c)).
    With attention (Bahdanau et al. 2015) a mean of the encoder's outputs h_j stands in the place of c, with weights
    softmax(score(h_{t-1}, h_j)), and the reset gate does not act on it; the decoder still starts from tanh(V' c).
    What is fed for y_0 is a symbol, "<eos>", and not the zero vector of the paper.

    Inputs are the streams "source" and "target", the latter what stood before each step's symbol: training feeds the
    true one (teacher forcing). ``encode`` and ``step`` decode, symbol by symbol.

    Attributes:
      vocabulary_size: V, of both sides.
      embedding_features: of the symbols' vectors, each side with its own.
      features: D, units of the encoder, in each direction, and of the decoder.
      maxout_features: of s, maxima of two each.
      attention: "none"; "additive", v . tanh(W h_{t-1} + U h_j); "dot", h_{t-1} . U h_j (Luong et al. 2015, "general").
      bidirectional: whether the encoder reads both ways; c is then made of both last outputs.
      dropout: on the symbols' vectors and before the logits.
    """

    vocabulary_size: int
    embedding_features: int = 64
    features: int = 128
    maxout_features: int = 64
    attention: str = "none"
    bidirectional: bool = False
    dropout: float = 0.0

    def setup(self) -> None:
        if self.attention not in ATTENTIONS:
            raise ValueError(f"attention is {self.attention!r}; allowed: {', '.join(ATTENTIONS)}")
        check_dropout(self.dropout)
        sizes = {"features": self.features, "maxout_features": self.maxout_features}
        if wrong := [f"{name} is {size}" for name, size in sizes.items() if size < 1]:
            raise ValueError(f"{wrong[0]}; allowed: 1 or more")
        self.source_embedding = Embedding(self.vocabulary_size, self.embedding_features)
        self.target_embedding = Embedding(self.vocabulary_size, self.embedding_features)
        # Cho's unit has its reset gate before the product, but in the decoder.
        encoder = GRU(self.features, reset_after=False)
        self.encoder = Bidirectional(encoder) if self.bidirectional else encoder
        self.summary = Dense(self.features, use_bias=False)
        self.start = Dense(self.features, use_bias=False)
        self.decoder = (
            GRU(self.features, context_features=self.features)
            if self.attention == "none"
            else GRU(self.features, reset_after=False)
        )
        if self.attention != "none":
            self.key = Dense(self.features, use_bias=False)
        if self.attention == "additive":
            self.query = Dense(self.features, use_bias=False)
            self.score = Dense(1, use_bias=False)
        self.maxout = Dense(2 * self.maxout_features)
        self.head = Dense(self.vocabulary_size)
        self.drop = nn.Dropout(self.dropout)

    def __call__(
        self, inputs: dict[str, Array], lengths_B: dict[str, Array] | None = None, *, train: bool = False
    ) -> Array:
        """Logits of the symbol after each of ``inputs["target"]``; zero past its length."""
        if not isinstance(inputs, dict) or set(inputs) != {"source", "target"}:
            raise ValueError("inputs are not the streams source and target; allowed: a data set of pairs")
        lengths: dict[str, Any] = lengths_B or {"source": None, "target": None}
        before_BTE = self.target_embedding(inputs["target"], lengths["target"])
        before_BTE = self.drop(before_BTE, deterministic=not train)
        start = self.encode(inputs["source"], lengths["source"], train=train)
        h_BTD, context_BTC = self._decode(start, before_BTE, lengths["target"])
        return self._logits(h_BTD, before_BTE, context_BTC, lengths["target"], train)

    def encode(self, source_BS: Array, lengths_B: Array | None = None, *, train: bool = False) -> Decoding:
        """Reads the sources: where the decoder starts, for ``step``."""
        lengths_B = masking.checked_lengths(lengths_B, source_BS.shape[:1], source_BS.shape[1])
        x_BSE = self.drop(self.source_embedding(source_BS, lengths_B), deterministic=not train)
        h_BSC, carry = self.encoder(x_BSE, lengths_B)
        summary_BD = jnp.tanh(self.summary(final_hidden(carry)))
        cell = self.decoder.initial_carry(source_BS.shape[:1])._replace(h=jnp.tanh(self.start(summary_BD)))
        if self.attention == "none":
            return Decoding(cell, Reading(summary_BD))
        return Decoding(cell, Reading(summary_BD, h_BSC, self.key(h_BSC, lengths_B), lengths_B))

    def _decode(self, start: Decoding, before_BTE: Array, lengths_B: Array | None) -> tuple[Array, Array]:
        """All steps of the decoder: its outputs and what it saw of the source."""
        if self.attention == "none":  # what it sees is known beforehand
            summary_BD = start.reading.summary_BD
            context_BTC = jnp.broadcast_to(summary_BD[:, None], (*before_BTE.shape[:2], summary_BD.shape[-1]))
            h_BTD, _ = self.decoder(jnp.concatenate([before_BTE, context_BTC], -1), lengths_B, start.cell)
            return h_BTD, context_BTC
        advance_all = nn.scan(
            SequenceToSequence._advance,
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=(nn.broadcast, 1),
            out_axes=1,
        )
        _, found = advance_all(self, start.cell, start.reading, before_BTE)
        return found

    def step(self, carry: Decoding, tokens_B: Array) -> tuple[Array, Decoding]:
        """The logits after one more symbol of the targets: ``(carry, [B]) -> ([B, V], carry)``."""
        before_BE = self.target_embedding(tokens_B[:, None])[:, 0]
        cell, (h_BD, context_BC) = self._advance(carry.cell, carry.reading, before_BE)
        return self._logits(h_BD, before_BE, context_BC, None, train=False), carry._replace(cell=cell)

    def _advance(self, cell: Any, reading: Reading, before_BE: Array) -> tuple[Any, tuple[Array, Array]]:
        """One step of the decoder: its carry; its output and what it saw of the source."""
        context_BC = self._context(cell.h, reading)
        h_BD, cell = self.decoder.step(cell, jnp.concatenate([before_BE, context_BC], -1))
        return cell, (h_BD, context_BC)

    def _context(self, h_BD: Array, reading: Reading) -> Array:
        if reading.annotations_BSC is None or reading.keys_BSD is None:
            return reading.summary_BD
        if self.attention == "additive":
            scores_BS = self.score(jnp.tanh(self.query(h_BD)[:, None] + reading.keys_BSD))[..., 0]
        else:
            scores_BS = jnp.einsum("bd,bsd->bs", h_BD, reading.keys_BSD)
        return pooling.attention_over_time(reading.annotations_BSC, scores_BS, reading.lengths_B)

    def _logits(self, h: Array, before: Array, context: Array, lengths_B: Array | None, train: bool) -> Array:
        pairs = self.maxout(jnp.concatenate([h, before, context], -1), lengths_B)
        s = pairs.reshape(*pairs.shape[:-1], self.maxout_features, 2).max(-1)
        return self.head(self.drop(s, deterministic=not train), lengths_B)
