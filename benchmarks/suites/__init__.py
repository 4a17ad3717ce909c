"""The suites: each file says what is run, on which shapes, by whom."""

from collections.abc import Callable, Iterable, Mapping

from benchmarks.cases import Asked, Case
from benchmarks.suites import convolution, gpu, length, parallel, recurrent, steps

SUITES: Mapping[str, Callable[[Asked], Iterable[Case]]] = {
    "recurrent": recurrent.cases,
    "convolution": convolution.cases,
    "linear": parallel.linear,
    "newton": parallel.newton,
    "length": length.by_length,
    "batch": length.by_batch,
    "memory": length.peak_memory,
    "compile": length.compiling,
    "steps": steps.cases,
    "gpu": gpu.cases,
}
