"""scikit-learn's digits: 1,797 images of 8x8 pixels, embedded in the library (UCI optdigits test set, CC BY 4.0)."""

import numpy as np

from sequence_lab.data.splits import Dataset, Examples

VIEWS = ("image", "rows", "pixels")
VALIDATION, TEST = 180, 360


def digits(view: str = "image") -> Dataset:
    """Digits as images ``[8, 8, 1]``, as sequences of 8 rows ``[8, 8]`` or of 64 pixels ``[64, 1]``; values 0..1.

    1,257 / 180 / 360 examples, drawn once, class by class in proportion; labels 0..9.

    Raises:
      ValueError: an unknown view.
    """
    if view not in VIEWS:
        raise ValueError(f"dataset.view is {view!r}; allowed: {', '.join(VIEWS)}")
    from sklearn import datasets, model_selection  # a second to import, for those who use it

    images, labels = datasets.load_digits(return_X_y=True)
    shape = {"image": (8, 8, 1), "rows": (8, 8), "pixels": (64, 1)}[view]
    inputs = (images / 16).astype(np.float32).reshape(-1, *shape)
    labels = labels.astype(np.int32)

    def split(rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        return model_selection.train_test_split(rows, test_size=size, random_state=0, stratify=labels[rows])

    rest, test = split(np.arange(len(labels)), TEST)
    train, validation = split(rest, VALIDATION)
    rows = {"train": train, "validation": validation, "test": test}
    splits = {name: Examples({"inputs": inputs[r], "labels": labels[r]}) for name, r in rows.items()}
    return Dataset(splits, facts={"num_outputs": 10})
