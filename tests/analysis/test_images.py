"""Edges are slopes; a patch is all that a unit sees; plots show what they were given."""

import functools

import jax
import numpy as np
import pytest

from sequence_lab.analysis import figures, image_plots, patches
from sequence_lab.analysis.filters import EDGES, edge_kernel
from sequence_lab.ops import convolution, pooling, windows

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("name", EDGES)
def test_an_edge_filter_measures_the_slope(name):
    """Of brightness 2 x + 3 y, and of its square for the Laplacian; scipy has the same filters unscaled."""
    ndimage = pytest.importorskip("scipy.ndimage")
    y, x = np.meshgrid(np.arange(6.0), np.arange(7.0), indexing="ij")
    slopes = {"laplacian": [0.0]}.get(name, [2.0, 3.0])
    image = np.stack([2 * x + 3 * y + 1] * 3, axis=-1).astype(np.float32)
    found, _ = convolution.convolve(image[None], edge_kernel(name, 3))
    np.testing.assert_allclose(found[0], np.broadcast_to(slopes, found.shape[1:]), atol=1e-4)
    image = RANDOM.normal(size=(6, 7)).astype(np.float32)
    found = np.asarray(convolution.convolve(image[None, :, :, None], edge_kernel(name))[0])
    if name == "laplacian":
        expected = [ndimage.laplace(image)]
    else:
        function, scale = {"sobel": (ndimage.sobel, 8), "prewitt": (ndimage.prewitt, 6)}[name]
        expected = [function(image, axis) / scale for axis in (1, 0)]
    np.testing.assert_allclose(found[0], np.stack(expected, axis=-1)[1:-1, 1:-1], atol=1e-5)


def test_edge_filters_are_refused_that_are_not_there():
    with pytest.raises(ValueError, match="an edge filter is 'sobol'; allowed: sobel, prewitt, laplacian"):
        edge_kernel("sobol")
    with pytest.raises(ValueError, match="channels is 0; allowed: 1 or more"):
        edge_kernel("sobel", 0)


KERNELS = [RANDOM.normal(size=shape).astype(np.float32) for shape in ((3, 2, 2, 4), (2, 3, 4, 5))]
STACKS = [  # the windows of ``features`` along height and width
    [windows.Window(3), windows.Window(2, 2), windows.Window(2, 1, 2)],
    [windows.Window(2), windows.Window(2, 2), windows.Window(3, 1, 2)],
]
FIELDS = [windows.receptive_field(stack) for stack in STACKS]


@jax.jit
def features(images):
    y, _ = convolution.convolve(images, KERNELS[0])
    y, _ = pooling.max_pool(jax.nn.relu(y), kernel_size=(2, 2))
    return convolution.convolve(y, KERNELS[1], dilation=2)[0]


def test_a_patch_is_all_that_its_unit_sees():
    """Alone it gives that one number again, and the images are in order of their peaks."""
    images = RANDOM.normal(size=(13, 15, 16, 2)).astype(np.float32)
    maps = np.asarray(features(images))
    other, found = patches.peaks(features, images, units=(1, 3), count=7, batch_size=5)
    assert other[0].score == pytest.approx(maps[..., 1].max(), rel=1e-5)
    order = np.argsort(-maps[..., 3].reshape(13, -1).max(axis=1))[:7]
    assert [peak.image for peak in found] == order.tolist()
    for peak in found:
        np.testing.assert_allclose(peak.score, maps[peak.image, ..., 3].max(), rtol=1e-5)
        seen = patches.patch(images[peak.image], peak.place, FIELDS)
        alone = features(seen[None])
        assert alone.shape == (1, 1, 1, 5)
        np.testing.assert_allclose(alone[0, 0, 0, 3], peak.score, rtol=1e-5)


@pytest.mark.parametrize("place", [(0, 0), (0, 4), (4, 2)])
def test_past_the_image_a_patch_is_zero(place):
    image = RANDOM.uniform(1, 2, (5, 5, 1))
    field = windows.receptive_field([windows.Window(3, padding=(1, 1)), windows.Window(3, padding=(1, 1))])
    found = patches.patch(image, place, [field, field])
    expected = np.pad(image, [(2, 2), (2, 2), (0, 0)])[place[0] : place[0] + 5, place[1] : place[1] + 5]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"units": (0, 5)}, "unit is 5; allowed: 0 to 4"), ({"units": (0,), "count": 4}, "count is 4; allowed: 1 to 3")],
)
def test_peaks_that_are_not_there_are_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        patches.peaks(features, np.zeros((3, 15, 16, 2), np.float32), **{"count": 3, "batch_size": 5, **fields})


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    found = []
    save = figures.save
    keep = lambda figure, path, title: (found.append(figure), save(figure, path, title))  # noqa: E731
    monkeypatch.setattr(figures, "save", keep)
    return found


