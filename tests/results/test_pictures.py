"""What is drawn of a network over images is what its first convolution does."""

import flax.linen
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab import nn
from sequence_lab.analysis import filters, image_plots
from sequence_lab.composition import compose
from sequence_lab.data import Dataset, Examples
from sequence_lab.experiment import default_config
from sequence_lab.ops import convolution
from sequence_lab.results import pictures

RANDOM = np.random.default_rng(0)


def images(side=None):
    shape = (side, side, 2) if side else (9, 8, 2)
    splits = {
        name: Examples({"inputs": RANDOM.normal(size=(n, *shape)).astype(np.float32), "labels": np.arange(n) % 3})
        for name, n in (("train", 8), ("validation", 5), ("test", 11))
    }
    return Dataset(splits, {"num_outputs": 3})


def composed(model, side=None, **fields):
    config = default_config()
    config.name, config.dataset_name, config.model_name = "drawn", "images", model
    config.dataset = ConfigDict({"side": side})
    config.model = ConfigDict(fields)
    config.objectives = ConfigDict({"class": {"name": "classification"}})
    config.training.update({"batch_size": 4, "evaluation_batch_size": 4})
    experiment = compose(
        config, models={"flat": Flat, "bare": Bare}, datasets={"images": images}, devices=jax.devices()[:1]
    )
    return experiment, experiment.initial_state().variables


def drawn_variables(variables):
    """Random numbers for all of them: scales of either sign, and statistics that are not those of step 0."""
    draw = np.random.default_rng(1)
    params = jax.tree.map(lambda a: draw.normal(size=a.shape).astype(np.float32), variables["params"])
    rest = {name: found for name, found in variables.items() if name != "params"}
    return {"params": params, **jax.tree.map(lambda a: draw.uniform(0.5, 1.5, a.shape).astype(np.float32), rest)}


@pytest.mark.parametrize(("padding", "start"), [("SAME", -1), ("VALID", 0)])
def test_the_maps_are_those_of_the_first_convolution_alone(padding, start):
    experiment, variables = composed("conv_net_2d", features=(4,), padding=padding, convolutions=1)
    variables = drawn_variables(variables)
    first = pictures.first_convolution(experiment, variables)
    own = variables["params"]["Conv2D_0"]
    np.testing.assert_array_equal(first.kernel, own["kernel"])
    x = RANDOM.normal(size=(3, 9, 8, 2)).astype(np.float32)
    expected, _ = convolution.convolve(x, own["kernel"], padding=padding)
    np.testing.assert_allclose(first.maps(x), np.maximum(expected + own["bias"], 0), atol=1e-5)
    assert [(field.size, field.start) for field in first.fields] == [(3, start)] * 2


def squashed(x):
    return 1.7159 * np.tanh(2 / 3 * x)


