"""Length masks against plain Python loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import masking

LENGTHS = np.array([5, 3, 0, 1], np.int32)


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def test_length_mask_marks_real_steps() -> None:
    expected = [[step < length for step in range(5)] for length in LENGTHS]
    np.testing.assert_array_equal(masking.length_mask(LENGTHS, 5), expected)
    two_axes = masking.length_mask(jnp.asarray(LENGTHS).reshape(2, 2), 5)
    np.testing.assert_array_equal(two_axes, np.reshape(expected, (2, 2, 5)))


@pytest.mark.parametrize("value", [0.0, -np.inf])
def test_fill_padding_replaces_nan_and_nothing_else(value: float) -> None:
    x = draw(4, 5, 2)
    expected = x.copy()
    dirty = x.copy()
    for row, length in enumerate(LENGTHS):
        expected[row, length:] = value
        dirty[row, length:] = np.nan
    np.testing.assert_array_equal(masking.fill_padding(dirty, LENGTHS, value), expected)
    if value == 0:
        np.testing.assert_array_equal(masking.zero_padding(dirty, LENGTHS), expected)
        np.testing.assert_array_equal(jax.jit(masking.zero_padding)(dirty, LENGTHS), expected)


def test_zero_padding_takes_any_axis_after_the_batch_axes() -> None:
    x = draw(2, 2, 3, 5)
    lengths = LENGTHS.reshape(2, 2)
    expected = x.copy()
    for index in np.ndindex(2, 2):
        expected[index][:, lengths[index] :] = 0
    np.testing.assert_array_equal(masking.zero_padding(x, lengths, axis=3), expected)
    expected = x.copy()
    for index in np.ndindex(2, 2):
        expected[index][lengths[index] :] = 0
    np.testing.assert_array_equal(masking.zero_padding(x, lengths), expected)


def test_zero_padding_keeps_the_type_and_without_lengths_everything() -> None:
    x = draw(4, 5, 2)
    assert masking.zero_padding(x, None) is x
    assert masking.fill_padding(x, None, 1.0) is x
    assert masking.zero_padding(jnp.asarray(x, jnp.bfloat16), LENGTHS).dtype == jnp.bfloat16
    assert masking.zero_padding(np.ones((4, 5), np.int32), LENGTHS).dtype == jnp.int32


@pytest.mark.parametrize("batch_shape", [(4,), (2, 2)])
def test_reverse_within_length_equals_loop_and_undoes_itself(batch_shape: tuple[int, ...]) -> None:
    lengths = LENGTHS.reshape(batch_shape)
    x = np.asarray(masking.zero_padding(draw(*batch_shape, 5, 2), lengths))
    expected = x.copy()
    for index in np.ndindex(batch_shape):
        expected[index][: lengths[index]] = x[index][: lengths[index]][::-1]
    once = jax.jit(masking.reverse_within_length)(x, lengths)
    np.testing.assert_array_equal(once, expected)
    np.testing.assert_array_equal(masking.reverse_within_length(once, lengths), x)


def test_reverse_within_length_without_lengths_flips_time() -> None:
    x = draw(4, 5, 2)
    np.testing.assert_array_equal(masking.reverse_within_length(x), x[:, ::-1])
    np.testing.assert_array_equal(masking.reverse_within_length(x, np.full(4, 5)), x[:, ::-1])


def test_masking_refuses_lengths_of_another_batch() -> None:
    x = draw(4, 5, 2)
    with pytest.raises(ValueError, match=r"lengths of shape \(3,\) do not describe .* shape \(4, 5, 2\)"):
        masking.zero_padding(x, LENGTHS[:3])
    with pytest.raises(ValueError, match="do not describe"):
        masking.zero_padding(LENGTHS, LENGTHS)


def test_checked_lengths_are_int32_whatever_they_come_as() -> None:
    assert masking.checked_lengths(None, (2, 2), 5) is None
    for lengths in (LENGTHS, LENGTHS.tolist(), LENGTHS.astype(np.int8), LENGTHS.astype(np.uint64), jnp.array(LENGTHS)):
        checked = masking.checked_lengths(lengths, (4,), 5)
        assert checked is not None
        assert checked.dtype == jnp.int32
        np.testing.assert_array_equal(checked, LENGTHS)
    assert masking.checked_lengths(3, (), 5) == 3


def test_checked_lengths_refuse_what_no_row_can_have() -> None:
    for lengths, said in [
        (LENGTHS, r"lengths have shape \(4,\); allowed: \(2, 2\), one per row"),
        (LENGTHS.reshape(2, 2) + 1, "lengths reach from 1 to 6; allowed: 0 to 5"),
        (jnp.array(LENGTHS.reshape(2, 2) - 1), "lengths reach from -1 to 4; allowed: 0 to 5"),
        (np.ones((2, 2)), "lengths have type float64; allowed: an integer type"),
    ]:
        with pytest.raises(ValueError, match=said):
            masking.checked_lengths(lengths, (2, 2), 5)
    for scalar in (6, np.int32(6), np.array(6)):
        with pytest.raises(ValueError, match="k_B reach from 6 to 6; allowed: 0 to 5"):
            masking.checked_lengths(scalar, (), 5, "k_B")


def test_checked_lengths_are_looked_at_under_jit_by_checkified() -> None:
    def checked(lengths: jax.Array) -> jax.Array:
        lengths = masking.checked_lengths(lengths, (4,), 5)
        return lengths + 1

    error, _ = jax.jit(masking.checkified(checked))(LENGTHS)
    error.throw()
    error, lengths = jax.jit(masking.checkified(checked))(LENGTHS + 1)
    np.testing.assert_array_equal(lengths, LENGTHS + 2)
    with pytest.raises(ValueError, match="lengths reach from 1 to 6; allowed: 0 to 5"):
        error.throw()
    np.testing.assert_array_equal(jax.jit(checked)(LENGTHS + 1), LENGTHS + 2)
    np.testing.assert_array_equal(jax.jit(lambda: checked(jnp.asarray(LENGTHS)))(), LENGTHS + 1)


def test_checked_lengths_have_no_effects_but_where_they_are_looked_at() -> None:
    """Programs with effects are dispatched by JAX's slow path."""
    compiled = jax.jit(lambda lengths: masking.checked_lengths(lengths, (4,), 5))
    assert not compiled.trace(LENGTHS).jaxpr.effects
    with pytest.raises(ValueError, match="lengths reach from 1 to 6; allowed: 0 to 5"):
        masking.checkified(compiled)(LENGTHS + 1)[0].throw()
    assert not compiled.trace(LENGTHS).jaxpr.effects
