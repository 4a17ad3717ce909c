"""Eight virtual CPU devices for every test, and a compiler that hurries; set before JAX starts."""

import importlib.metadata
import os

FLAGS = [
    "--xla_force_host_platform_device_count=8",
    # Nearly all the time of these tests is compiling programs that run once, on a handful of numbers.
    "--xla_backend_optimization_level=0",
    # Programs this small are cut into parts for more threads than there are processors.
    "--xla_cpu_parallel_codegen_split_count=1",
]
if importlib.metadata.version("jax").startswith("0.10."):  # later ones end the process at a flag they do not know
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS]).strip()
