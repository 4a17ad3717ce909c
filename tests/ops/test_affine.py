"""The affine product over leading axes, against einsum in float64."""

import jax
import numpy as np
import pytest

from sequence_lab.ops.affine import affine


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 1, 3), (0, 3), (2, 0)])
def test_affine_equals_einsum_over_any_leading_axes(leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, matrix, bias = rng.normal(size=(*leading, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    with jax.enable_x64(True):
        expected = np.einsum("...c,cd->...d", x, matrix)
        np.testing.assert_allclose(affine(x, matrix), expected, rtol=1e-12)
        np.testing.assert_allclose(affine(x, matrix, bias), expected + bias, rtol=1e-12)
        assert affine(x[..., :0], matrix[:0], bias).shape == (*leading, 5)
