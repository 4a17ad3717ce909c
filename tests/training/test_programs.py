"""Programs: all compiled before the first runs, and none after."""

import jax
import numpy as np
import pytest

from sequence_lab.training.programs import Programs, Unplanned


def batch(steps):
    return {"inputs": np.ones((2, steps), np.float32)}


def test_planned_shapes_are_compiled_ahead_and_others_refused():
    traced = []

    @jax.jit
    def step(scale, batch):
        traced.append(batch["inputs"].shape)
        return scale * batch["inputs"].sum()

    programs = Programs(step, jax.device_put)
    programs.compile(2.0, batches=[batch(3), batch(4), batch(3)])
    assert sorted(traced) == [(2, 3), (2, 4)]
    assert programs(5.0, batch(4)) == 40
    assert programs(5.0, batch(3)) == 30
    programs.compile(2.0, batches=[batch(4)])
    assert len(traced) == 2
    with pytest.raises(Unplanned, match=r"\(2, 5, 'float32'\); planned: \(2, 3, 'float32'\); \(2, 4, 'float32'\)"):
        programs(5.0, batch(5))
