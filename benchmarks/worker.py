"""A child process per peer, which waits until the parent says that it is its turn.

Frameworks keep threads and heaps of their own; in one process they would take each other's processors and reuse each
other's memory. A process that waits for its turn uses neither.
"""

import contextlib
import gc
import importlib
import importlib.metadata
import multiprocessing
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import memory

SET_UP = ("GLIBC_TUNABLES", "XLA_FLAGS", "SEQUENCE_LAB_ONEDNN")  # variables of the process set-up
# By setting, what jax.default_matmul_precision and PyTorch's allow_tf32 are.
PRECISIONS = {"float32": ("highest", False), "tf32": ("tensorfloat32", True), "bfloat16": ("highest", False)}


class Absent(Exception):
    """A peer that cannot do what was asked; the message says why. Its rows are left out, with a note."""


class Failed(Exception):
    """A peer that raised an error; the message is its traceback."""


class Server:
    """What a worker does, one call at a time; ``module`` is one of ``benchmarks.peers``."""

    def __init__(self, module: Any) -> None:
        self.module, self.jobs = module, {}

    def about(self) -> dict[str, Any]:
        """Versions, threads, device."""
        found: dict[str, Any] = {name: importlib.metadata.version(name) for name in self.module.PACKAGES}
        found["python"] = platform.python_version()
        if "torch" in sys.modules:
            found["threads"] = sys.modules["torch"].get_num_threads()
        elif "jax" in sys.modules:
            device = sys.modules["jax"].devices()[0]
            found |= {"backend": device.platform, "device": device.device_kind}
        return found

    def build(self, key: str, task: Any, options: dict[str, Any]) -> tuple[str, ...]:
        """Makes a job and runs each of its programs once: they are compiled then. Its modes."""
        job = self._job(task, options)
        for mode in job.modes:
            job.run(mode)
        self.jobs[key] = job
        return job.modes

    def _job(self, task: Any, options: dict[str, Any]) -> Any:
        if type(task) not in self.module.BUILDERS:
            raise NotImplementedError(f"no {type(task).__name__} here")
        return self.module.BUILDERS[type(task)](task, **options)

    def write(self, key: str, path: Path) -> None:
        """The job's outputs as a file, for ``errors`` of others."""
        np.savez(path, **self.jobs[key].outputs())

    def errors(self, key: str, path: Path) -> dict[str, float]:
        """By name of an output, its largest difference from the reference, relative to the largest value there."""
        with np.load(path) as expected:
            return compare(self.jobs[key].outputs(), expected)

    def seconds(self, key: str, mode: str, calls: int) -> float:
        """The mean time of a call, of so many in a row."""
        run = self.jobs[key].run
        if calls > 1:
            run(mode)  # fetches what others have driven out of the caches
        start = time.perf_counter()
        for _ in range(calls):
            run(mode)
        return (time.perf_counter() - start) / calls

    def drop(self) -> None:
        """Forgets all jobs, and what was compiled for them."""
        self.jobs.clear()
        if "jax" in sys.modules:
            sys.modules["jax"].clear_caches()
        gc.collect()

    def peak(self, key: str, task: Any, warm_up: Any, options: dict[str, Any], mode: str) -> tuple[float, float | None]:
        """MiB that the first call takes, and those of XLA's temporaries; for a process that has done nothing yet.

        ``warm_up``, a smaller task, starts threads and libraries, whose memory is not the call's.
        """
        self._job(warm_up, options).run(mode)
        self.jobs[key] = job = self._job(task, options)
        call, temporaries = job.prepared(mode)
        growth = memory.growth(call, job.device_bytes)
        return growth, None if temporaries is None else temporaries / memory.MIB

    def compile_seconds(self, key: str, mode: str) -> tuple[float, int]:
        """Seconds of tracing and compiling a program, and how many compilations its second call makes."""
        return self.jobs[key].compile_seconds(mode)


def compare(outputs: dict[str, np.ndarray], expected: Any) -> dict[str, float]:
    if set(outputs) != set(expected):
        raise ValueError(f"outputs are {sorted(outputs)}; allowed: {sorted(expected)}")
    errors = {}
    for name, array in outputs.items():
        wanted = expected[name]
        if array.shape != wanted.shape:
            raise ValueError(f"{name} has shape {array.shape}; allowed: {wanted.shape}")
        off = np.abs(array - wanted).max() / max(np.abs(wanted).max(), np.finfo(np.float32).tiny)
        errors[name] = float("inf") if np.isnan(off) else float(off)
    return errors


def set_up(setting: str, on_gpu: bool) -> None:
    """Everything that has to be decided before a framework is imported."""
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    os.environ["JAX_TRACEBACK_FILTERING"] = "off"  # an error ends in its own line
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # several processes share the device
    if setting in PRECISIONS:
        os.environ["JAX_DEFAULT_MATMUL_PRECISION"], _ = PRECISIONS[setting]
    if not on_gpu:
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def cores() -> int:
    """Those that this process may use: as many threads run in every framework."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def environment(setting: str) -> Iterator[None]:
    """That of the processes which start within: under "setup" as ``launch.py`` starts its own; no other set-up."""
    before = dict(os.environ)
    for name in SET_UP:
        os.environ.pop(name, None)
    if setting == "setup":
        import launch  # here, not above: it needs more than the layers do

        os.environ.update(launch.process_environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def serve(connection: Any, peer: str, setting: str, on_gpu: bool) -> None:
    """Answers calls until the parent hangs up: (name, arguments) to ("done", result), ("absent", why) or a failure."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the parent, which then ends its children
    try:
        set_up(setting, on_gpu)
        server = Server(importlib.import_module(f"benchmarks.peers.{peer}"))
        if peer == "torch":
            torch = sys.modules["torch"]
            torch.set_num_threads(cores())
            _, allow_tf32 = PRECISIONS.get(setting, ("highest", False))
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allow_tf32
        connection.send(("done", None))
    except ImportError as error:
        connection.send(("absent", f"not installed ({error})"))
        return
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            name, arguments = connection.recv()
            connection.send(_answer(server, name, arguments))


def _answer(server: Server, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "done", getattr(server, name)(*arguments)
    except NotImplementedError as error:
        return "absent", str(error)
    except Exception:
        return "failed", traceback.format_exc()


class Worker:
    """The parent's end of a child process."""

    def __init__(self, peer: str, setting: str, on_gpu: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, peer, setting, on_gpu), daemon=True)
        with environment(setting):
            self.process.start()
        theirs.close()
        self.peer, self.started = peer, False

    def call(self, name: str, *arguments: Any) -> Any:
        """Its answer; raises Absent or Failed."""
        if not self.started:
            self.started = True
            self._answer()
        try:
            self.connection.send((name, arguments))
        except OSError:
            raise Absent("its process has ended") from None
        return self._answer()

    def _answer(self) -> Any:
        try:
            kind, answer = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise Failed(f"the process of {self.peer} ended with exit code {self.process.exitcode}") from None
        if kind == "absent":
            raise Absent(answer)
        if kind == "failed":
            raise Failed(answer)
        return answer

    def close(self) -> None:
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
