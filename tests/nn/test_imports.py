"""``ops`` and ``nn`` need JAX, Flax and NumPy; nothing of what the rest of the package stands on."""

import json
import subprocess
import sys

PROBE = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
OPS = ("losses", "metrics", "convolution", "masking", "pooling", "recurrence")


def packages_after(*modules: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds once ``modules`` are imported."""
    done = subprocess.run([sys.executable, "-c", PROBE, *modules], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_layers_adds_nothing_to_flax() -> None:
    ours = packages_after("sequence_lab.nn", *(f"sequence_lab.ops.{name}" for name in OPS))
    assert ours - packages_after("flax.linen") == {"sequence_lab"}
