"""The parameters of PyTorch's recurrent layers and ours."""

import numpy as np

from benchmarks import tasks


def to_torch(cell: str, params: tasks.Arrays, layer: int = 0) -> dict[str, np.ndarray]:
    """Our parameters as those of a layer; where PyTorch adds two biases up, the second is 0."""
    second = np.zeros_like(params["bias"])
    if cell == "gru":
        second[-len(params["recurrent_bias"]) :] = params["recurrent_bias"]
    found = {"weight_ih": params["input"].T, "weight_hh": params["recurrent"].T}
    return {f"{name}_l{layer}": a for name, a in (found | {"bias_ih": params["bias"], "bias_hh": second}).items()}


def from_torch(cell: str, theirs: dict[str, np.ndarray], layer: int = 0) -> dict[str, np.ndarray]:
    """The way back, for gradients."""
    found = {
        "input": theirs[f"weight_ih_l{layer}"].T,
        "recurrent": theirs[f"weight_hh_l{layer}"].T,
        "bias": theirs[f"bias_ih_l{layer}"],
    }
    if cell == "gru":
        found["recurrent_bias"] = np.split(theirs[f"bias_hh_l{layer}"], 3)[2]
    return found
