"""The arrows of the house: who may import whom, read off the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sequence_lab
from sequence_lab.data import DATASETS
from sequence_lab.models import MODELS
from sequence_lab.ops.recurrence import CELLS

PACKAGE = Path(sequence_lab.__file__).parent
ROOT = PACKAGE.parent

# Each room and the rooms below it that it may import from. What stands directly in the package is a room of its own.
ARROWS = {
    "ops": set(),
    "nn": {"ops"},
    "models": {"nn", "ops"},
    "training": {"ops"},
    "analysis": {"ops"},
    "data": {"ops"},
    "schema": set(),
    "run_folder": {"schema"},
    "config": {"schema", "training", "analysis"},
    "compatibility": {"data", "training"},
    "composition": {"compatibility", "schema", "config", "data", "models", "nn", "ops", "training", "analysis"},
    "results": {"config", "composition", "run_folder", "data", "models", "nn", "ops", "training", "analysis"},
    "scanning": {"schema", "config", "composition", "run_folder", "data", "ops"},
    "experiment": {
        "results", "scanning", "schema", "config", "composition", "run_folder", "data", "models", "nn", "ops",
        "training", "analysis",
    },
    "experiment_files": {"schema", "config", "composition", "run_folder"},
    "reports": {"schema", "config", "composition", "run_folder", "data", "sweeps", "training", "analysis"},
    "preparation": {"schema", "config", "composition", "data", "analysis"},
    "sweeps": {
        "experiment", "composition", "config", "schema", "run_folder", "data", "models", "nn", "ops", "training",
        "analysis",
    },
}  # fmt: skip
DATA_MAY_USE = {"sequence_lab.ops.masking", "sequence_lab.ops.audio", "sequence_lab.ops.symbols"}
NOBODYS_ROOMS = {"utils", "helpers", "common", "misc"}


def imports(source: str, module: str) -> Iterator[str]:
    """Every module that ``source`` names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            # `from sequence_lab import ops` and `from sequence_lab.ops import masking` name modules too.
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def violations(module: str, source: str) -> list[str]:
    room = module.split(".")[1].removeprefix("__init__")
    found = []
    for name in imports(source, module):
        parts = name.split(".")
        if parts[0] == "experiments":
            found.append(f"{module} imports {name}: experiments are data")
        if parts[0] != "sequence_lab" or len(parts) < 2 or not room:
            continue
        target = parts[1]
        if target in ARROWS and target != room and target not in ARROWS[room]:
            found.append(f"{module} imports {name}: {room} may import {sorted(ARROWS[room])}")
        if room == "data" and target == "ops" and not any(name.startswith(ok) for ok in DATA_MAY_USE):
            found.append(f"{module} imports {name}: data may import masks, audio and symbols alone")
    return found


def modules() -> list[tuple[str, Path]]:
    return [(".".join(path.relative_to(ROOT).with_suffix("").parts), path) for path in sorted(PACKAGE.rglob("*.py"))]


def test_arrows_hold():
    broken = [line for module, path in modules() for line in violations(module, path.read_text())]
    assert not broken, "\n".join(broken)


def test_what_is_told_of_arrays_alone_knows_no_experiment():
    """Anyone may call these parts of ``results`` with a model and batches of their own."""
    above = {f"sequence_lab.{room}" for room in ("composition", "config", "run_folder")}
    for name in ("decodings", "motifs", "timelines"):
        source = (PACKAGE / "results" / f"{name}.py").read_text()
        found = {".".join(one.split(".")[:2]) for one in imports(source, f"sequence_lab.results.{name}")}
        assert "sequence_lab.analysis" in found, name
        assert not above & found, name


def test_every_room_has_its_arrows():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == set(ARROWS)
    assert not NOBODYS_ROOMS & {path.stem for path in PACKAGE.rglob("*")}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sequence_lab.ops.masking", "from sequence_lab.nn import dense"),
        ("sequence_lab.ops.masking", "from sequence_lab import training"),
        ("sequence_lab.training.loop", "import sequence_lab.models.language"),
        ("sequence_lab.training.objectives.regression", "from sequence_lab import models"),
        ("sequence_lab.nn.dense", "def f():\n    from sequence_lab.data import digits"),
        ("sequence_lab.nn.dense", "from ..models import MODELS"),
        ("sequence_lab.nn.__init__", "from ..models import MODELS"),
        ("sequence_lab.training.objectives.__init__", "from ...models import MODELS"),
        ("sequence_lab.data.images", "from sequence_lab.ops import losses"),
        ("sequence_lab.analysis.plots", "from sequence_lab import experiment"),
        ("sequence_lab.experiment", "from sequence_lab import sweeps"),
        ("sequence_lab.models.language", "from experiments import quickstart"),
    ],
)
def test_broken_arrow_is_seen(module, source):
    assert violations(module, source)


def test_cells_are_the_only_files_that_know_gates():
    """An engine runs any cell: none of them names one, but for the one whose equations stand in NVIDIA's library."""
    for path in (PACKAGE / "ops" / "recurrence").glob("*.py"):
        if path.stem not in ("cudnn", "__init__"):
            nodes = ast.walk(ast.parse(path.read_text()))
            names = {getattr(node, "id", None) or getattr(node, "attr", None) for node in nodes}
            assert not names & {cell.__name__ for cell in CELLS.values()}, path


def test_training_knows_no_model_no_data_set_and_no_experiment():
    """So that one more task takes a config, and a model or a data set if it has one of its own."""
    names = {*MODELS, *DATASETS, *(path.stem for path in (ROOT / "experiments").glob("*.py"))}
    names -= {"arrays"}  # a part of a checkpoint, too
    for module, path in modules():
        if module.startswith("sequence_lab.training."):
            constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            assert not names & constants, path


def test_experiments_are_data():
    """A config, and what to sweep; no loop, no layer and no step of training."""
    for path in (ROOT / "experiments").glob("*.py"):
        tree = ast.parse(path.read_text())
        functions = [
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef)
        ]
        assert functions in (["get_config"], ["get_config", "get_sweep"]), path
        roots = {name.split(".")[0] for name in imports(path.read_text(), f"experiments.{path.stem}")}
        assert roots <= {"typing", "ml_collections", "sequence_lab", "experiments"}, path


def test_layers_import_jax_and_flax_alone():
    program = (
        "import sys, flax.linen, jax; before = set(sys.modules); import sequence_lab.nn, sequence_lab.ops;"
        "from sequence_lab.ops import convolution, losses, masking, metrics, pooling, recurrence;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new - {'sequence_lab', 'jax', 'flax', *sys.stdlib_module_names}))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.split() == []


def test_importing_the_package_starts_no_backend():
    """Several processes can only join before JAX has looked for devices."""
    program = (
        "import sequence_lab.experiment, sequence_lab.sweeps; from jax._src import xla_bridge;"
        "print(len(xla_bridge._backends))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["0"]
