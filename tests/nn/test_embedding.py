"""Embeddings against PyTorch and plain indexing: padding symbol, frozen tables, both kinds of dropout, tied outputs."""

from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify

from sequence_lab import nn
from sequence_lab.nn.embedding import pretrained
from sequence_lab.ops import masking

V, D, PADDING = 7, 4, 2
LENGTHS = np.array([6, 3, 0], np.int32)
GENERATOR = np.random.default_rng(0)
TABLE = GENERATOR.normal(size=(V, D)).astype(np.float32)
TOKENS = np.array([[1, 2, 6, 0, 1, 5], [2, 1, 3, 4, 4, 4], [4, 4, 4, 4, 4, 4]], np.int32)
REAL = np.arange(6) < LENGTHS[:, None]
WEIGHTS = GENERATOR.normal(size=(3, 6, D)).astype(np.float32)
KEY = {"dropout": jax.random.key(3)}
every_precision = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])


def variables(table: Any = TABLE) -> Any:
    return {"params": {"table": table}}


def gradient(layer: nn.Embedding, tokens: Any, lengths: Any = LENGTHS, table: Any = TABLE, **call: Any) -> Any:
    """Of a weighted sum of the vectors, with respect to the table."""
    weights = np.resize(WEIGHTS, (*tokens.shape, D)).astype(table.dtype)
    return jax.grad(lambda t: jnp.vdot(layer.apply(variables(t), tokens, lengths, **call), weights))(table)


