"""Flow fields: exact solutions of the equations of motion, drawn the same way again."""

import numpy as np
import pytest

from sequence_lab.data import DATASETS
from sequence_lab.data.flow_fields import FLOWS, KINDS, field

H = 1e-4


def slope(function, x, y):
    """Central differences of each of a field's three components, along x and along y."""
    along_x = [(a - b) / (2 * H) for a, b in zip(function(x + H, y), function(x - H, y), strict=True)]
    along_y = [(a - b) / (2 * H) for a, b in zip(function(x, y + H), function(x, y - H), strict=True)]
    return np.array(along_x), np.array(along_y)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_obeys_eulers_equations(kind):
    random = np.random.default_rng(0)
    for _ in range(5):
        flow = field(FLOWS[kind], random)
        x, y = random.uniform(-1, 1, (2, 50))
        _, u, v = flow(x, y)
        (p_x, u_x, v_x), (p_y, u_y, v_y) = slope(flow, x, y)
        np.testing.assert_allclose(u * u_x + v * u_y, -p_x, atol=1e-5)
        np.testing.assert_allclose(u * v_x + v * v_y, -p_y, atol=1e-5)
        assert 0.1 < np.hypot(u, v).max() < 5
        if kind != "source":
            np.testing.assert_allclose(u_x + v_y, 0, atol=1e-5)
        if kind in ("uniform", "stagnation", "source"):
            np.testing.assert_allclose(v_x - u_y, 0, atol=1e-5)


def test_what_flows_out_of_a_source_comes_from_its_core():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    _, u, v = FLOWS["source"](np.cos(angle), np.sin(angle), 0.1)
    flux = np.mean(u * np.cos(angle) + v * np.sin(angle)) * 2 * np.pi
    np.testing.assert_allclose(flux, 2 * np.pi * 0.2 / 1.01, rtol=1e-6)


def test_splits_differ_are_drawn_again_the_same_and_hold_every_kind():
    one, other = (DATASETS["flow_fields"](size=8, num_train=60, num_test=30) for _ in range(2))
    assert one.classes == KINDS
    assert one.facts == {"num_outputs": 6}
    inputs = {name: split.arrays["inputs"] for name, split in one.splits.items()}
    assert {name: array.shape for name, array in inputs.items()} == {
        "train": (60, 8, 8, 3), "validation": (30, 8, 8, 3), "test": (30, 8, 8, 3),
    }  # fmt: skip
    assert (inputs["validation"] != inputs["test"]).any()
    for name, split in other.splits.items():
        np.testing.assert_array_equal(split.arrays["inputs"], inputs[name])
        np.testing.assert_array_equal(split.arrays["labels"], one.splits[name].arrays["labels"])
        assert set(split.arrays["labels"]) == set(range(6))


def test_noise_has_the_deviation_asked_for():
    still, noisy = (
        DATASETS["flow_fields"](size=16, noise=noise, num_train=200, num_test=1).splits["train"].arrays["inputs"]
        for noise in (0.0, 0.5)
    )
    np.testing.assert_allclose((noisy - still).std(), 0.5, rtol=0.02)


@pytest.mark.parametrize("fields", [{"size": 3}, {"noise": -0.1}, {"num_test": 0}])
def test_what_cannot_be_drawn_is_refused(fields):
    with pytest.raises(ValueError, match="allowed: "):
        DATASETS["flow_fields"](**fields)
