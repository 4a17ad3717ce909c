"""Classifiers by convolution and pooling: the papers' equations, the lengths contract, both strands."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import BagOfWords, ConvNet1D, DeepConvLSTM, DNAConvNet, DynamicKMaxNetwork, SentenceCNN, dna
from sequence_lab.ops import symbols

RANDOM = np.random.default_rng(0)
LENGTHS = np.array([9, 4, 0, 1], np.int32)
T = 9


@functools.partial(jax.jit, static_argnums=0)
def variables_of(model, x, lengths=None):
    return model.init(jax.random.key(0), x, lengths)


@functools.partial(jax.jit, static_argnames="model")
def apply(model, variables, *inputs):
    return model.apply(variables, *inputs)


def ids():
    return RANDOM.integers(0, 11, (4, T)).astype(np.int32)


def signals(channels=3):
    return RANDOM.normal(size=(4, T, channels)).astype(np.float32)


def bases():
    return np.eye(5, 4, dtype=np.float32)[RANDOM.integers(0, 5, (4, T))]


def streams():
    return {"one": signals(3), "other": signals(2)}


MODELS = {
    "sentence": (SentenceCNN(3, 11, 5, widths=(2, 3), features=4), ids),
    "dynamic": (DynamicKMaxNetwork(3, 11, 8, widths=(3, 2), features=(2, 3), k_top=2), ids),
    "bag": (BagOfWords(3, 11, 5), ids),
    "conv": (ConvNet1D(3, features=(4, 5), representation="max", hidden_features=6), signals),
    "early": (ConvNet1D(3, features=(4,), representation="mean", hidden_features=0), streams),
    "late": (ConvNet1D(3, features=(4,), fusion="late", representation="max", hidden_features=0), streams),
    "recurrent": (ConvNet1D(3, features=(4,), recurrent_features=(3,), representation="last"), signals),
    "deep": (DeepConvLSTM(3, features=(2, 3), kernel_size=3, recurrent_features=(4,)), signals),
    "k-mers": (
        DNAConvNet(3, features=(4,), representation="max", hidden_features=0, k_mer=3, embedding_features=5),
        lambda: bases(),
    ),
    "dna": (DNAConvNet(3, features=(4,), representation="max", hidden_features=0), lambda: signals(4)),
}


def poisoned(x):
    x = x.copy()
    for row, length in enumerate(LENGTHS):
        x[row, length:] = -1 if x.dtype == np.int32 else np.nan
    return x


@pytest.mark.parametrize("name", MODELS)
def test_a_padded_row_equals_the_row_in_less_padding(name):
    """Of rows alone, not all would be long enough for the windows."""
    model, draw = MODELS[name]
    x = draw()
    variables = variables_of(model, x, LENGTHS)
    together = apply(model, variables, jax.tree.map(poisoned, x), LENGTHS)
    assert np.isfinite(together).all()
    more = jax.tree.map(lambda array: np.pad(array, ((0, 0), (0, 3), *((0, 0),) * (array.ndim - 2))), x)
    np.testing.assert_allclose(apply(model, variables, more, LENGTHS), together, atol=1e-5)
    first = jax.tree.map(lambda array: array[:1], x)
    np.testing.assert_allclose(apply(model, variables, first)[0], together[0], atol=1e-5)


def test_the_sentence_network_is_kims_equations():
    model, x = MODELS["sentence"][0], ids()
    variables = variables_of(model, x)
    params = jax.device_get(variables["params"])
    found = apply(model, variables, x)
    for row in range(2):
        words = np.pad(params["embedding"]["table"][x[row]], ((3, 3), (0, 0)))
        maxima = []
        for width in (2, 3):
            kernel, bias = (params[f"filters_{width}"][name] for name in ("kernel", "bias"))
            seen = words[3 - (width - 1) : T + 3 + width - 1]
            places = [np.einsum("wc,wcf->f", seen[t : t + width], kernel) + bias for t in range(len(seen) - width + 1)]
            assert len(places) == T + width - 1
            maxima.append(np.maximum(places, 0).max(0))
        expected = np.concatenate(maxima) @ params["head"]["kernel"] + params["head"]["bias"]
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def k_max(values, k):
    """``[T, ...]``: the k largest of each, in their order."""
    kept = np.sort(np.argsort(-values, axis=0, kind="stable")[:k], axis=0)
    return np.take_along_axis(values, kept, axis=0)


def test_the_dynamic_network_is_kalchbrenners_equations():
    """Row by row of the sentence matrix, map by map, in plain loops."""
    model, x = MODELS["dynamic"][0], ids()
    variables = variables_of(model, x, LENGTHS)
    params = jax.device_get(variables["params"])
    found = apply(model, variables, x, LENGTHS)
    for row in (0, 1, 3):
        length = LENGTHS[row]
        maps = params["embedding"]["table"][x[row, :length]][:, :, None]  # [time, rows, maps]
        for layer, (width, features) in enumerate(((3, 2), (2, 3)), 1):
            rows = maps.shape[1]
            kernel = params[f"layer_{layer}"]["kernel"].reshape(width, maps.shape[2], rows, features)
            padded = np.pad(maps, ((width - 1, width - 1), (0, 0), (0, 0)))
            wide = np.stack(
                [np.einsum("wrm,wmrf->rf", padded[t : t + width], kernel) for t in range(len(maps) + width - 1)]
            )
            wide = wide[:, 0::2] + wide[:, 1::2]
            k = max(2, -(-(2 - layer) * length // 2))
            maps = np.tanh(k_max(wide, k))
        vector = np.zeros((2, *maps.shape[1:]))
        vector[: len(maps)] = maps
        expected = vector.ravel() @ params["head"]["kernel"] + params["head"]["bias"]
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_a_bag_knows_no_order_and_the_other_networks_do():
    x = ids()
    shuffled = x[:, RANDOM.permutation(T)]
    for name in ("sentence", "dynamic", "bag"):
        model, _ = MODELS[name]
        variables = variables_of(model, x)
        same = np.allclose(apply(model, variables, x), apply(model, variables, shuffled), atol=1e-5)
        assert same == (name == "bag")


def test_both_strands_give_the_same_answer_and_one_strand_does_not():
    bases = np.eye(4, dtype=np.float32)[RANDOM.integers(0, 4, (4, T))]
    other = symbols.reverse_complement(jnp.asarray(bases), jnp.asarray(LENGTHS))
    for both in (True, False):
        model = DNAConvNet(3, features=(4,), representation="max", hidden_features=0, both_strands=both)
        variables = variables_of(model, bases, LENGTHS)
        answers = [apply(model, variables, strand, LENGTHS) for strand in (bases, other)]
        assert np.allclose(*answers, atol=1e-5) == both


def test_early_fusion_is_one_filter_over_both_streams():
    x = streams()
    early = MODELS["early"][0]
    variables = variables_of(early, x, LENGTHS)
    kernels = variables["params"]["block_0"]
    joined = ConvNet1D(3, features=(4,), representation="mean", hidden_features=0)
    kernel = np.concatenate([kernels["kernel_one"], kernels["kernel_other"]], axis=1)
    params = {**variables["params"], "block_0": {"kernel": kernel, "bias": kernels["bias"]}}
    whole = np.concatenate([x["one"], x["other"]], axis=-1)
    np.testing.assert_allclose(
        apply(early, variables, x, LENGTHS), apply(joined, {"params": params}, whole, LENGTHS), atol=1e-5
    )


def filtered(x, kernel, bias):
    """``[T, C]`` by filters ``[S, C, D]`` of odd size, place by place, with zeros around; and ReLU."""
    padded = np.pad(x, ((len(kernel) // 2, len(kernel) // 2), (0, 0)))
    places = [np.einsum("sc,scd->d", padded[t : t + len(kernel)], kernel) + bias for t in range(len(x))]
    return np.maximum(places, 0)


def test_late_fusion_is_filters_for_each_stream_whose_vectors_stand_side_by_side():
    model, x = MODELS["late"][0], streams()
    variables = variables_of(model, x)
    params = jax.device_get(variables["params"])
    for row, answer in enumerate(apply(model, variables, x)):
        maps = [filtered(x[name][row], **params[f"{name}_block_0"]) for name in ("one", "other")]
        vector = np.concatenate([values.max(axis=0) for values in maps])  # over pairs, then over these: over all
        np.testing.assert_allclose(answer, vector @ params["head"]["kernel"] + params["head"]["bias"], atol=1e-5)


def test_deep_conv_lstm_filters_each_channel_alone_and_reads_the_last_step():
    """Ordóñez and Roggen (2016), in plain loops over channels, then over steps."""
    model, x = MODELS["deep"][0], signals()
    variables = variables_of(model, x, LENGTHS)
    params = jax.device_get(variables["params"])
    weights = params["recurrent"]["levels_0"]
    for row in (0, 1, 3):
        channels = []
        for values in x[row, : LENGTHS[row]].T[..., None]:
            for layer in ("layer_0", "layer_1"):
                values = filtered(values, params[layer]["kernel"][:, 0], params[layer]["bias"])
            channels.append(values)
        hidden, state = np.zeros(4), np.zeros(4)
        for step in np.concatenate(channels, axis=-1):
            sums = step @ weights["input"] + hidden @ weights["recurrent"] + weights["bias"]
            write, keep, new, read = np.split(sums, 4)
            state = sigmoid(keep) * state + sigmoid(write) * np.tanh(new)
            hidden = sigmoid(read) * np.tanh(state)
        expected = hidden @ params["head"]["kernel"] + params["head"]["bias"]
        np.testing.assert_allclose(apply(model, variables, x, LENGTHS)[row], expected, atol=1e-5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("model", "x", "said"),
    [
        (ConvNet1D(2, features=(4,) * 4), np.ones((1, T, 2)), "4 blocks with pool_size 2 leave nothing of 9 steps"),
        (ConvNet1D(2, representation="end"), np.ones((1, T, 2)), "representation is 'end'; allowed: first, last"),
        (ConvNet1D(2, fusion="both"), np.ones((1, T, 2)), "fusion is 'both'; allowed: early, late"),
        (BagOfWords(2, 5, representation="last"), np.zeros((1, T), int), "allowed: log_sum_exp, max, mean"),
        (DynamicKMaxNetwork(2, 5, 7), np.zeros((1, T), int), "embedding_features is 7"),
    ],
)
def test_what_does_not_fit_is_refused(model, x, said):
    with pytest.raises(ValueError, match=said):
        model.init(jax.random.key(0), jnp.asarray(x))


def test_filters_over_k_mers_are_those_of_the_learnt_vectors_at_each_place():
    """In plain loops: an unknown base makes the vectors of all k-mers that hold it zero."""
    model, x = MODELS["k-mers"][0].clone(both_strands=False), bases()
    variables = variables_of(model, x, LENGTHS)
    params = jax.device_get(variables["params"])
    for row, length in enumerate(LENGTHS):
        vectors = np.zeros((T + 6, 5))
        for t in range(length - 2):
            word = x[row, t : t + 3]
            if word.any(axis=1).all():
                vectors[t + 1] = params["embedding"]["table"][word.argmax(axis=1) @ [16, 4, 1]]
        count = max(length - 2, 0)
        kernel, bias = params["block_0"]["kernel"], params["block_0"]["bias"]
        maps = [np.maximum(np.einsum("wc,wcd->d", vectors[t : t + 3], kernel) + bias, 0) for t in range(count)]
        vector = np.max(maps, axis=0) if maps else np.zeros(4)
        expected = vector @ params["head"]["kernel"] + params["head"]["bias"]
        np.testing.assert_allclose(apply(model, variables, x, LENGTHS)[row], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["dna", "k-mers"])
def test_a_model_of_both_strands_says_the_same_of_either(name):
    model, x = MODELS[name][0], bases()
    variables = variables_of(model, x, LENGTHS)
    other = symbols.reverse_complement(x, LENGTHS)
    found = apply(model, variables, x, LENGTHS)
    np.testing.assert_allclose(apply(model, variables, other, LENGTHS), found, atol=1e-6)
    single = model.clone(both_strands=False)
    each = [apply(single, variables, one, LENGTHS) for one in (x, other)]
    assert not np.allclose(*each, atol=1e-3)
    np.testing.assert_allclose(np.mean(each, axis=0), found, atol=1e-6)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("name", "k"), [("dna", 1), ("k-mers", 3)])
def test_filter_maps_stand_at_the_bases_that_their_windows_begin_with(name, k, both):
    """What a window says, cut out and read alone, is what its map has at that place."""
    model, x = MODELS[name][0].clone(both_strands=both, kernel_size=4), bases()
    variables = variables_of(model, x, LENGTHS)
    sequences, maps = jax.jit(functools.partial(dna.filter_maps, model))(variables, poisoned(x), LENGTHS)
    width = 4 + k - 1
    read = [(x[row], length) for row, length in enumerate(LENGTHS)]
    if both:
        read += [(np.asarray(symbols.reverse_complement(x, LENGTHS))[row], n) for row, n in enumerate(LENGTHS)]
    assert maps.shape == (len(read), T - width + 1, 4)
    params = jax.device_get(variables["params"])
    for (bases_TC, length), own, maps_TD in zip(read, sequences, maps, strict=True):
        np.testing.assert_array_equal(own[:length], bases_TC[:length])
        assert not np.any(own[length:])
        for t in range(T - width + 1):
            window = bases_TC[t : t + width]
            if t + width > length:
                expected = np.zeros(4)
            elif k == 1:
                expected = np.einsum("wc,wcd->d", window, params["block_0"]["kernel"]) + params["block_0"]["bias"]
            else:
                words = [window[i : i + 3] for i in range(4)]
                table = [
                    params["embedding"]["table"][w.argmax(axis=1) @ [16, 4, 1]] * w.any(axis=1).all() for w in words
                ]
                expected = np.einsum("wc,wcd->d", table, params["block_0"]["kernel"]) + params["block_0"]["bias"]
            np.testing.assert_allclose(maps_TD[t], np.maximum(expected, 0), atol=1e-5)
