"""``engine="tuned"``: engines timed once on this machine, for each cell and class of shapes, and remembered on disk."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.ops.recurrence.cells import Params, without_initialisers
from sequence_lab.ops.recurrence.engine import Call, Engine, Start, Steps
from sequence_lab.ops.recurrence.remat import in_chunks

Array = jax.Array
ROUNDS = 5


def fastest(call: Call, engines: Mapping[str, Engine]) -> str:
    """The name of the engine that takes the least time, forward and backward, for calls like this one.

    They are timed where nobody has asked before, which takes seconds; ``cache_file`` keeps the answer.
    """
    like = _class_of(call)
    key, known = _key(like), _read()
    if known.get(key) not in engines:
        with jax.ensure_compile_time_eval():  # the call itself may be traced
            seconds = _seconds(like, engines)
        known = _read() | {key: min(seconds, key=seconds.__getitem__)}
        _write(known)
    return known[key]


def cache_file() -> Path:
    """Where the answers are kept: a JSON file, to be deleted to ask anew."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "sequence_lab" / "engines.json"


def _class_of(call: Call) -> Call:
    """The call that stands for all of its class: rows and steps as the next power of two, initialisers left out."""
    rows = _power_of_two(int(np.prod(call.batch_shape)))
    return call._replace(
        cell=without_initialisers(call.cell),
        batch_shape=(rows,),
        num_steps=_power_of_two(call.num_steps),
    )


def _power_of_two(size: int) -> int:
    return 1 << max(size - 1, 0).bit_length()


def _key(call: Call) -> str:
    machine = {"device": jax.devices()[0].device_kind, "host": platform.node(), "cores": os.cpu_count()}
    machine |= {name: os.environ.get(name, "") for name in ("XLA_FLAGS", "GLIBC_TUNABLES")}
    machine["precision"] = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]  # made at run time
    fields = call._asdict() | {"dtype": jnp.dtype(call.dtype).name} | machine
    return json.dumps({"jax": jax.__version__} | {name: str(value) for name, value in fields.items()})


def _read() -> dict[str, str]:
    try:
        known = json.loads(cache_file().read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(known: Mapping[str, str]) -> None:
    """Keeps the answers; where nothing can be written they are found anew by the next process."""
    try:
        cache_file().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache_file().parent, delete=False) as file:
            json.dump(known, file, indent=1)
        os.replace(file.name, cache_file())
    except OSError:
        return


def _seconds(call: Call, engines: Mapping[str, Engine]) -> dict[str, float]:
    """The median time of each engine, interleaved, on random numbers."""
    draw, cell, rows = np.random.default_rng(0).standard_normal, call.cell, (call.num_steps, *call.batch_shape)
    declared = cell.parameters(call.in_features)
    params = Params(*({k: jnp.asarray(0.1 * draw(p.shape), jnp.float32) for k, p in g.items()} for g in declared))
    carry = cell.initial_carry(call.batch_shape, jnp.promote_types(call.dtype, jnp.float32))
    start, steps = Start(carry), Steps(jnp.asarray(draw((*rows, call.in_features)), call.dtype))
    if call.has_lengths:
        steps = steps._replace(valid_TB=jnp.ones(rows, bool))
    if call.has_resets:
        steps = steps._replace(reset_TB=jnp.zeros(rows, bool))
    if call.is_noisy:
        key = jax.random.key(0)
        start = Start(carry, cell.context(key, call.batch_shape, call.dtype), jax.random.key_data(key))
        steps = steps._replace(index_T=jnp.arange(call.num_steps))

    def gradient(engine: Engine) -> Any:
        run = in_chunks(engine) if call.remat else engine

        def loss(params: Params, x_TBC: Array) -> Array:
            now = steps._replace(x_TBC=x_TBC)
            return jnp.sum(run(cell, params, now, carry, start, reverse=call.reverse)[0].astype(jnp.float32))

        return jax.jit(jax.grad(loss, (0, 1)))

    gradients = {name: gradient(engine) for name, engine in engines.items()}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(ROUNDS + 1):
        for name, own in gradients.items():
            started = time.perf_counter()
            jax.block_until_ready(own(params, steps.x_TBC))
            if turn:  # the first one compiles
                times[name].append(time.perf_counter() - started)
    return {name: float(np.median(own)) for name, own in times.items()}
