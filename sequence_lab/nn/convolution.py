"""Convolution layers in one and two dimensions, under the lengths contract."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype

from sequence_lab.ops import convolution, windows

Array = jax.Array
Initializer = nn.initializers.Initializer
Streams = Array | Sequence[Array] | Mapping[str, Array]


class _Convolution(nn.Module):
    """What all four share; see ``Conv1D`` and ``ConvTranspose1D``."""

    features: int
    kernel_size: windows.PerAxis
    strides: windows.PerAxis = 1
    padding: windows.Padding = "SAME"
    kernel_dilation: windows.PerAxis = 1
    feature_group_count: int = 1
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def _run(
        self, function: Callable[..., Any], x: Streams, lengths: Array | None, spatial: int, padding: windows.Padding
    ) -> tuple[Array, Array | None]:
        """``function`` of ``ops.convolution`` on the parameters, one kernel per stream."""
        joined, streams = _join(x)
        kernel_size = windows.per_axis("kernel_size", self.kernel_size, spatial)
        convolution.check_groups(joined.shape[-1], self.features, self.feature_group_count)
        shape = (*kernel_size, joined.shape[-1] // self.feature_group_count, self.features)

        def share(key: Array, part: tuple[int, ...], dtype: Any, first: int) -> Array:
            # A stream's own slice of the whole, so that the fan-in is that of all streams together.
            return self.kernel_init(key, shape, dtype)[..., first : first + part[-2], :]

        if len(streams) == 1:
            kernel = self.param("kernel", self.kernel_init, shape, self.param_dtype)
        elif self.feature_group_count > 1:
            raise ValueError(f"feature_group_count is {self.feature_group_count}; allowed for several streams: 1")
        else:
            firsts = np.cumsum([0, *streams.values()]).tolist()
            parts = [
                self.param(f"kernel_{name}", share, (*kernel_size, channels, self.features), self.param_dtype, first)
                for (name, channels), first in zip(streams.items(), firsts, strict=False)
            ]
            kernel = jnp.concatenate(parts, axis=-2)
        bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype) if self.use_bias else None
        joined, kernel, bias = promote_dtype(joined, kernel, bias, dtype=self.dtype)
        y, lengths = function(
            joined,
            kernel,
            lengths,
            strides=self.strides,
            padding=padding,
            dilation=self.kernel_dilation,
            feature_group_count=self.feature_group_count,
        )
        if bias is None:
            return y, lengths
        split = windows.spatial_lengths(lengths, y.shape[: -spatial - 1], y.shape[-spatial - 1 : -1])
        return windows.mask_spatial(y + bias, split), lengths

    @nn.nowrap
    def _convolve(self, x: Streams, lengths: Array | None, spatial: int) -> tuple[Array, Array | None]:
        return self._run(convolution.convolve, x, lengths, spatial, self.padding)

    @nn.nowrap
    def _causal_reach(self, spatial: int) -> int:
        """Steps of time that an output sees. Raises ValueError unless the layer can go step by step."""
        kernel_size = windows.per_axis("kernel_size", self.kernel_size, spatial)
        if self.padding != "CAUSAL":
            raise ValueError(f"a convolution with padding {self.padding!r} has no step; allowed: CAUSAL")
        window = windows.windows(kernel_size, self.strides, "CAUSAL", self.kernel_dilation)[0]
        if window.stride != 1:
            raise ValueError(f"a convolution with a stride of {window.stride} in time has no step: it skips outputs")
        return window.reach

    @nn.nowrap
    def _step(self, carry: Array, x: Streams, spatial: int) -> tuple[Array, Array]:
        """One output from the last ``reach`` inputs, without the zeros that CAUSAL puts before the first."""
        joined, streams = _join(x)
        batch_shape, rest = joined.shape[: joined.ndim - spatial], joined.shape[joined.ndim - spatial :]
        expected = (*batch_shape, self._causal_reach(spatial) - 1, *rest)
        if jax.tree.map(jnp.shape, carry) != expected:
            raise ValueError(
                f"carry has shape {jax.tree.map(jnp.shape, carry)}; allowed: {expected}, the inputs before"
            )
        kernel_size = windows.per_axis("kernel_size", self.kernel_size, spatial)
        dilation = windows.per_axis("kernel_dilation", self.kernel_dilation, spatial)
        widths = ((0, 0), *windows.pad_widths("CAUSAL", kernel_size, dilation)[1:])

        def convolve(seen: Array) -> Array:
            parts = jnp.split(seen, np.cumsum(list(streams.values()))[:-1], axis=-1)
            named = dict(zip(streams, parts, strict=True))
            return self._run(convolution.convolve, named, None, spatial, widths)[0]

        return windows.step(convolve, carry, joined, axis=-spatial - 1)


class Conv1D(_Convolution):
    """Convolution over time: ``(x_BTC, lengths_B) -> (y_BTD, lengths_B)``.

    Matches ``torch.nn.Conv1d`` row by row at each row's own length. The new T and lengths are those of
    ``ops.windows.output_length``. Several input streams (a sequence of arrays, or a mapping from names to arrays, that
    differ in channels alone) have a kernel each, and their sum is the output: h = sum over streams k, positions i and
    channels j of kernel_k[i, j] x_k[t + i, j].

    Attributes:
      features: output channels D.
      kernel_size, strides, kernel_dilation: in steps.
      padding: "SAME" (output ceil(L / stride)), "VALID", "CAUSAL" (an output sees no later step), "REFLECT" or
        "CIRCULAR" (as SAME, with the row's own steps in place of zeros), an int, or a ((left, right),) pair.
      feature_group_count: groups of channels that do not see each other; C makes it depthwise.
      dtype, param_dtype: to compute in (None: promote input and parameters) and to store parameters in.
    """

    def __call__(self, x_BTC: Streams, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        return self._convolve(x_BTC, lengths_B, spatial=1)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...], in_features: int) -> Array:
        """The inputs that ``step`` still needs: ``[*batch, reach - 1, C]``, zeros before the first step.

        Several streams count together: ``in_features`` is the sum of their channels.
        """
        return jnp.zeros((*batch_shape, self._causal_reach(1) - 1, in_features), self.dtype or self.param_dtype)

    def step(self, carry: Array, x_BC: Streams) -> tuple[Array, Array]:
        """One step of time, ``(y_BD, carry)``, of a CAUSAL layer: the whole sequence is the same computation.

        To be called by ``layer.apply(variables, carry, x_BC, method="step")``.
        """
        return self._step(carry, x_BC, spatial=1)


class Conv2D(_Convolution):
    """Convolution over an image or a spectrogram: ``(x_BHWC, lengths) -> (y_BHWD, lengths)``.

    Matches ``torch.nn.Conv2d``. Streams and options as in ``Conv1D``, each option one int or a pair (H, W); "CAUSAL" is
    causal in H. Lengths are ``[B]`` (real rows H, as in a spectrogram with time first) or ``[B, 2]`` (real rows and
    columns).
    """

    def __call__(self, x_BHWC: Streams, lengths: Array | None = None) -> tuple[Array, Array | None]:
        return self._convolve(x_BHWC, lengths, spatial=2)

    @nn.nowrap
    def initial_carry(self, batch_shape: tuple[int, ...], width: int, in_features: int) -> Array:
        """The rows that ``step`` still needs: ``[*batch, reach - 1, W, C]``, zeros before the first row."""
        shape = (*batch_shape, self._causal_reach(2) - 1, width, in_features)
        return jnp.zeros(shape, self.dtype or self.param_dtype)

    def step(self, carry: Array, x_BWC: Streams) -> tuple[Array, Array]:
        """One row of H, ``(y_BWD, carry)``, of a layer that is CAUSAL and has a stride of 1 in H."""
        return self._step(carry, x_BWC, spatial=2)


class _ConvTranspose(_Convolution):
    output_padding: windows.PerAxis = 0

    def step(self, carry: Array, x: Streams) -> tuple[Array, Array]:
        raise ValueError("a transposed convolution has no step: one step of input makes several of output")

    @nn.nowrap
    def _transpose(self, x: Streams, lengths: Array | None, spatial: int) -> tuple[Array, Array | None]:
        function = functools.partial(convolution.convolve_transposed, output_padding=self.output_padding)
        return self._run(function, x, lengths, spatial, self.padding)


class ConvTranspose1D(_ConvTranspose):
    """Transposed convolution over time: ``(x_BTC, lengths_B) -> (y_BTD, lengths_B)``, L * stride steps under "SAME".

    Matches ``torch.nn.ConvTranspose1d``, its kernel laid out as in ``Conv1D``. Options: as in ``Conv1D``, but for

    Attributes:
      padding: "SAME" and "CAUSAL" (L * stride steps), "VALID" ((L - 1) * stride + reach), or an int or pair, taken
        off the ends of that.
      output_padding: further steps at the right end, below the stride.
    """

    def __call__(self, x_BTC: Streams, lengths_B: Array | None = None) -> tuple[Array, Array | None]:
        return self._transpose(x_BTC, lengths_B, spatial=1)


class ConvTranspose2D(_ConvTranspose):
    """Transposed convolution over an image: ``(x_BHWC, lengths) -> (y_BHWD, lengths)``; ``torch.nn.ConvTranspose2d``.

    Options as in ``ConvTranspose1D``, each one int or a pair (H, W); lengths as in ``Conv2D``.
    """

    def __call__(self, x_BHWC: Streams, lengths: Array | None = None) -> tuple[Array, Array | None]:
        return self._transpose(x_BHWC, lengths, spatial=2)


def _join(x: Streams) -> tuple[Array, Mapping[str, int]]:
    """The streams side by side, and the channels of each by its name."""
    if not isinstance(x, Mapping | Sequence):
        return x, {"": x.shape[-1]}
    streams = dict(sorted(x.items())) if isinstance(x, Mapping) else {str(i): stream for i, stream in enumerate(x)}
    if len({stream.shape[:-1] for stream in streams.values()}) != 1:
        shapes = {name: stream.shape for name, stream in streams.items()}
        raise ValueError(f"streams have shapes {shapes}; allowed: one or more, alike in all but the last axis")
    return jnp.concatenate(list(streams.values()), axis=-1), {name: s.shape[-1] for name, s in streams.items()}
