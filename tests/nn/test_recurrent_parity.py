"""Recurrent layers against PyTorch, Flax and Keras: values and gradients, over random shapes, options and lengths."""

import os
from typing import Any, NamedTuple

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequence_lab import nn

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def close(actual: Any, expected: Any, dtype: str) -> None:
    """Every element, to the tolerance of the type relative to the largest one."""
    expected = np.asarray(expected)
    size = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * size)


def from_torch(weights: dict[str, np.ndarray], kind: str, at: str) -> dict[str, np.ndarray]:
    """The parameters of one direction of one layer; also maps gradients, but for biases that are added up."""
    params = {"input": weights[f"weight_ih_{at}"].T, "recurrent": weights[f"weight_hh_{at}"].T}
    b_ih, b_hh = (weights.get(f"{name}_{at}") for name in ("bias_ih", "bias_hh"))
    if b_ih is not None and b_hh is not None:
        params["bias"] = b_ih + b_hh
    if kind == "GRU" and b_ih is not None and b_hh is not None:
        D = len(b_ih) // 3
        params["bias"] = b_ih + np.where(np.arange(3 * D) < 2 * D, b_hh, 0)
        params["recurrent_bias"] = b_hh[2 * D :]
    if f"weight_hr_{at}" in weights:
        params["projection"] = weights[f"weight_hr_{at}"].T
    return params


@st.composite
def networks(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["RNN_tanh", "RNN_relu", "LSTM", "GRU"]))
    T, D = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    return {
        "kind": kind,
        "C": draw(st.integers(1, 3)),
        "D": D,
        "T": T,
        "layers": draw(st.integers(1, 2)),
        "bias": draw(st.sampled_from([True, True, False])),
        "both": draw(st.booleans()),
        "projection": draw(st.integers(1, D - 1)) if kind == "LSTM" and D > 1 and draw(st.booleans()) else None,
        "lengths": draw(st.lists(st.integers(1, T), min_size=1, max_size=3)),
        "given_carry": draw(st.booleans()),
        "seed": draw(st.integers(0, 99)),
        "dtype": draw(st.sampled_from(sorted(TOLERANCE))),
    }


@settings(max_examples=20, derandomize=True, deadline=None)
@given(case=networks())
def test_stacked_layers_equal_torch_on_packed_sequences(case: dict[str, Any]) -> None:
    """Outputs, final carries, and the gradients of a weighted sum of both, in every parameter, input and carry."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(case["seed"])
    dtype = case["dtype"]
    kind, _, activation = case["kind"].partition("_")
    options: dict[str, Any] = {"bias": case["bias"]} | ({"nonlinearity": activation} if activation else {})
    if case["projection"]:
        options["proj_size"] = case["projection"]
    double = {"dtype": getattr(torch, dtype)}
    theirs = getattr(torch.nn, kind)(
        case["C"], case["D"], case["layers"], bidirectional=case["both"], batch_first=True, **options, **double
    )
    lengths = np.array(case["lengths"])
    B, ways = len(lengths), 2 if case["both"] else 1
    x = torch.randn(B, case["T"], case["C"], requires_grad=True, **double)
    sizes = [case["projection"] or case["D"], *([case["D"]] if kind == "LSTM" else [])]
    carry = [torch.randn(case["layers"] * ways, B, size, requires_grad=True, **double) for size in sizes]
    first = (tuple(carry) if kind == "LSTM" else carry[0]) if case["given_carry"] else None
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.from_numpy(lengths), True, enforce_sorted=False)
    y, last = theirs(packed, first)
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=case["T"])
    last = last if kind == "LSTM" else (last,)
    weights = [torch.randn(out.shape, **double) for out in (y, *last)]
    sum((out * w).sum() for out, w in zip((y, *last), weights, strict=True)).backward()

    suffixes = [[f"l{i}", f"l{i}_reverse"][:ways] for i in range(case["layers"])]

    def ours(values: dict[str, np.ndarray]) -> Any:
        layers = [[from_torch(values, kind, at) for at in pair] for pair in suffixes]
        return {
            f"levels_{i}": dict(zip(("forward", "backward"), pair, strict=True)) if case["both"] else pair[0]
            for i, pair in enumerate(layers)
        }

    made = {"projection": case["projection"]} if kind == "LSTM" else {"activation": activation} if activation else {}
    layers = [getattr(nn, kind)(case["D"], use_bias=case["bias"], **made) for _ in range(case["layers"])]
    stack = nn.Stacked([nn.Bidirectional(layer) if case["both"] else layer for layer in layers])

    def as_carry(leaves: list[Any]) -> Any:
        """PyTorch's (h, c), each [layers * ways, B, D], as ours."""
        structure = jax.tree.structure(stack.initial_carry((B,)))
        return jax.tree.unflatten(structure, [leaf[i] for i in range(case["layers"] * ways) for leaf in leaves[::-1]])

    def loss(params: Any, x: Any, carry: Any) -> Any:
        y, last = stack.apply({"params": params}, x, jnp.array(lengths), carry if case["given_carry"] else None)
        wanted = [weights[0].numpy(), *jax.tree.leaves(as_carry([w.numpy() for w in weights[1:]]))]
        return sum(jnp.vdot(a, b) for a, b in zip([y, *jax.tree.leaves(last)], wanted, strict=True)), (y, last)

    named = dict(theirs.named_parameters())
    with jax.enable_x64(dtype == "float64"):
        inputs = (
            ours({name: w.detach().numpy() for name, w in named.items()}),
            x.detach().numpy(),
            as_carry([leaf.detach().numpy() for leaf in carry]),
        )
        gradients, (y_ours, last_ours) = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(*inputs)
    assert y_ours.dtype == dtype
    close(y_ours, y.detach(), dtype)
    jax.tree.map(lambda a, b: close(a, b, dtype), last_ours, as_carry([leaf.detach().numpy() for leaf in last]))
    close(gradients[1], x.grad, dtype)
    if case["given_carry"]:
        expected = as_carry([leaf.grad.numpy() for leaf in carry])
        jax.tree.map(lambda a, b: close(a, b, dtype), gradients[2], expected)
    # Where PyTorch adds its two biases up, the gradient of either is that of their sum.
    slopes = {name: w.grad.numpy() for name, w in named.items()}
    expected = ours(slopes)
    for i, pair in enumerate(suffixes):
        for way, at in zip(("forward", "backward"), pair, strict=False):
            own = expected[f"levels_{i}"][way] if case["both"] else expected[f"levels_{i}"]
            if case["bias"]:
                own["bias"] = slopes[f"bias_ih_{at}"]
    jax.tree.map(lambda a, b: close(a, b, dtype), gradients[0], expected)


