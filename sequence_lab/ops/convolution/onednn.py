"""Convolutions by oneDNN, which makes a program for every shape as it runs and which jaxlib brings along.

PyTorch's convolutions on a CPU are oneDNN's. XLA gives it none by itself; it answers to a custom call whose name and
configuration are no interface of JAX's. So nothing here is used unless the environment variable ``SEQUENCE_LAB_ONEDNN``
is "1", as ``launch.py`` sets it, with a jaxlib on which it was tried, and after one convolution came out right. XLA
can neither differentiate the call nor write a program that has it into a file: ``jax.export`` gets other formulations,
and JAX's persistent cache goes without (under ``jax_raise_persistent_cache_errors`` that is an error). So a small
convolution is left to XLA: compiling its program anew, seconds at each launch, would cost more than it wins.
"""

import functools
import json
import math
import os
import warnings

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import lax

from sequence_lab.ops.convolution.geometry import Geometry
from sequence_lab.ops.windows import Window

Array = jax.Array
TRIED = ("0.10.2",)
TARGET = "__onednn$convolution"
LEAST = 2**25  # multiplications


def is_asked_for() -> bool:
    return os.environ.get("SEQUENCE_LAB_ONEDNN") == "1"


def ignore_cache() -> None:
    """Silences what JAX says where XLA cannot write a program to the persistent cache: here that is as it should be."""
    warnings.filterwarnings("ignore", r"Error writing persistent compilation cache entry for .*: std::bad_alloc")


if is_asked_for():
    ignore_cache()


def pays(x: Array, kernel: Array, geometry: Geometry) -> bool:
    """Whether it has a program for these (float32, of a known shape in which no size is 0), worth compiling."""
    known = all(isinstance(size, int) and size > 0 for size in (*x.shape, *kernel.shape))
    known &= x.dtype == kernel.dtype == jnp.float32
    return known and math.prod((x.shape[0], *geometry.out, *kernel.shape)) >= LEAST


@functools.cache
def is_at_hand() -> bool:
    """Whether it was asked for, and is there, and does with all of its configuration what it is taken to do."""
    if not is_asked_for() or jaxlib.__version__ not in TRIED:
        return False
    windows = (Window(2, 2, 3, (1, 4)), Window(3, 1, 2, (0, 3)))
    geometry, random = Geometry(windows, (9, 7), groups=2), np.random.default_rng(0)
    try:
        with jax.ensure_compile_time_eval():
            x, kernel = (jnp.asarray(random.random(s), jnp.float32) for s in ((2, *geometry.sizes, 4), (2, 3, 2, 6)))
            found = jax.jit(lambda x, kernel: output(x, kernel, geometry))(x, kernel)
            expected = lax.conv_general_dilated(
                x,
                kernel,
                [window.stride for window in windows],
                [window.padding for window in windows],
                rhs_dilation=[window.dilation for window in windows],
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                feature_group_count=2,
            )
            return bool(jnp.allclose(found, expected, rtol=1e-4))
    except Exception:  # whatever goes wrong with a call that is no interface, there are other formulations
        return False


def output(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """``[N, *sizes, C], [*kernel_size, C // groups, D] -> [N, *out, D]``.

    What has one dimension is an image of one row: the same time, but for depthwise kernels, which take a tenth of it.
    """
    if len(geometry.sizes) == 1:
        row = geometry._replace(windows=(Window(1), *geometry.windows), sizes=(1, *geometry.sizes))
        return output(x[:, None], kernel[None], row)[:, 0]
    axes, windows = len(geometry.sizes), geometry.windows
    channels_last = {"data": {"batch_dim": 0, "feature_dim": axes + 1, "spatial_dims": list(range(1, axes + 1))}}
    places_first = {"input_feature_dim": axes, "output_feature_dim": axes + 1, "spatial_dims": list(range(axes))}
    # XLA's OneDnnConvolutionConfig, with XLA's meaning of a dilation.
    config = {
        "dims": axes + 2,
        "feature_groups": geometry.groups,
        "input": channels_last,
        "kernel": {"filter": places_first},
        "output": channels_last,
        "window": {
            "pad_left": [window.padding[0] for window in windows],
            "pad_right": [window.padding[1] for window in windows],
            "strides": [window.stride for window in windows],
            "window_dilations": [window.dilation for window in windows],
        },
    }
    out = jax.ShapeDtypeStruct((x.shape[0], *geometry.out, kernel.shape[-1]), x.dtype)
    call = jax.ffi.ffi_call(
        TARGET,
        out,
        custom_call_api_version=1,
        legacy_backend_config=json.dumps({"onednn_conv_config": config}),
    )
    return call(x, kernel)
