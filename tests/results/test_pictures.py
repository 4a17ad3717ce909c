"""What is drawn of a network over images is what its first convolution does."""

import flax.linen
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sequence_lab.analysis import filters, image_plots
from sequence_lab.composition import compose
from sequence_lab.data import Dataset, Examples
from sequence_lab.experiment import default_config
from sequence_lab.ops import convolution
from sequence_lab.results import pictures

RANDOM = np.random.default_rng(0)


def images():
    splits = {
        name: Examples({"inputs": RANDOM.normal(size=(n, 9, 8, 2)).astype(np.float32), "labels": np.arange(n) % 3})
        for name, n in (("train", 8), ("validation", 5), ("test", 11))
    }
    return Dataset(splits, {"num_outputs": 3})


def composed(model, **fields):
    config = default_config()
    config.name, config.dataset_name, config.model_name = "drawn", "images", model
    config.model = ConfigDict(fields)
    config.objectives = ConfigDict({"class": {"name": "classification"}})
    config.training.update({"batch_size": 4, "evaluation_batch_size": 4})
    experiment = compose(config, models={"flat": Flat}, datasets={"images": images}, devices=jax.devices()[:1])
    return experiment, experiment.initial_state().variables


@pytest.mark.parametrize(("padding", "start"), [("SAME", -1), ("VALID", 0)])
def test_the_maps_are_those_of_the_first_convolution_alone(padding, start):
    experiment, variables = composed("conv_net_2d", features=(4,), padding=padding, convolutions=1)
    first = pictures.first_convolution(experiment, variables)
    own = variables["params"]["Conv2D_0"]
    np.testing.assert_array_equal(first.kernel, own["kernel"])
    x = RANDOM.normal(size=(3, 9, 8, 2)).astype(np.float32)
    expected, _ = convolution.convolve(x, own["kernel"], padding=padding)
    np.testing.assert_allclose(first.maps(x), np.maximum(expected + own["bias"], 0), atol=1e-5)
    assert [(field.size, field.start) for field in first.fields] == [(3, start)] * 2


def test_of_images_five_pictures_are_drawn(tmp_path):
    experiment, variables = composed("resnet", depth=8, width=4)
    paths = pictures.draw(experiment, variables, tmp_path)
    assert [path.name for path in paths] == [
        "filters.png",
        "feature_maps.png",
        "patches.png",
        "winners.png",
        "edges.png",
    ]
    assert all(path.stat().st_size > 1000 for path in paths)


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


def test_of_networks_without_a_convolution_nothing_is_drawn(tmp_path):
    experiment, variables = composed("flat")
    assert pictures.draw(experiment, variables, tmp_path) == []
    assert not list(tmp_path.iterdir())
