"""Encoder and decoder: the papers' equations in NumPy, the lengths contract, and decoding step by step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import experiment
from sequence_lab.composition import compose
from sequence_lab.models import SequenceToSequence

V, SOURCE, TARGET = 7, np.array([5, 2, 0, 3], np.int32), np.array([4, 6, 3, 0], np.int32)
MODELS = {
    attention: SequenceToSequence(
        V, embedding_features=3, features=5, maxout_features=4, attention=attention, bidirectional=attention == "dot"
    )
    for attention in ("none", "additive", "dot")
}
every_model = pytest.mark.parametrize("attention", MODELS)


@functools.cache
def pairs():
    random = np.random.default_rng(0)
    inputs = {"source": random.integers(0, V, (4, 5)), "target": random.integers(0, V, (4, 6))}
    return {name: ids.astype(np.int32) for name, ids in inputs.items()}, {"source": SOURCE, "target": TARGET}


@functools.cache
def variables_of(attention):
    """Random ones, biases too, far from a uniform distribution."""
    like = jax.eval_shape(MODELS[attention].init, jax.random.key(0), *pairs())
    random = np.random.default_rng(1)
    return jax.tree.map(lambda x: random.normal(size=x.shape, scale=0.7).astype(np.float32), like)


@functools.partial(jax.jit, static_argnames=("model", "method", "train"))
def apply(model, *inputs, **options):
    return model.apply(*inputs, **options)


def logits_of(attention, inputs=None):
    own, lengths = pairs()
    return np.asarray(apply(MODELS[attention], variables_of(attention), inputs or own, lengths))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(p, x, h, context=None):
    """Cho et al.'s unit: the reset gate before the product; with a context as their decoder has it, after it."""
    D = len(h)
    w = x @ p["input"] + p["bias"]
    if context is None:
        u = h @ p["recurrent"]
        r, z = sigmoid(w[:D] + u[:D]), sigmoid(w[D : 2 * D] + u[D:])
        n = np.tanh(w[2 * D :] + (r * h) @ p["candidate"])
    else:
        u, c = h @ p["recurrent"], context @ p["context"]
        r, z = sigmoid(w[:D] + u[:D] + c[:D]), sigmoid((w + u + c)[D : 2 * D])
        n = np.tanh(w[2 * D :] + r * (u[2 * D :] + p["recurrent_bias"] + c[2 * D :]))
    return z * h + (1 - z) * n


def over(p, x_TC):
    h, found = np.zeros(5), []
    for x in x_TC:
        h = gru(p, x, h)
        found.append(h)
    return np.reshape(found, (-1, 5))


def weights(attention, p, h, annotations_SC):
    keys_SD = annotations_SC @ p["key"]["kernel"]
    if attention == "additive":
        scores = np.array([np.tanh(h @ p["query"]["kernel"] + key) @ p["score"]["kernel"][:, 0] for key in keys_SD])
    else:
        scores = np.array([h @ key for key in keys_SD])
    return np.exp(scores) / np.exp(scores).sum()


@every_model
def test_logits_follow_the_equations(attention):
    p = jax.tree.map(lambda x: np.asarray(x, np.float64), variables_of(attention))["params"]
    (inputs, lengths), found = pairs(), logits_of(attention)
    for row in range(4):
        x = p["source_embedding"]["table"][inputs["source"][row, : lengths["source"][row]]]
        if attention == "dot":
            forward, backward = over(p["encoder"]["forward"], x), over(p["encoder"]["backward"], x[::-1])[::-1]
            annotations = np.concatenate([forward, backward], 1)
            last = np.concatenate([forward[-1], backward[0]]) if len(x) else np.zeros(10)
        else:
            annotations = over(p["encoder"], x)
            last = annotations[-1] if len(x) else np.zeros(5)
        summary = np.tanh(last @ p["summary"]["kernel"])
        h = np.tanh(summary @ p["start"]["kernel"])
        for t in range(lengths["target"][row]):
            y = p["target_embedding"]["table"][inputs["target"][row, t]]
            if attention == "none":
                context = summary
                h = gru(p["decoder"], y, h, context)
            else:
                context = weights(attention, p, h, annotations) @ annotations if len(x) else np.zeros(last.shape)
                h = gru(p["decoder"], np.concatenate([y, context]), h)
            s = np.concatenate([h, y, context]) @ p["maxout"]["kernel"] + p["maxout"]["bias"]
            s = np.array([max(s[2 * i], s[2 * i + 1]) for i in range(4)])
            np.testing.assert_allclose(found[row, t], s @ p["head"]["kernel"] + p["head"]["bias"], atol=2e-5)


