"""Generated fields of simple two-dimensional flows: images whose three channels are no colours."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special

from sequence_lab.data.splits import Dataset, Examples

Field = tuple[np.ndarray, np.ndarray, np.ndarray]  # pressure, and velocity along x and y, wherever x and y are


def flow_fields(
    size: int = 24, noise: float = 0.3, num_train: int = 4_000, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Which kind of flow is it? Images ``[size, size, 3]`` of pressure and of velocity to the right and upwards.

    Six steady flows of a fluid of density 1 without friction, on a square from -1 to 1, each with its own strength,
    place and direction: "uniform", "shear", "stagnation" (against a wall), "source" (or sink), "vortex" (Lamb and
    Oseen) and "taylor_green" (a lattice of vortices). They are exact: (v . grad) v = -grad p. Pressure is known up to
    a constant, which is drawn, too. Validation and test have ``num_test`` examples each.

    Args:
      size: of a side, in pixels; rows go upwards.
      noise: deviation of what is added to each number; those of a field are of order 1.

    Raises:
      ValueError: a size below 4, a negative noise, fewer examples than one.
    """
    if size < 4 or not noise >= 0:
        raise ValueError(f"dataset.size is {size}, dataset.noise is {noise}; allowed: 4 or more, 0 or more")
    if min(num_train, num_test) < 1:
        raise ValueError(f"num_train is {num_train}, num_test is {num_test}; allowed: at least 1 each")
    place = (np.arange(size) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(place, place, indexing="ij")

    def examples(split: int, count: int) -> Examples:
        random = np.random.default_rng([seed, split])
        labels = random.integers(len(FLOWS), size=count).astype(np.int32)
        inputs = np.empty((count, size, size, 3), np.float32)
        for row, label in enumerate(labels):
            inputs[row] = np.stack(field(FLOWS[KINDS[label]], random)(x, y), axis=-1)
        inputs += noise * random.normal(size=inputs.shape).astype(np.float32)
        return Examples({"inputs": inputs, "labels": labels})

    sizes = {"train": num_train, "validation": num_test, "test": num_test}
    splits = {name: examples(split, count) for split, (name, count) in enumerate(sizes.items())}
    return Dataset(splits, {"num_outputs": len(KINDS)}, classes=KINDS)


def field(flow: Callable[..., Field], random: np.random.Generator) -> Callable[[np.ndarray, np.ndarray], Field]:
    """A flow of that kind at a drawn place, in a drawn direction, with a drawn strength: a function of x and y."""
    angle = random.uniform(0, 2 * np.pi)
    x0, y0, scale = *random.uniform(-0.5, 0.5, 2), random.uniform(0.2, 0.4)
    strength = random.uniform(0.7, 1.4) * random.choice([-1, 1])
    constant = random.normal() / 2
    cosine, sine = np.cos(angle), np.sin(angle)

    def at(x: np.ndarray, y: np.ndarray) -> Field:
        along, across = cosine * (x - x0) + sine * (y - y0), cosine * (y - y0) - sine * (x - x0)
        pressure, u, v = flow(along, across, scale)
        u, v = strength * u, strength * v
        return strength**2 * pressure + constant, cosine * u - sine * v, sine * u + cosine * v

    return at


def _uniform(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    return 0 * x, 1 + 0 * x, 0 * x


def _shear(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    return 0 * x, y, 0 * x


def _stagnation(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    return -(x**2 + y**2) / 2, x, -y


def _source(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    """What flows out is spread over a core of radius ``scale``; Bernoulli: p = -v^2 / 2."""
    u, v = (2 * scale * a / (x**2 + y**2 + scale**2) for a in (x, y))
    return -(u**2 + v**2) / 2, u, v


def _vortex(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    """Lamb and Oseen: a speed of c (1 - exp(-s)) / r around the centre, s = r^2 / c^2; grad p = speed^2 / r.

    p = -((1 - exp(-s))^2 / s + 2 E1(s) - 2 E1(2 s)) / 2, with the exponential integral E1: 0 far away.
    """
    s = np.maximum((x**2 + y**2) / scale**2, 1e-9)
    turning = -np.expm1(-s) / s / scale
    pressure = -(special.expm1(-s) ** 2 / s + 2 * special.exp1(s) - 2 * special.exp1(2 * s)) / 2
    return pressure, -turning * y, turning * x


def _taylor_green(x: np.ndarray, y: np.ndarray, scale: float) -> Field:
    """Vortices that turn either way, as the squares of a chessboard; Taylor and Green 1937, without decay."""
    k = 1.2 / scale
    u, v = np.cos(k * x) * np.sin(k * y), -np.sin(k * x) * np.cos(k * y)
    return -(np.cos(2 * k * x) + np.cos(2 * k * y)) / 4, u, v


FLOWS: Mapping[str, Callable[[np.ndarray, np.ndarray, float], Field]] = {
    "shear": _shear,
    "source": _source,
    "stagnation": _stagnation,
    "taylor_green": _taylor_green,
    "uniform": _uniform,
    "vortex": _vortex,
}
KINDS = tuple(FLOWS)
