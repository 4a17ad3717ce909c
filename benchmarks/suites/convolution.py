"""Convolutions one by one: forward, gradient of the inputs, gradient of the kernel."""

from collections.abc import Iterator

from benchmarks.cases import Asked, Case
from benchmarks.tasks import Convolution, label

IMAGE = ((1, 1), (1, 1))
SHAPES = {
    "ResNet-20": (
        Convolution(128, (32, 32), 3, 16, (3, 3), padding=IMAGE),
        Convolution(128, (32, 32), 16, 16, (3, 3), padding=IMAGE),
        Convolution(128, (32, 32), 16, 32, (3, 3), 2, padding=IMAGE),
        Convolution(128, (16, 16), 32, 32, (3, 3), padding=IMAGE),
        Convolution(128, (16, 16), 32, 64, (3, 3), 2, padding=IMAGE),
        Convolution(128, (8, 8), 64, 64, (3, 3), padding=IMAGE),
    ),
    "digits": (Convolution(100, (14, 14), 32, 64, (5, 5), padding=((2, 2), (2, 2))),),
    "sentences": tuple(Convolution(50, (56,), 300, 100, (width,)) for width in (3, 4, 5)),
    "sensors": (
        Convolution(32, (128,), 9, 64, (3,), padding=((1, 1),)),
        Convolution(32, (128,), 64, 64, (5,), padding=((2, 2),)),
    ),
    "DNA": (Convolution(32, (200,), 4, 128, (15,), padding=((7, 7),)),),
    "audio": (
        Convolution(16, (16000,), 1, 64, (80,), 4),
        Convolution(32, (64, 101), 32, 64, (3, 3), padding=IMAGE),
    ),
    "depthwise": (
        Convolution(32, (512,), 64, 64, (31,), groups=64, padding=((15, 15),)),
        Convolution(32, (32, 32), 64, 64, (3, 3), groups=64, padding=IMAGE),
    ),
}
QUICK = {
    "images": (Convolution(2, (6, 8), 3, 4, (3, 3), 2, padding=IMAGE),),
    "depthwise": (Convolution(2, (9,), 4, 4, (3,), groups=4, padding=((1, 1),)),),
}


def cases(asked: Asked) -> Iterator[Case]:
    for group, shapes in (QUICK if asked.quick else SHAPES).items():
        for shape in shapes:
            task = shape._replace(dtype=asked.dtype)
            yield Case(f"{group} {label(task)}", task, asked.contestants("flax", "torch"))
