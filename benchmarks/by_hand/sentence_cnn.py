"""Kim's (2014) sentence network on one fold of the movie reviews, by hand; what experiments/rt_polarity_cnn.py names.

python -m benchmarks.by_hand.sentence_cnn --folder=FOLDER --fold=0

FOLDER holds rt-polarity.pos and rt-polarity.neg. Data, network, training with early stopping and a test accuracy; but
no run to resume, no log, no plot, no interval, no sweep over folds, and padding that the filters see.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState

PADDING, UNKNOWN = 0, 1
Split = tuple[np.ndarray, np.ndarray]


def read(folder: Path, fold: int) -> tuple[dict[str, Split], int]:
    texts: list[list[str]] = []
    labels: list[int] = []
    for label, name in enumerate(("neg", "pos")):
        lines = (folder / f"rt-polarity.{name}").read_text(encoding="utf-8").splitlines()
        texts += [line.split() for line in lines]
        labels += [label] * len(lines)
    folds = np.array_split(np.random.default_rng(0).permutation(len(texts)), 10)
    rest = np.concatenate([rows for number, rows in enumerate(folds) if number != fold])
    rows = {"train": rest[len(rest) // 10 :], "validation": rest[: len(rest) // 10], "test": folds[fold]}
    words = sorted({word for row in rows["train"] for word in texts[row]})
    ids = {word: number for number, word in enumerate(words, 2)}
    inputs = np.full((len(texts), max(map(len, texts))), PADDING, np.int32)
    for row, text in enumerate(texts):
        inputs[row, : len(text)] = [ids.get(word, UNKNOWN) for word in text]
    targets = np.array(labels, np.int32)
    return {name: (inputs[own], targets[own]) for name, own in rows.items()}, len(ids) + 2


class SentenceCNN(nn.Module):
    vocabulary_size: int

    @nn.compact
    def __call__(self, ids: jax.Array, train: bool) -> jax.Array:
        if train:
            kept = jax.random.bernoulli(self.make_rng("dropout"), 0.5, ids.shape)
            ids = jnp.where(kept | (ids == PADDING), ids, UNKNOWN)
        vectors = nn.Embed(self.vocabulary_size, 300)(ids) * (ids != PADDING)[..., None]
        maxima = [nn.relu(nn.Conv(100, (width,), padding=width - 1)(vectors)).max(axis=1) for width in (3, 4, 5)]
        joined = nn.Dropout(0.5)(jnp.concatenate(maxima, axis=-1), deterministic=not train)
        return nn.Dense(2, name="head")(joined)


def with_max_norm(params: Any, most: float = 3.0) -> Any:
    kernel = params["head"]["kernel"]
    norms = jnp.linalg.norm(kernel, axis=0, keepdims=True)
    return {**params, "head": {**params["head"], "kernel": kernel * jnp.minimum(1, most / jnp.maximum(norms, 1e-9))}}


@jax.jit
def train_step(state: TrainState, ids: jax.Array, labels: jax.Array, key: jax.Array) -> TrainState:
    def loss(params: Any) -> jax.Array:
        logits = state.apply_fn({"params": params}, ids, train=True, rngs={"dropout": key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    state = state.apply_gradients(grads=jax.grad(loss)(state.params))
    return state.replace(params=with_max_norm(state.params))


@jax.jit
def right(state: TrainState, ids: jax.Array, labels: jax.Array) -> jax.Array:
    logits = state.apply_fn({"params": state.params}, ids, train=False)
    return (logits.argmax(-1) == labels).sum()


def batches(split: Split, size: int, order: np.ndarray) -> Iterator[Split]:
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield split[0][rows], split[1][rows]


def accuracy(state: TrainState, split: Split) -> float:
    hits = [right(state, ids, labels) for ids, labels in batches(split, 100, np.arange(len(split[1])))]
    return float(sum(hits)) / len(split[1])


def main(folder: Path, fold: int, epochs: int = 12) -> float:
    splits, vocabulary_size = read(folder, fold)
    model, key = SentenceCNN(vocabulary_size), jax.random.key(0)
    params = model.init(key, splits["train"][0][:1], train=False)["params"]
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-4))
    state = TrainState.create(apply_fn=model.apply, params=params, tx=rule)
    best, best_state, since = -1.0, state, 0
    random = np.random.default_rng(0)
    for epoch in range(epochs):
        for ids, labels in batches(splits["train"], 50, random.permutation(len(splits["train"][1]))):
            state = train_step(state, ids, labels, jax.random.fold_in(key, state.step))
        score = accuracy(state, splits["validation"])
        print(f"epoch {epoch + 1}: validation accuracy {score:.4f}")
        best, best_state, since = (score, state, 0) if score > best else (best, best_state, since + 1)
        if since == 4:  # epochs without a better one
            break
    return accuracy(best_state, splits["test"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--fold", type=int, default=0)
    given = parser.parse_args()
    print(f"test accuracy {main(given.folder, given.fold):.4f}")
