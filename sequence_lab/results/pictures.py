"""What the first convolution of a network over images has learnt, beside fixed filters: what they see and answer to."""

import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.analysis import filters, image_plots, patches
from sequence_lab.composition import Experiment
from sequence_lab.models.convolutional import ACTIVATED, HALVED
from sequence_lab.nn import Conv2D
from sequence_lab.ops import convolution, pooling, windows

IMAGES, UNITS, PEAKS = 2000, 8, 8  # that patches are looked for in; units that have theirs drawn, and how many each


class First(NamedTuple):
    """The layer of a network that is called first among its convolutions.

    Attributes:
      kernel: ``[H, W, C, D]``.
      fields: what a unit of its maps sees, along height and width.
      maps: from images ``[N, H, W, C]`` to what the network makes of them there, ``[N, h, w, D]``: after normalisation
        and activation, or, of a network that keeps no ``models.convolutional.ACTIVATED``, the layer's bare outputs.
      pooled: from images to the first maps of which the maxima over 2x2 places go on, maybe a later layer's; None where
        the network has no such pooling.
    """

    kernel: np.ndarray
    fields: tuple[windows.ReceptiveField, ...]
    maps: Callable[[Any], Any]
    pooled: Callable[[Any], Any] | None


def first_convolution(experiment: Experiment, variables: Any) -> First | None:
    """Of a model whose inputs are images, one stream of them; None for any other."""
    batch = next(iter(experiment.evaluation_batches("validation")))
    if getattr(batch["inputs"], "ndim", 0) != 4:
        return None
    called: list[Conv2D] = []

    def is_first(module: Any, method: str) -> bool:
        if not called and isinstance(module, Conv2D) and method == "__call__":
            called.append(module)
        return bool(called) and module.path == called[0].path and method == "__call__"

    def kept(images: Any) -> Any:
        _, state = experiment.model.apply(variables, images, capture_intermediates=is_first, mutable=["intermediates"])
        return state.get("intermediates", {})

    def first_of(images: Any, name: str) -> Any:
        """Of what the module around the first convolution keeps under that name."""
        return _within(kept(images), called[0].path[:-1])[name][0]

    def bare(images: Any) -> Any:
        return _within(kept(images), called[0].path)["__call__"][0][0]

    found = jax.eval_shape(kept, batch["inputs"][:1])
    if not called:
        return None
    layer, around = called[0], _within(found, called[0].path[:-1])
    maps = functools.partial(first_of, name=ACTIVATED) if ACTIVATED in around else bare
    pooled = jax.jit(functools.partial(first_of, name=HALVED)) if HALVED in around else None
    kernel = _within(variables["params"], layer.path)["kernel"]
    sizes = windows.per_axis("kernel_size", layer.kernel_size, 2)
    named = (*windows.ZEROS, *windows.BOUNDARIES)
    over = windows.windows(sizes, layer.strides, layer.padding, layer.kernel_dilation, named=named)
    fields = tuple(windows.receptive_field([window]) for window in over)
    return First(np.asarray(kernel), fields, jax.jit(maps), pooled)


def draw(experiment: Experiment, variables: Any, folder: Path) -> list[Path]:
    """Draws it all from images of the test split, or of validation where there is none; [] for other networks.

    filters.png; feature_maps.png of one image; patches.png: a row of the strongest patches for each of the first units;
    edges.png: what fixed edge filters answer to the image; and, where the network has max-pooling over 2x2 places,
    winners.png: of the first one, those of the unit that answers most to the image.
    """
    first = first_convolution(experiment, variables)
    if first is None:
        return []
    name, title = ("test" if "test" in experiment.dataset.splits else "validation"), experiment.config["name"]
    images = _images(experiment, name)
    maps = np.asarray(first.maps(images[:1]))[0]
    paths = [folder / f"{kind}.png" for kind in ("filters", "feature_maps", "patches", "edges")]
    colours = image_plots.are_colours(images)
    image_plots.filter_grid(first.kernel, paths[0], f"{title}, filters of the first layer", colours=colours)
    image_plots.feature_maps(maps, paths[1], f"{title}, maps of the first layer on one image", images[0])
    units = range(min(UNITS, maps.shape[-1]))
    found = list(itertools.chain(*patches.peaks(first.maps, images, units, min(PEAKS, len(images)))))
    seen = [patches.patch(images[own.image], own.place, first.fields) for own in found]
    scores = [own.score for own in found]
    image_plots.patch_grid(seen, scores, paths[2], f"{title}, what unit 0, 1, ... answers to most, a row each")
    _draw_edges(images[0], paths[3], f"{title}, fixed edge filters on the same image")
    if first.pooled is not None:
        paths.append(folder / "winners.png")
        _draw_winners(images[0], np.asarray(first.pooled(images[:1]))[0], paths[-1], title)
    return paths


def _draw_winners(image_HWC: np.ndarray, maps_HWD: np.ndarray, path: Path, title: str) -> None:
    strongest = int(maps_HWD.sum(axis=(0, 1)).argmax())
    pooled = jnp.asarray(maps_HWD[None, :, :, strongest, None])
    values, _, indices = pooling.max_pool_with_indices(pooled, kernel_size=(2, 2))
    won, at = (np.asarray(array)[0, ..., 0] for array in (values, indices))
    grey, about = image_HWC.mean(axis=-1, keepdims=True), f"{title}, winners of unit {strongest} of the first pooling"
    image_plots.max_pool_winners(grey, won, at, maps_HWD.shape[:2], path, about)


def _draw_edges(image_HWC: np.ndarray, path: Path, title: str) -> None:
    names, kernel = filters.edge_kernels(image_HWC.shape[-1])
    # Beyond its border the image goes on as in a mirror: zeros would be edges all around it.
    answers, _ = convolution.convolve(jnp.asarray(image_HWC[None]), jnp.asarray(kernel), padding="REFLECT")
    image_plots.responses(kernel, np.asarray(answers)[0], names, path, title, image_HWC)


def _within(tree: Any, path: Sequence[str]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _images(experiment: Experiment, split: str) -> np.ndarray:
    found: list[np.ndarray] = []
    for batch in experiment.whole().evaluation_batches(split):
        found.append(batch["inputs"][np.asarray(batch["mask"]).reshape(len(batch["inputs"]), -1).any(axis=1)])
        if sum(map(len, found)) >= IMAGES:
            break
    return np.concatenate(found)[:IMAGES]