@every_model
def test_padding_changes_no_output_and_no_gradient(attention):
    inputs, lengths = pairs()
    poisoned = {name: ids.copy() for name, ids in inputs.items()}
    for name, ids in poisoned.items():
        ids[np.arange(ids.shape[1]) >= lengths[name][:, None]] = -99
        poisoned[name] = np.pad(ids, ((0, 0), (0, 2)), constant_values=99)

    @jax.jit
    def loss(variables, inputs):
        logits = MODELS[attention].apply(variables, inputs, lengths)
        return jnp.sum(jnp.sin(logits)), logits

    gradient = jax.grad(loss, has_aux=True)
    (clean, logits), (dirty, padded) = (gradient(variables_of(attention), x) for x in (inputs, poisoned))
    np.testing.assert_allclose(padded[:, :6], logits, atol=1e-6)
    past = np.arange(8) >= TARGET[:, None]
    np.testing.assert_array_equal(np.asarray(padded)[past], 0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), clean, dirty)


@every_model
def test_step_by_step_equals_teacher_forcing(attention):
    model, variables, (inputs, lengths) = MODELS[attention], variables_of(attention), pairs()
    whole = logits_of(attention)
    carry = apply(model, variables, inputs["source"], lengths["source"], method="encode")
    assert {leaf.shape[0] for leaf in jax.tree.leaves(carry)} == {4}
    for t in range(6):
        logits, carry = apply(model, variables, carry, inputs["target"][:, t], method="step")
        real = lengths["target"] > t
        np.testing.assert_allclose(logits[real], whole[real, t], atol=1e-5)


@every_model
def test_the_decoder_sees_all_of_the_source_and_nothing_ahead(attention):
    inputs, _ = pairs()
    before = logits_of(attention)
    later = {**inputs, "target": inputs["target"].copy()}
    later["target"][:, 2] = (later["target"][:, 2] + 1) % V
    after = logits_of(attention, later)
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert (after[:3, 2] != before[:3, 2]).any(-1).all()
    for place in range(5):
        other = {**inputs, "source": inputs["source"].copy()}
        other["source"][0, place] = (other["source"][0, place] + 1) % V
        assert (logits_of(attention, other)[0, :4] != before[0, :4]).any(-1).all()


def test_dropout_acts_in_training_alone():
    model = SequenceToSequence(V, features=5, dropout=0.5)
    variables = jax.jit(model.init)(jax.random.key(0), *pairs())
    run = functools.partial(apply, model, variables, *pairs())
    noisy = [run(train=True, rngs={"dropout": jax.random.key(seed)}) for seed in (1, 2)]
    assert not np.array_equal(*noisy)
    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize(
    ("options", "inputs", "said"),
    [
        ({"attention": "all"}, None, "attention is 'all'; allowed: none, additive, dot"),
        ({"maxout_features": 0}, None, "maxout_features is 0; allowed: 1 or more"),
        ({}, np.zeros((1, 3), np.int32), "inputs are not the streams source and target"),
    ],
)
def test_what_does_not_fit_is_refused(options, inputs, said):
    with pytest.raises(ValueError, match=said):
        SequenceToSequence(V, **options).init(jax.random.key(0), pairs()[0] if inputs is None else inputs)


def test_a_data_set_of_pairs_and_a_model_of_one_input_are_refused_together():
    config = experiment.default_config()
    config.name = "pairs"
    config.dataset_name, config.dataset = "sort", {"num_train": 64, "num_test": 8}
    config.model_name, config.model = "recurrent_tagger", {"features": (3,)}
    config.objectives = {"next": {"name": "language_modelling"}}
    config.training.batch_size = config.training.evaluation_batch_size = 8
    with pytest.raises(ValueError, match="model recurrent_tagger and data set sort do not fit together"):
        compose(config)