class Shape(NamedTuple):
    lengths: np.ndarray
    T: int
    C: int
    D: int
    seed: int


@st.composite
def shapes(draw: Any) -> Shape:
    T = draw(st.integers(1, 5))
    lengths = draw(st.lists(st.integers(1, T), min_size=1, max_size=3))
    return Shape(np.array(lengths), T, draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 99)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@settings(max_examples=4, derandomize=True, deadline=None)
@given(shape=shapes())
def test_layer_equals_flax_rnn(kind: str, dtype: str, shape: Shape) -> None:
    """Values, carries and gradients of ``flax.linen.RNN``, which leaves its outputs in the padding unmasked."""
    lengths, D = shape.lengths, shape.D
    cell, gates, bias = {
        "rnn": (flax.linen.SimpleCell(D, param_dtype=dtype), "", "i"),
        "lstm": (flax.linen.OptimizedLSTMCell(D, param_dtype=dtype), "ifgo", "h"),
        "gru": (flax.linen.GRUCell(D, param_dtype=dtype), "rzn", "i"),
    }[kind]
    layer = {"rnn": nn.RNN(D), "lstm": nn.LSTM(D), "gru": nn.GRU(D)}[kind]
    rnn = flax.linen.RNN(cell, return_carry=True)
    generator = np.random.default_rng(shape.seed)
    x = generator.normal(size=(len(lengths), shape.T, shape.C)).astype(dtype)
    real_BT1 = (np.arange(shape.T) < lengths[:, None])[..., None]
    with jax.enable_x64(dtype == "float64"):
        shapes = jax.eval_shape(rnn.init, jax.random.key(0), x)
    theirs = jax.tree.map(lambda a: generator.normal(size=a.shape).astype(dtype), shapes)

    def ours(tree: Any) -> Any:
        cell_params = tree["params"]["cell"]
        if kind == "rnn":
            i, h = cell_params["i"], cell_params["h"]
            return {"input": i["kernel"], "recurrent": h["kernel"], "bias": i["bias"]}
        params = {
            "input": np.concatenate([cell_params[f"i{gate}"]["kernel"] for gate in gates], axis=1),
            "recurrent": np.concatenate([cell_params[f"h{gate}"]["kernel"] for gate in gates], axis=1),
            "bias": np.concatenate([cell_params[f"{bias}{gate}"]["bias"] for gate in gates]),
        }
        return params | ({"recurrent_bias": cell_params["hn"]["bias"]} if kind == "gru" else {})

    def flax_loss(params: Any, x: Any) -> Any:
        carry, y = rnn.apply(params, x, seq_lengths=jnp.asarray(lengths))
        y = jnp.where(real_BT1, y, 0)
        return jnp.sum(jnp.sin(3 * y)), (y, jax.tree.leaves(carry))

    def our_loss(params: Any, x: Any) -> Any:
        y, carry = layer.apply({"params": params}, x, jnp.asarray(lengths))
        return jnp.sum(jnp.sin(3 * y)), (y, list(carry))

    with jax.enable_x64(dtype == "float64"):
        (their_slopes, of_x), (y, carry) = jax.jit(jax.grad(flax_loss, (0, 1), has_aux=True))(theirs, x)
        (slopes, our_x), (our_y, our_carry) = jax.jit(jax.grad(our_loss, (0, 1), has_aux=True))(ours(theirs), x)
    assert our_y.dtype == dtype
    close(our_y, y, dtype)
    jax.tree.map(lambda a, b: close(a, b, dtype), our_carry, carry)
    close(our_x, of_x, dtype)
    jax.tree.map(lambda a, b: close(a, b, dtype), slopes, ours(their_slopes))


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "jax":
        pytest.skip("Keras runs on another backend than JAX")
    return keras


