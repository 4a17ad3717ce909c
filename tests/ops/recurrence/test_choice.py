"""Which engine runs a call: what "auto" and "tuned" choose, and what is said about it."""

import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import nn
from sequence_lab.ops import recurrence
from sequence_lab.ops.recurrence import choice, tuning
from sequence_lab.ops.recurrence.newton import Newton
from sequence_lab.ops.recurrence.scan_plain import ScanPlain
from tests.ops.recurrence.variants import VARIANTS, assert_close, draw_all


@dataclasses.dataclass(frozen=True)
class Slow:
    """``ScanPlain``, which does everything a thousand times."""

    def refusal(self, call: Any) -> str | None:
        return None

    def __call__(self, cell: Any, params: Any, steps: Any, carry: Any, start: Any, *, reverse: bool = False) -> Any:
        def again(_: Any, nothing: Any) -> Any:
            now = steps._replace(x_TBC=steps.x_TBC + nothing)
            return ScanPlain()(cell, params, now, carry, start, reverse=reverse), None

        first = ScanPlain()(cell, params, steps, carry, start, reverse=reverse)
        return jax.lax.scan(again, first, jnp.zeros(1000))[0]


@dataclasses.dataclass(frozen=True)
class Refusing(ScanPlain):
    def refusal(self, call: Any) -> str | None:
        return f"{call.num_steps} steps are too many"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def float32(name: str) -> Any:
    return jax.tree.map(np.float32, draw_all(name))


def test_an_engine_that_refuses_is_named_with_its_reason_and_those_that_would_run() -> None:
    params, x, _ = float32("lstm")
    with pytest.raises(ValueError, match=r"engine Refusing\(\) cannot .*: 5 steps are too many; allowed here: scan, "):
        recurrence.run(VARIANTS["lstm"], params, x, engine=Refusing())


def test_explain_engine_refuses_an_unknown_name() -> None:
    x = jax.ShapeDtypeStruct((2, 3, 4), jnp.float32)
    with pytest.raises(ValueError, match=r"engine is 'cuda'; allowed: auto, tuned, scan, "):
        recurrence.explain_engine(VARIANTS["gru"], x, engine="cuda")


def test_explain_engine_has_a_line_for_each_engine(monkeypatch) -> None:
    monkeypatch.setattr(choice, "ENGINES", {"scan": ScanPlain(), "scan_plain": ScanPlain(), "strict": Refusing()})
    monkeypatch.setattr(choice, "PREFERRED", ("strict", "scan"))
    x = jax.ShapeDtypeStruct((3, 5, 2), jnp.float32)
    first, *others = recurrence.explain_engine(VARIANTS["gru"], x).splitlines()
    assert first == "auto runs scan"
    assert [line.split()[0] for line in others] == ["scan_plain", "strict"]
    assert "forward mode" in others[0]
    assert others[1].endswith("refused: 5 steps are too many")
    asked = recurrence.explain_engine(VARIANTS["gru"], x, engine="strict")
    assert asked.splitlines()[0] == "strict cannot run this call: 5 steps are too many"


def test_auto_solves_linear_cells_at_once() -> None:
    x = jax.ShapeDtypeStruct((3, 5, 2), jnp.float32)
    assert recurrence.explain_engine(VARIANTS["lru"], x).splitlines()[0] == "auto runs associative"


def test_every_engine_has_its_reason_not_to_be_chosen() -> None:
    assert set(choice.NOT_CHOSEN) == set(choice.ENGINES) - {"associative", "fused"}  # chosen wherever it can run


def test_tuned_takes_the_fastest_and_remembers_it(home, monkeypatch) -> None:
    """Under jit, too; a class of shapes is timed once, and a damaged file is made anew."""
    params, x, _ = float32("gru")
    cell, asked = VARIANTS["gru"], []
    monkeypatch.setattr(tuning, "ROUNDS", 2)
    monkeypatch.setattr(choice, "ENGINES", {"slow": Slow(), "scan_plain": ScanPlain(), "strict": Refusing()})
    real = tuning._seconds
    monkeypatch.setattr(tuning, "_seconds", lambda *args: asked.append(args[0].num_steps) or real(*args))

    def tuned(steps: int) -> Any:
        return jax.jit(lambda x: recurrence.run(cell, params, x, engine="tuned"))(x[:, :steps])

    assert_close(tuned(5), recurrence.run(cell, params, x, engine="scan_plain"), rtol=1e-5, atol=1e-6)
    assert list(json.loads(tuning.cache_file().read_text()).values()) == ["scan_plain"]
    assert tuning.cache_file().is_relative_to(home)
    tuned(3)
    tuned(4)
    assert asked == [8, 4]
    tuning.cache_file().write_text("{")
    tuned(2)
    assert asked == [8, 4, 2]
    assert recurrence.explain_engine(cell, x[:, :2], engine="tuned").splitlines()[0] == "tuned runs scan_plain"


def test_tuned_runs_where_nothing_can_be_kept(home, monkeypatch) -> None:
    (home / "sequence_lab").write_text("a file where the folder should be")
    monkeypatch.setattr(tuning, "_seconds", lambda call, engines: {"scan_plain": 1.0, "scan": 2.0})
    params, x, _ = float32("rnn")
    y, _ = recurrence.run(VARIANTS["rnn"], params, x, engine="tuned")
    assert y.shape == (3, 5, 3)


def test_tuned_times_lengths_resets_noise_and_chunks(monkeypatch) -> None:
    monkeypatch.setattr(tuning, "ROUNDS", 1)
    call = recurrence.Call(
        VARIANTS["gru_everything"], (2,), 4, 2, jnp.float32, "cpu", True, True, is_noisy=True, reverse=True, remat=True
    )
    assert tuning._seconds(call, {"scan_plain": ScanPlain()})["scan_plain"] > 0


def test_explain_takes_an_engine_with_options_and_refuses_what_is_no_cell() -> None:
    x = jnp.zeros((2, 5, 3))
    text = recurrence.explain_engine(VARIANTS["gru"], x, engine=Newton(tolerance=1e-3))
    assert text.startswith("Newton(jacobian='full', damping=1.0, tolerance=0.001, max_iterations=100) runs")
    with pytest.raises(ValueError, match=r"cell is MinGRU; allowed: a cell, such as LSTMCell\(...\), or a layer's own"):
        recurrence.explain_engine(nn.MinGRU(4), x)