def tiles(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def test_filters_are_drawn_in_signs_in_colours_or_channel_by_channel(drawn, tmp_path):
    for channels, colours in ((1, False), (3, True), (2, False)):
        kernel = RANDOM.normal(size=(3, 4, channels, 5))
        image_plots.filter_grid(kernel, tmp_path / "plots" / f"{channels}.png", "filters", colours=colours)
        assert (tmp_path / "plots" / f"{channels}.png").read_bytes().startswith(b"\x89PNG")
    signs, colours, channels = map(tiles, drawn)
    titles = [[axes.get_title() for axes in figure.axes if axes.images] for figure in drawn]
    assert titles[:2] == [["0", "1", "2", "3", "4"]] * 2
    assert titles[2] == ["0", "", "1", "", "2", "", "3", "", "4", ""]
    assert [tile.shape for tile in signs] == [(3, 4)] * 5
    assert [tile.shape for tile in colours] == [(3, 4, 3)] * 5
    assert all(tile.min() >= 0 and tile.max() <= 1 for tile in colours)
    assert len(channels) == 10
    np.testing.assert_allclose(channels[3], kernel[:, :, 1, 1] / np.abs(kernel[..., 1]).max(), rtol=1e-6)


def test_three_channels_are_colours_from_0_to_1_alone():
    images = RANDOM.uniform(size=(2, 3, 4, 3))
    assert image_plots.are_colours(images)
    assert not image_plots.are_colours(images - 0.5)
    assert not image_plots.are_colours(images * 2)
    assert not image_plots.are_colours(images[..., :2])


def test_feature_maps_stand_after_their_image_on_one_scale(drawn, tmp_path):
    maps = RANDOM.normal(size=(4, 5, 3))
    image_plots.feature_maps(maps, tmp_path / "maps.png", "maps", RANDOM.uniform(size=(8, 10, 1)))
    first, *others = tiles(drawn[0])
    assert first.shape == (8, 10)
    np.testing.assert_allclose(np.stack(others, axis=-1), maps, rtol=1e-6)
    assert len({axes.images[0].get_clim() for axes in drawn[0].axes if axes.images}) == 1


def test_responses_stand_over_their_filters_each_on_its_own_scale(drawn, tmp_path):
    kernel, maps = RANDOM.normal(size=(3, 3, 2, 2)), RANDOM.normal(size=(4, 5, 2)) * [1, 100]
    image_plots.responses(kernel, maps, ["a", "b"], tmp_path / "edges.png", "edges", RANDOM.uniform(size=(4, 5, 1)))
    (image, *answers), (empty, *below) = (tiles(drawn[0])[row : row + 3] for row in (0, 3))
    assert [axes.get_title() for axes in drawn[0].axes] == ["image", "a", "b", "", "", ""]
    assert image.shape == (4, 5, 3)
    assert (empty == image_plots.BACKGROUND).all()
    for shown, array in ((answers, maps), (below, kernel.sum(axis=2))):
        np.testing.assert_allclose(np.stack(shown, axis=-1), array / np.abs(array).max(axis=(0, 1)), rtol=1e-5)


def test_patches_keep_colours_and_set_other_channels_side_by_side(drawn, tmp_path):
    colours, fields = RANDOM.uniform(size=(3, 4, 3)), RANDOM.normal(size=(3, 4, 3))
    image_plots.patch_grid([colours, fields], [2.0, 1.0], tmp_path / "patches.png", "patches")
    assert [tile.shape for tile in tiles(drawn[0])] == [(3, 4, 3), (3, 12)]
    assert [axes.get_title() for axes in drawn[0].axes[:2]] == ["2", "1"]


pooled = functools.partial(pooling.max_pool_with_indices, kernel_size=(2, 2))


def test_winners_lie_on_the_pixels_that_won(drawn, tmp_path):
    image = RANDOM.uniform(size=(6, 8, 1)).astype(np.float32)
    values, _, indices = (np.asarray(a)[..., 0] if a is not None else a for a in pooled(image))
    image_plots.max_pool_winners(image, values, indices, (6, 8), tmp_path / "winners.png", "winners")
    axes = drawn[0].axes[0]
    assert len(axes.get_lines()) == 2 + 3
    points = axes.collections[0]
    x, y = np.asarray(points.get_offsets()).astype(int).T
    blocks = image[..., 0].reshape(3, 2, 4, 2).max(axis=(1, 3)).ravel()
    np.testing.assert_array_equal(image[y, x, 0], blocks)
    np.testing.assert_array_equal(np.argsort(points.get_sizes()), np.argsort(blocks))