@pytest.mark.parametrize("reset_after", [False, True])
@settings(max_examples=4, derandomize=True, deadline=None)
@given(shape=shapes())
def test_gru_equals_keras(keras: Any, reset_after: bool, shape: Shape) -> None:
    """Both places of the reset gate, under a mask; values, states and gradients."""
    lengths, D = shape.lengths, shape.D
    generator = np.random.default_rng(shape.seed)
    x = generator.normal(size=(len(lengths), shape.T, shape.C)).astype(np.float32)
    theirs = keras.layers.GRU(D, reset_after=reset_after, return_sequences=True, return_state=True)
    theirs.build(x.shape)
    values = [generator.normal(size=w.shape).astype(np.float32) for w in theirs.weights]
    order = np.concatenate([np.arange(D, 2 * D), np.arange(D), np.arange(2 * D, 3 * D)])  # Keras has z before r

    def ours(kernel: Any, recurrent: Any, bias: Any, summed: bool) -> dict[str, np.ndarray]:
        kernel, recurrent, bias = (np.asarray(a)[..., order] for a in (kernel, recurrent, bias))
        if not reset_after:
            return {
                "input": kernel,
                "recurrent": recurrent[:, : 2 * D],
                "candidate": recurrent[:, 2 * D :],
                "bias": bias,
            }
        both = bias[0] + np.where(np.arange(3 * D) < 2 * D, bias[1], 0) if summed else bias[0]
        return {"input": kernel, "recurrent": recurrent, "bias": both, "recurrent_bias": bias[1, 2 * D :]}

    mask_BT = np.arange(shape.T) < lengths[:, None]

    def keras_loss(values: Any, x: Any) -> Any:
        (y, state), _ = theirs.stateless_call(
            values, [w.value for w in theirs.non_trainable_variables], x, mask=jnp.asarray(mask_BT)
        )
        y = jnp.where(mask_BT[..., None], y, 0)  # Keras repeats the last output in the padding
        return jnp.sum(jnp.sin(3 * y)) + jnp.sum(state**2), (y, state)

    def our_loss(params: Any, x: Any) -> Any:
        y, carry = nn.GRU(D, reset_after=reset_after).apply({"params": params}, x, jnp.asarray(lengths))
        return jnp.sum(jnp.sin(3 * y)) + jnp.sum(carry.h**2), (y, carry.h)

    (their_slopes, of_x), (y, state) = jax.jit(jax.grad(keras_loss, (0, 1), has_aux=True))(values, x)
    params = ours(*values, summed=True)
    (slopes, our_x), (our_y, our_state) = jax.jit(jax.grad(our_loss, (0, 1), has_aux=True))(params, x)
    close(our_y, y, "float32")
    close(our_state, state, "float32")
    close(our_x, of_x, "float32")
    jax.tree.map(lambda a, b: close(a, b, "float32"), slopes, ours(*their_slopes, summed=False))