def gradient_of_rows(ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each row of the table gets when step i reads row ids[i]; a row past the last gets nothing."""
    expected = np.zeros((V + 1, D))
    np.add.at(expected, ids, weights)
    return expected[:V]


@every_precision
def test_embedding_looks_up_and_sums_gradients_per_symbol(dtype: Any, tolerance: float) -> None:
    layer = nn.Embedding(V, D, param_dtype=dtype)
    table = TABLE.astype(dtype)
    with jax.enable_x64(dtype is np.float64):
        y = layer.apply(variables(table), TOKENS)
        actual = gradient(layer, TOKENS, table=table)
        assert y.dtype == actual.dtype == dtype
        np.testing.assert_array_equal(y, table[TOKENS])
        np.testing.assert_array_equal(
            layer.apply(variables(table), TOKENS, LENGTHS), np.where(REAL[..., None], table[TOKENS], 0)
        )
        expected = gradient_of_rows(np.where(REAL, TOKENS, V), WEIGHTS.astype(dtype))
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@every_precision
def test_embedding_with_padding_id_equals_torch(dtype: Any, tolerance: float) -> None:
    torch = pytest.importorskip("torch")
    table = TABLE.astype(dtype)
    expected = torch.nn.Embedding(V, D, padding_idx=PADDING, dtype=torch.from_numpy(table).dtype)
    with torch.no_grad():
        expected.weight.copy_(torch.from_numpy(table))
        expected.weight[PADDING] = 0
    y = expected(torch.from_numpy(TOKENS))
    (y * torch.from_numpy(WEIGHTS.astype(dtype))).sum().backward()
    layer = nn.Embedding(V, D, padding_id=PADDING, param_dtype=dtype)
    with jax.enable_x64(dtype is np.float64):
        np.testing.assert_array_equal(layer.apply(variables(table), TOKENS), y.detach().numpy())
        actual = gradient(layer, TOKENS, None, table)
    np.testing.assert_allclose(actual, expected.weight.grad.numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(actual[PADDING], 0)


@pytest.mark.parametrize("padding_id", [PADDING, V - 1])
def test_embedding_never_reads_the_row_of_the_padding_id(padding_id: int) -> None:
    layer = nn.Embedding(V, D, padding_id=padding_id)
    table = TABLE.copy()
    table[padding_id] = np.nan
    expected = np.where((padding_id == TOKENS)[..., None], 0, table[TOKENS])
    np.testing.assert_array_equal(layer.apply(variables(table), TOKENS), expected)
    assert np.isfinite(gradient(layer, TOKENS, table=table)).all()

    def scores(table: Any, y: Any) -> Any:
        return layer.apply(variables(table), y, method="attend")

    np.testing.assert_array_equal(scores(table, WEIGHTS)[..., padding_id], 0)
    for actual in jax.grad(lambda *a: jnp.sum(scores(*a) ** 2), (0, 1))(table, WEIGHTS):
        assert np.isfinite(actual).all()


def test_embedding_sums_gradients_in_float32_when_it_computes_in_less() -> None:
    layer = nn.Embedding(V, D, dtype=jnp.bfloat16)
    tokens = np.ones((1, 1000), np.int32)
    actual = jax.grad(lambda t: layer.apply(variables(t), tokens).astype(jnp.float32).sum())(TABLE)
    np.testing.assert_array_equal(actual[1], 1000)


def test_embedding_ignores_any_id_in_the_padding_under_train_too() -> None:
    layer = nn.Embedding(V, D, padding_id=PADDING, word_dropout=0.3, unknown_id=0, embedding_dropout=0.3)

    @jax.jit
    def run(tokens: Any) -> tuple[Any, Any]:
        y = layer.apply(variables(), tokens, LENGTHS, train=True, rngs=KEY)
        return y, gradient(layer, tokens, train=True, rngs=KEY)

    y, table_gradient = run(TOKENS)
    for filling in (-1, V, 2**31 - 1, -(2**31), PADDING, 0):
        filled_y, filled_gradient = run(np.where(REAL, TOKENS, filling).astype(np.int32))
        np.testing.assert_array_equal(filled_y, y)
        np.testing.assert_array_equal(filled_gradient, table_gradient)
    more = np.pad(TOKENS, ((0, 0), (0, 5)), constant_values=3)
    longer_y = layer.apply(variables(), more, LENGTHS, train=True, rngs=KEY)
    np.testing.assert_array_equal(longer_y[:, :6], y)
    np.testing.assert_array_equal(longer_y[:, 6:], 0)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.uint32])
def test_embedding_takes_every_integer_type_and_clips(dtype: Any) -> None:
    """Also types that do not reach the last symbol."""
    table = GENERATOR.normal(size=(300, 2)).astype(np.float32)
    tokens = np.array([[0, 5, 127, np.iinfo(dtype).max, np.iinfo(dtype).min]]).astype(dtype)
    y = jax.jit(nn.Embedding(300, 2, padding_id=5).apply)(variables(table), tokens)
    expected = table[np.clip(tokens.astype(np.int64), 0, 299)]
    expected[0, 1] = 0
    np.testing.assert_array_equal(y, expected)


def test_embedding_refuses_numpy_ids_out_of_range_at_real_steps_alone() -> None:
    layer = nn.Embedding(V, D)
    for wrong in (-1, V):
        tokens = np.where(REAL, TOKENS, wrong)
        layer.apply(variables(), tokens, LENGTHS)
        reach = f"tokens reach from {min(wrong, 0)} to {max(wrong, 6)}; allowed: 0 to 6"
        with pytest.raises(ValueError, match=reach):
            layer.apply(variables(), tokens, LENGTHS + np.array([0, 1, 0]))
        with pytest.raises(ValueError, match=reach):
            layer.apply(variables(), tokens)


def test_embedding_reports_ids_out_of_range_under_checkified() -> None:
    layer = nn.Embedding(V, D)
    checked = jax.jit(masking.checkified(jax.vmap(layer.apply, (None, 0, 0)), errors=checkify.all_checks))
    tokens = np.where(REAL, TOKENS, V)
    error, _ = checked(variables(), tokens, LENGTHS)
    error.throw()
    error, y = checked(variables(), tokens, LENGTHS + np.array([0, 1, 0]))
    with pytest.raises(checkify.JaxRuntimeError, match=r"tokens reach from 0 to 7; allowed: 0 to 6"):
        error.throw()
    np.testing.assert_array_equal(y[1, 3], TABLE[6])


def test_embedding_of_no_steps_is_empty() -> None:
    assert nn.Embedding(V, D).apply(variables(), TOKENS[:, :0], np.zeros(3, np.int32)).shape == (3, 0, D)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"word_dropout": 1.0}, "word_dropout is 1.0; allowed: 0 or more, below 1"),
        ({"embedding_dropout": -0.1}, "embedding_dropout is -0.1; allowed: 0 or more, below 1"),
        ({"embedding_dropout": float("nan")}, "embedding_dropout is nan; allowed"),
        ({"padding_id": V}, "padding_id is 7; allowed: 0 to 6, or None"),
        ({"padding_id": -1}, "padding_id is -1; allowed: 0 to 6, or None"),
        ({"unknown_id": V}, "unknown_id is 7; allowed: 0 to 6, or None"),
        ({"table_init": pretrained(TABLE.T)}, r"vectors have shape \(4, 7\); allowed: \(7, 4\), that of the table"),
    ],
)
def test_embedding_refuses_impossible_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.Embedding(V, D, **fields).init(jax.random.key(0), TOKENS)


def test_embedding_refuses_tokens_that_are_no_integers() -> None:
    with pytest.raises(ValueError, match="tokens have type float32; allowed: an integer type"):
        nn.Embedding(V, D).init(jax.random.key(0), WEIGHTS[..., 0])


def test_frozen_embedding_keeps_its_table_out_of_the_parameters() -> None:
    class Network(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, tokens: Any) -> Any:
            return nn.Dense(2)(nn.Embedding(V, D, table_init=pretrained(TABLE), frozen=True, name="words")(tokens))

    network = Network()
    state = network.init(jax.random.key(0), TOKENS)
    assert set(state) == {"params", "constants"}
    assert set(state["params"]) == {"Dense_0"}
    np.testing.assert_array_equal(state["constants"]["words"]["table"], TABLE)

    def loss(params: Any) -> Any:
        y, changed = network.apply({**state, "params": params}, TOKENS, mutable=["constants"])
        return jnp.sum(y**2), changed

    gradients, changed = jax.grad(loss, has_aux=True)(state["params"])
    assert jax.tree.structure(gradients) == jax.tree.structure(state["params"])
    np.testing.assert_array_equal(changed["constants"]["words"]["table"], TABLE)
    y = nn.Embedding(V, D, frozen=True).apply({"constants": {"table": TABLE}}, TOKENS, LENGTHS)
    np.testing.assert_array_equal(y, np.where(REAL[..., None], TABLE[TOKENS], 0))


def test_pretrained_copies_the_vectors_and_casts_them() -> None:
    vectors = TABLE.astype(np.float64)
    init = pretrained(vectors)
    vectors[:] = 0
    table = nn.Embedding(V, D, table_init=init, param_dtype=jnp.float16).init(jax.random.key(0), TOKENS)
    np.testing.assert_array_equal(table["params"]["table"], TABLE.astype(np.float16))


def many_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Enough to count by: [20, 200] of 400 symbols, rows of all lengths."""
    generator = np.random.default_rng(5)
    return generator.integers(0, 400, (20, 200)).astype(np.int32), np.linspace(0, 200, 20).astype(np.int32)


def rows_read(layer: nn.Embedding, **call: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens and real steps of ``many_tokens``, and which row of the table came out: -1 where the vector is zero."""
    tokens, lengths = many_tokens()
    y = layer.apply(variables(np.arange(1.0, 401)[:, None]), tokens, lengths, **call)
    return tokens, np.arange(200) < lengths[:, None], np.asarray(y[..., 0]) - 1


@pytest.mark.parametrize(("unknown_id", "padding_id"), [(None, None), (9, None), (9, 11), (None, 11), (11, 11)])
def test_word_dropout_replaces_real_steps_at_its_rate(unknown_id: int | None, padding_id: int | None) -> None:
    layer = nn.Embedding(400, 1, padding_id=padding_id, word_dropout=0.3, unknown_id=unknown_id)
    tokens, real, rows = rows_read(layer, train=True, rngs=KEY)
    may_be_lost = real & (tokens != padding_id) & (tokens != unknown_id)
    lost = may_be_lost & (rows != tokens)
    np.testing.assert_array_equal(rows[lost], -1 if unknown_id in (None, padding_id) else unknown_id)
    np.testing.assert_array_equal(rows[~real | (tokens == padding_id)], -1)
    # About 2,000 draws: four standard deviations are 0.04; each step and each row draws for itself.
    assert np.mean(lost[may_be_lost]) == pytest.approx(0.3, abs=0.04)
    assert 0.1 < np.std(lost[-10:].mean(axis=0)) < 0.2
    for symbol in np.unique(tokens[lost])[:20]:
        assert not lost[tokens == symbol].all() or np.sum(tokens == symbol) < 5
    np.testing.assert_array_equal(rows_read(layer)[2], np.where(real & (tokens != padding_id), tokens, -1))


def test_embedding_dropout_drops_whole_rows_and_scales_the_others() -> None:
    tokens, lengths = many_tokens()
    real = np.arange(200) < lengths[:, None]
    table = np.random.default_rng(6).normal(size=(400, D)).astype(np.float32)
    layer = nn.Embedding(400, D, padding_id=11, embedding_dropout=0.4)
    y = np.asarray(layer.apply(variables(table), tokens, lengths, train=True, rngs=KEY))
    dropped = {symbol: not y[real & (tokens == symbol)].any() for symbol in np.unique(tokens[real])}
    assert dropped.pop(11)
    expected = np.where(real[..., None], table[tokens] / 0.6, 0)
    expected[np.isin(tokens, [11, *(symbol for symbol, gone in dropped.items() if gone)])] = 0
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    # About 400 draws: three standard deviations are 0.075.
    assert np.mean(list(dropped.values())) == pytest.approx(0.4, abs=0.075)
    np.testing.assert_array_equal(
        layer.apply(variables(table), tokens, lengths),
        np.where((real & (tokens != 11))[..., None], table[tokens], 0),
    )
    gradients = jax.grad(lambda t: jnp.sum(layer.apply(variables(t), tokens, lengths, train=True, rngs=KEY)))(table)
    counts = np.bincount(tokens[real], minlength=400)
    kept = np.array([not dropped.get(symbol, True) for symbol in range(400)])
    np.testing.assert_allclose(gradients, np.outer(np.where(kept, counts / 0.6, 0), np.ones(D)), rtol=1e-5)


def test_both_dropouts_together_drop_the_row_of_the_unknown_symbol_too() -> None:
    layer = nn.Embedding(V, D, word_dropout=0.5, unknown_id=0, embedding_dropout=0.5)
    table = np.ones((V, D), np.float32)
    table[0] = 3
    tokens = np.ones((1, 64), np.int32)
    seen = set()
    for seed in range(16):
        y = layer.apply(variables(table), tokens, train=True, rngs={"dropout": jax.random.key(seed)})
        seen.add(tuple(np.unique(y)))
    # Rows 0 and 1 each kept (2 x 3 and 2 x 1) or dropped.
    assert seen == {(0,), (0, 2), (0, 6), (2, 6)}


def test_embedding_draws_random_numbers_only_when_needed() -> None:
    nn.Embedding(V, D).apply(variables(), TOKENS, train=True)
    for name in ("word_dropout", "embedding_dropout"):
        layer = nn.Embedding(V, D, **{name: 0.5})
        layer.apply(variables(), TOKENS)
        with pytest.raises(flax.errors.InvalidRngError):
            layer.apply(variables(), TOKENS, train=True)


@every_precision
@pytest.mark.parametrize("padding_id", [None, PADDING])
def test_attend_equals_the_product_with_the_table(dtype: Any, tolerance: float, padding_id: int | None) -> None:
    """For both uses of the one table: its gradient is the sum of both."""
    table, y = TABLE.astype(dtype), np.where(REAL[..., None], WEIGHTS, np.nan).astype(dtype)
    layer = nn.Embedding(V, D, padding_id=padding_id, param_dtype=dtype)
    score_weights = GENERATOR.normal(size=(3, 6, V)).astype(dtype)

    def loss(table: Any, y: Any) -> Any:
        scores = layer.apply(variables(table), y, LENGTHS, method="attend")
        looked_up = layer.apply(variables(table), TOKENS, LENGTHS)
        return jnp.vdot(scores, score_weights) + jnp.vdot(looked_up, WEIGHTS.astype(dtype)), scores

    read, clean = table.copy(), np.where(REAL[..., None], y, 0)
    if padding_id is not None:
        read[padding_id] = 0
    real_weights = np.where(REAL[..., None], score_weights, 0)
    expected = np.einsum("btv,btd->vd", real_weights, clean)
    expected += gradient_of_rows(np.where(REAL, TOKENS, V), WEIGHTS.astype(dtype))
    if padding_id is not None:
        expected[padding_id] = 0
    with jax.enable_x64(dtype is np.float64):
        (table_gradient, y_gradient), scores = jax.grad(loss, (0, 1), has_aux=True)(table, y)
        assert scores.dtype == dtype
        np.testing.assert_allclose(scores, clean @ read.T, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(table_gradient, expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(y_gradient, real_weights @ read, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("frozen", [False, True])
def test_attend_equals_flax_for_any_number_of_leading_axes(frozen: bool) -> None:
    layer = nn.Embedding(V, D, frozen=frozen)
    own = {"constants" if frozen else "params": {"table": TABLE}}
    theirs = {"params": {"embedding": TABLE}}
    for y in (WEIGHTS, WEIGHTS[0], WEIGHTS[0, 0]):
        expected = flax.linen.Embed(V, D).apply(theirs, y, method="attend")
        np.testing.assert_allclose(layer.apply(own, y, method="attend"), expected, rtol=1e-5, atol=1e-6)


def test_attend_computes_in_its_dtype_and_reads_every_row_under_dropout() -> None:
    layer = nn.Embedding(V, D, dtype=jnp.bfloat16, embedding_dropout=0.9, word_dropout=0.9)
    scores = layer.apply(variables(), WEIGHTS, LENGTHS, method="attend")
    assert scores.dtype == jnp.bfloat16
    expected = np.where(REAL[..., None], WEIGHTS @ TABLE.T, 0)
    np.testing.assert_allclose(scores.astype(np.float32), expected, rtol=0.03, atol=0.1)


def test_attend_refuses_other_features_and_lengths() -> None:
    layer = nn.Embedding(V, D)
    with pytest.raises(ValueError, match="y has 3 features; allowed: 4, those of the vectors"):
        layer.apply(variables(), WEIGHTS[..., :3], method="attend")
    with pytest.raises(ValueError, match=r"lengths have shape \(2,\); allowed: \(3,\)"):
        layer.apply(variables(), WEIGHTS, LENGTHS[:2], method="attend")


class Tied(flax.linen.Module):
    """A parent that makes its layer in ``setup``."""

    def setup(self) -> None:
        self.words = nn.Embedding(V, D)

    def __call__(self, tokens: Any) -> Any:
        return self.words.attend(self.words(tokens))


class CompactTied(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, tokens: Any) -> Any:
        words = nn.Embedding(V, D, name="words")
        return words.attend(words(tokens))


@pytest.mark.parametrize("parent", [Tied, CompactTied])
def test_embedding_shares_one_table_within_setup_and_compact_parents(parent: Any) -> None:
    params = parent().init(jax.random.key(0), TOKENS)
    assert jax.tree.map(jnp.shape, params) == {"params": {"words": {"table": (V, D)}}}
    scores = parent().apply({"params": {"words": {"table": TABLE}}}, TOKENS)
    np.testing.assert_allclose(scores, TABLE[TOKENS] @ TABLE.T, rtol=1e-5, atol=1e-6)


def test_embedding_works_within_scan_remat_and_second_derivatives() -> None:
    layer = nn.Embedding(V, D, padding_id=PADDING)

    def loss(table: Any) -> Any:
        def step(total: Any, tokens: Any) -> Any:
            y = jax.checkpoint(layer.apply)(variables(table), tokens)
            return total + jnp.sum(layer.apply(variables(table), y, method="attend") ** 2), None

        return jax.lax.scan(step, 0.0, jnp.asarray(TOKENS.T[..., None]))[0]

    def plain(table: Any) -> Any:
        read = jnp.asarray(table).at[PADDING].set(0)
        return jnp.sum((read[TOKENS] @ read.T) ** 2)

    direction = np.resize(WEIGHTS, TABLE.shape)

    def second(f: Any) -> Any:
        return jax.jit(lambda t: jax.jvp(jax.grad(f), (t,), (direction,)))(TABLE)

    for actual, expected in zip(second(loss), second(plain), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