@pytest.mark.parametrize(
    ("model", "fields", "names", "activation", "pools"),
    [
        ("conv_net_2d", {"features": (4,), "batch_norm": True}, ("Conv2D_0", "BatchNorm_0"), "relu", "first"),
        ("conv_net_2d", {"features": (4,), "batch_norm": True, "convolutions": 2}, ("Conv2D_0", "BatchNorm_0"), "relu",
         "later"),
        ("vgg", {"batch_norm": True, "width": 0.1, "hidden_features": ()}, ("conv_0_0", "norm_0_0"), "relu", "first"),
        ("resnet", {"depth": 8}, ("conv", "norm"), "relu", None),
        ("resnet", {"depth": 8, "pre_activation": True}, ("conv", "norm"), "relu", None),
        ("imagenet_resnet", {"width": 0.1}, ("conv", "norm"), "relu", None),
        ("lenet", {}, ("c1", None), "relu", "first"),
        ("lenet", {"original": True}, ("c1", None), "squashed", None),
    ],
)  # fmt: skip
def test_the_maps_are_what_the_network_goes_on_with(model, fields, names, activation, pools):
    """After the normalisation, by its statistics, and the activation: also where a scale is negative."""
    experiment, variables = composed(model, 28, **fields)
    variables = drawn_variables(variables)
    first = pictures.first_convolution(experiment, variables)
    x = RANDOM.normal(size=(3, 28, 28, 2)).astype(np.float32)
    params = variables["params"]
    own, size, strides = params[names[0]], first.kernel.shape[0], 2 if model == "imagenet_resnet" else 1
    y = np.asarray(convolution.convolve(x, own["kernel"], padding=(size - 1) // 2, strides=strides)[0])
    y = y + own.get("bias", 0)
    if names[1]:
        norm, statistics = params[names[1]], variables["batch_stats"][names[1]]
        assert min(norm["scale"]) < 0
        y = (y - statistics["mean"]) / np.sqrt(statistics["var"] + 1e-5) * norm["scale"] + norm["bias"]
    expected = np.maximum(y, 0) if activation == "relu" else squashed(y)
    np.testing.assert_allclose(first.maps(x), expected, atol=1e-4)
    assert (first.pooled is None) == (pools is None)
    if pools:
        same = np.allclose(first.pooled(x), expected, atol=1e-4)
        assert same == (pools == "first")


def test_of_a_network_that_keeps_no_maps_they_are_the_bare_ones():
    experiment, variables = composed("bare")
    first = pictures.first_convolution(experiment, variables)
    x = RANDOM.normal(size=(3, 9, 8, 2)).astype(np.float32)
    expected, _ = convolution.convolve(x, variables["params"]["inner"]["conv"]["kernel"], padding="SAME")
    np.testing.assert_allclose(first.maps(x), expected, atol=1e-5)
    assert np.asarray(expected).min() < 0
    assert first.pooled is None


def recorded(monkeypatch, *names):
    """The arguments of the next calls of those plots."""
    found = {}
    for name in names:
        monkeypatch.setattr(image_plots, name, lambda *args, name=name, **_: found.__setitem__(name, args))
    return found


def test_of_images_five_pictures_are_drawn(tmp_path):
    experiment, variables = composed("conv_net_2d", features=(4,))
    paths = pictures.draw(experiment, variables, tmp_path)
    assert [path.stem for path in paths] == ["filters", "feature_maps", "patches", "edges", "winners"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_winners_are_drawn_of_networks_that_pool_by_two_alone(tmp_path):
    experiment, variables = composed("resnet", depth=8, width=4)
    paths = pictures.draw(experiment, variables, tmp_path)
    assert [path.stem for path in paths] == ["filters", "feature_maps", "patches", "edges"]


def test_pictures_are_given_what_they_are_titled(tmp_path, monkeypatch):
    """Filters, the maps of the first test image, the strongest patches of each unit in turn, and the winners of 2x2."""
    experiment, variables = composed("conv_net_2d", features=(3,), batch_norm=True)
    variables = drawn_variables(variables)
    plots = recorded(monkeypatch, "filter_grid", "feature_maps", "patch_grid", "max_pool_winners")
    pictures.draw(experiment, variables, tmp_path)
    images = experiment.dataset.splits["test"].arrays["inputs"]
    maps = np.asarray(pictures.first_convolution(experiment, variables).maps(images))
    np.testing.assert_array_equal(plots["filter_grid"][0], variables["params"]["Conv2D_0"]["kernel"])
    np.testing.assert_allclose(plots["feature_maps"][0], maps[0], atol=1e-5)
    peaks = maps.reshape(len(images), -1, 3).max(axis=1)
    patches, scores = plots["patch_grid"][:2]
    np.testing.assert_allclose(scores, -np.sort(-peaks, axis=0)[:8].T.ravel(), rtol=1e-5)
    for unit in range(3):
        image = images[peaks[:, unit].argmax()]
        row, column = np.unravel_index(maps[peaks[:, unit].argmax(), ..., unit].argmax(), maps.shape[1:3])
        seen = np.pad(image, [(1, 1), (1, 1), (0, 0)])[row : row + 3, column : column + 3]
        np.testing.assert_array_equal(patches[8 * unit], seen)
    grey, values, places, sizes = plots["max_pool_winners"][:4]
    strongest = maps[0].sum(axis=(0, 1)).argmax()
    own = maps[0, :8, :, strongest]
    np.testing.assert_allclose(grey[..., 0], images[0].mean(axis=-1))
    np.testing.assert_allclose(values, own.reshape(4, 2, 4, 2).max(axis=(1, 3)), rtol=1e-5)
    np.testing.assert_allclose(own.ravel()[places], values, rtol=1e-5)
    assert tuple(sizes) == (9, 8)


def test_edge_filters_answer_to_the_image_whose_maps_are_drawn_and_not_to_its_border(tmp_path, monkeypatch):
    experiment, variables = composed("conv_net_2d", features=(4,))
    drawn = []
    monkeypatch.setattr(image_plots, "responses", lambda *args: drawn.append(args))
    monkeypatch.setattr(image_plots, "feature_maps", lambda *args: drawn.append(args))
    pictures.draw(experiment, variables, tmp_path)
    (*_, image), (kernel, maps, names, _, _, same) = drawn
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(image, experiment.dataset.splits["test"].arrays["inputs"][0])
    assert names == ["sobel x", "sobel y", "prewitt x", "prewitt y", "laplacian"]
    grey = np.pad(image.mean(axis=-1), 1, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(grey, (3, 3))
    own = np.concatenate([filters.edge_kernel(name)[:, :, 0] for name in filters.EDGES], axis=-1)
    np.testing.assert_allclose(maps, np.einsum("hwij,ijd->hwd", windows, own), atol=1e-5)
    np.testing.assert_allclose(kernel.sum(axis=2), own, atol=1e-6)


class Flat(flax.linen.Module):
    """A network over images without a convolution of ours."""

    num_outputs: int

    @flax.linen.compact
    def __call__(self, inputs_BHWC, lengths_B=None, *, train=False):
        return flax.linen.Dense(self.num_outputs)(inputs_BHWC.reshape(len(inputs_BHWC), -1))


class Inner(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x_BHWC):
        return nn.Conv2D(4, 3, name="conv")(x_BHWC)[0].mean(axis=(1, 2))


class Bare(flax.linen.Module):
    """Someone's own network, which keeps nothing."""

    num_outputs: int

    @flax.linen.compact
    def __call__(self, inputs_BHWC, lengths_B=None, *, train=False):
        return flax.linen.Dense(self.num_outputs)(flax.linen.tanh(Inner(name="inner")(inputs_BHWC)))


def test_of_networks_without_a_convolution_nothing_is_drawn(tmp_path):
    experiment, variables = composed("flat")
    assert pictures.draw(experiment, variables, tmp_path) == []
    assert not list(tmp_path.iterdir())
