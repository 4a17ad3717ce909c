"""The README's Python runs as it stands there."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import experiment

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def python_blocks():
    return re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_layers_work_in_someones_own_module():
    scope = {}
    exec(python_blocks()[0], scope)
    x = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    lengths = jnp.array([9, 4, 0])
    model = scope["SensorClassifier"]()
    params = model.init(jax.random.key(0), x, lengths)
    y = model.apply(params, x, lengths)
    assert y.shape == (3, 6)
    np.testing.assert_allclose(model.apply(params, x[1:2, :4], lengths[1:2]), y[1:2], atol=1e-6)


def test_a_model_and_a_data_set_of_ones_own_train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = experiment.run
    summaries = []

    def on_one_device(*args, **kwargs):
        summaries.append(run(*args, devices=jax.devices()[:1], **kwargs))

    monkeypatch.setattr(experiment, "run", on_one_device)
    exec(python_blocks()[1], {"__name__": "__main__"})
    assert (tmp_path / "runs" / "majority" / "plots" / "learning_curve.png").exists()
    assert summaries[0]["metrics"]["test"]["accuracy"] > 0.9
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("path", re.findall(r"\]\((docs/[^)]+\.png)\)", README))
def test_a_picture_is_there(path):
    assert (Path(__file__).resolve().parent.parent / path).read_bytes().startswith(b"\x89PNG")
