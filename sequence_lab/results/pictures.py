"""What the first convolution of a network over images has learnt, beside fixed filters: what they see and answer to."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.analysis import filters, image_plots, patches
from sequence_lab.composition import Experiment
from sequence_lab.nn import Conv2D
from sequence_lab.ops import convolution, pooling, windows

IMAGES, UNITS, PEAKS = 2000, 8, 8  # that patches are looked for in; units that have theirs drawn, and how many each


class First(NamedTuple):
    """The layer of a network that is called first among its convolutions.

    Attributes:
      kernel: ``[H, W, C, D]``.
      fields: what a unit of its maps sees, along height and width.
      maps: from images ``[N, H, W, C]`` to its outputs after ReLU ``[N, h, w, D]``.
    """

    kernel: np.ndarray
    fields: tuple[windows.ReceptiveField, ...]
    maps: Any


def first_convolution(experiment: Experiment, variables: Any) -> First | None:
    """Of a model whose inputs are images, one stream of them; None for any other."""
    batch = next(iter(experiment.evaluation_batches("validation")))
    if getattr(batch["inputs"], "ndim", 0) != 4:
        return None
    called: list[Conv2D] = []

    def is_first(module: Any, method: str) -> bool:
        if isinstance(module, Conv2D) and method == "__call__":
            called.append(module)
        return bool(called) and module.path == called[0].path and method == "__call__"

    def kept(images: Any) -> Any:
        _, state = experiment.model.apply(variables, images, capture_intermediates=is_first, mutable=["intermediates"])
        return state.get("intermediates", {})

    def maps(images: Any) -> Any:
        ((y, _),) = jax.tree.leaves(kept(images), is_leaf=lambda x: isinstance(x, tuple) and len(x) == 2)
        return jax.nn.relu(y)

    jax.eval_shape(kept, batch["inputs"][:1])
    if not called:
        return None
    layer = called[0]
    kernel: Any = variables["params"]
    for name in layer.path:
        kernel = kernel[name]
    sizes = windows.per_axis("kernel_size", layer.kernel_size, 2)
    named = (*windows.ZEROS, *windows.BOUNDARIES)
    over = windows.windows(sizes, layer.strides, layer.padding, layer.kernel_dilation, named=named)
    fields = tuple(windows.receptive_field([window]) for window in over)
    return First(np.asarray(kernel["kernel"]), fields, jax.jit(maps))


def draw(experiment: Experiment, variables: Any, folder: Path) -> list[Path]:
    """Draws it all from images of the test split, or of validation where there is none; [] for other networks.

    filters.png, feature_maps.png and winners.png of one image, the last of max-pooling over 2x2 places of the unit
    that answers most; edges.png: what fixed edge filters answer to it; patches.png: a row of the strongest patches for
    each of the first units.
    """
    first = first_convolution(experiment, variables)
    if first is None:
        return []
    name, title = ("test" if "test" in experiment.dataset.splits else "validation"), experiment.config["name"]
    images = _images(experiment, name)
    maps = np.asarray(first.maps(images[:1]))[0]
    paths = [folder / f"{kind}.png" for kind in ("filters", "feature_maps", "patches", "winners", "edges")]
    image_plots.filter_grid(first.kernel, paths[0], f"{title}, filters of the first layer")
    image_plots.feature_maps(maps, paths[1], f"{title}, their maps of one image", images[0])
    units = range(min(UNITS, maps.shape[-1]))
    found = list(itertools.chain(*patches.peaks(first.maps, images, units, min(PEAKS, len(images)))))
    seen = [patches.patch(images[own.image], own.place, first.fields) for own in found]
    scores = [own.score for own in found]
    image_plots.patch_grid(seen, scores, paths[2], f"{title}, what unit 0, 1, ... answers to most, a row each")
    strongest = int(maps.sum(axis=(0, 1)).argmax())
    values, _, indices = pooling.max_pool_with_indices(maps[None, :, :, strongest, None], kernel_size=(2, 2))
    won, at = (np.asarray(array)[0, ..., 0] for array in (values, indices))
    grey, about = images[0].mean(axis=-1, keepdims=True), f"{title}, winners of unit {strongest}"
    image_plots.max_pool_winners(grey, won, at, maps.shape[:2], paths[3], about)
    _draw_edges(images[0], paths[4], f"{title}, fixed edge filters on the same image")
    return paths


def _draw_edges(image_HWC: np.ndarray, path: Path, title: str) -> None:
    names, kernel = filters.edge_kernels(image_HWC.shape[-1])
    # Beyond its border the image goes on as in a mirror: zeros would be edges all around it.
    answers, _ = convolution.convolve(jnp.asarray(image_HWC[None]), jnp.asarray(kernel), padding="REFLECT")
    image_plots.responses(kernel, np.asarray(answers)[0], names, path, title, image_HWC)


def _images(experiment: Experiment, split: str) -> np.ndarray:
    found: list[np.ndarray] = []
    for batch in experiment.whole().evaluation_batches(split):
        found.append(batch["inputs"][np.asarray(batch["mask"]).reshape(len(batch["inputs"]), -1).any(axis=1)])
        if sum(map(len, found)) >= IMAGES:
            break
    return np.concatenate(found)[:IMAGES]
