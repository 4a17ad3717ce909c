"""What every peer makes of a task: programs that can be timed, and what came out of them."""

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

Outputs = dict[str, np.ndarray]


class Job(Protocol):
    """One task, ready to run.

    ``modes`` are its programs ("forward", "forward + backward", ...). A program that returns has finished its work, on
    whatever device.
    """

    modes: tuple[str, ...]

    def run(self, mode: str) -> None:
        """Runs the program once and waits for it."""

    def outputs(self) -> Outputs:
        """Values and gradients, by the names that all peers use."""

    def prepared(self, mode: str) -> tuple[Callable[[], Any], int | None]:
        """The program, compiled but not yet run, and the bytes that its temporaries take where a compiler says so."""

    def compile_seconds(self, mode: str) -> tuple[float, int]:
        """Of tracing and compiling anew; and how often the second call compiles."""

    def device_bytes(self) -> tuple[int, int] | None:
        """In use and their peak, on a device with memory of its own."""


class Program(NamedTuple):
    """A function under ``jax.jit`` and its arguments."""

    function: Any
    arguments: tuple[Any, ...]


class JaxJob:
    """Programs compiled by XLA.

    Args:
      programs: by mode.
      name_outputs: results by mode, to named arrays.
    """

    def __init__(self, programs: Mapping[str, Program], name_outputs: Callable[[dict[str, Any]], Outputs]) -> None:
        self.programs, self.name_outputs = programs, name_outputs
        self.modes = tuple(programs)

    def run(self, mode: str) -> None:
        self._result(mode)

    def _result(self, mode: str) -> Any:
        import jax

        function, arguments = self.programs[mode]
        return jax.block_until_ready(function(*arguments))

    def outputs(self) -> Outputs:
        return self.name_outputs({mode: self._result(mode) for mode in self.modes})

    def prepared(self, mode: str) -> tuple[Callable[[], Any], int | None]:
        function, arguments = self.programs[mode]
        return compiled_program(function, arguments)

    def compile_seconds(self, mode: str) -> tuple[float, int]:
        import jax

        jax.clear_caches()
        gc.collect()
        start = time.perf_counter()
        function, arguments = self.programs[mode]
        function.lower(*arguments).compile()
        seconds = time.perf_counter() - start
        self.run(mode)
        compiled: list[str] = []

        def count(event: str, _: float, **__: Any) -> None:
            if event.endswith("backend_compile_duration"):
                compiled.append(event)

        jax.monitoring.register_event_duration_secs_listener(count)
        try:
            self.run(mode)
        finally:
            jax.monitoring.unregister_event_duration_listener(count)
        return seconds, len(compiled)

    def device_bytes(self) -> tuple[int, int] | None:
        return device_bytes()


def compiled_program(function: Any, arguments: tuple[Any, ...]) -> tuple[Callable[[], Any], int | None]:
    """A function under ``jax.jit``, as ``Job.prepared`` has it."""
    import jax

    compiled = function.lower(*arguments).compile()
    analysis = compiled.memory_analysis()
    size = None if analysis is None else analysis.temp_size_in_bytes
    return lambda: jax.block_until_ready(compiled(*arguments)), size


def device_bytes() -> tuple[int, int] | None:
    """``Job.device_bytes`` of the first device that JAX sees."""
    import jax

    found = jax.devices()[0].memory_stats()
    return None if found is None else (found["bytes_in_use"], found["peak_bytes_in_use"])


def differentiated(apply: Callable[[Any, Any], Any], params: Any, inputs: Any, cotangent: Any) -> dict[str, Program]:
    """The two programs of a layer ``apply(params, inputs)``: its value, and its value with all gradients."""
    import jax

    def forward_and_backward(params: Any, inputs: Any, cotangent: Any) -> Any:
        y, pull = jax.vjp(apply, params, inputs)
        return y, *pull(cotangent.astype(y.dtype))  # some give float32 where asked for bfloat16

    return {
        "forward": Program(jax.jit(apply), (params, inputs)),
        "forward + backward": Program(jax.jit(forward_and_backward), (params, inputs, cotangent)),
    }


def recurrent_job(apply: Callable[[Any, Any], Any], arrays: Any, named: Callable[[Any], Outputs], dtype: str) -> JaxJob:
    """A recurrent layer.

    Args:
      apply: (params, inputs) to outputs.
      arrays: params, inputs and cotangent, as ``apply`` takes them.
      named: the gradient of params as arrays with the names and the layout of ``sequence_lab``.
      dtype: of inputs and outputs.
    """
    import jax
    import jax.numpy as jnp

    params, inputs, cotangent = arrays
    # In arrays of the device before any clock runs.
    params = jax.tree.map(jnp.asarray, params)
    inputs, cotangent = jnp.asarray(inputs, dtype), jnp.asarray(cotangent, dtype)

    def name_outputs(results: dict[str, Any]) -> Outputs:
        y, of_params, of_inputs = results["forward + backward"]
        gradients = {f"gradient of {name}": array for name, array in named(of_params).items()}
        all_of_them = {"forward": results["forward"], "outputs": y, "gradient of inputs": of_inputs} | gradients
        return {name: np.asarray(array, np.float64) for name, array in all_of_them.items()}

    return JaxJob(differentiated(apply, params, inputs, cotangent), name_outputs)


def convolution_job(apply: Callable[[Any, Any], Any], kernel: Any, inputs: Any, cotangent: Any, dtype: str) -> JaxJob:
    """A convolution ``apply(kernel, inputs)``, and each of its two gradients alone."""
    import jax
    import jax.numpy as jnp

    kernel, inputs, cotangent = (jnp.asarray(array, dtype) for array in (kernel, inputs, cotangent))

    def of_inputs(kernel: Any, inputs: Any, cotangent: Any) -> Any:
        return jax.vjp(lambda inputs: apply(kernel, inputs), inputs)[1](cotangent)[0]

    def of_kernel(kernel: Any, inputs: Any, cotangent: Any) -> Any:
        return jax.vjp(lambda kernel: apply(kernel, inputs), kernel)[1](cotangent)[0]

    programs = {
        "forward": Program(jax.jit(apply), (kernel, inputs)),
        "input gradient": Program(jax.jit(of_inputs), (kernel, inputs, cotangent)),
        "kernel gradient": Program(jax.jit(of_kernel), (kernel, inputs, cotangent)),
    }

    def name_outputs(results: dict[str, Any]) -> Outputs:
        return {name: np.asarray(array, np.float64) for name, array in results.items()}

    return JaxJob(programs, name_outputs)
