"""What a person sees while a run trains: a bar on a terminal, plain lines anywhere else."""

import sys
from collections.abc import Mapping
from typing import Any

import jax
from tqdm import tqdm

from sequence_lab.training import processes

SHOWN = ("loss", "bits_per_symbol", "accuracy", "grad_norm", "clipped")


class Progress:
    """Progress towards ``num_steps``, from ``step`` on; of several processes the first alone shows it."""

    def __init__(self, num_steps: int, step: int) -> None:
        self._num_steps = num_steps
        silent = not (sys.stderr.isatty() and processes.is_first())
        self._bar = tqdm(total=num_steps, initial=step, unit="step", disable=silent, dynamic_ncols=True)

    def advance(self) -> None:
        self._bar.update()

    def show(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """The chief figures of one record."""
        figures = "  ".join(f"{name} {values[name]:.4g}" for name in SHOWN if name in values)
        if self._bar.disable:
            rate = ""
            if split == "train":
                rate = f"  {values['steps_per_second']:.3g} steps/s  input {values['input_share']:.1%}"
            self.say(f"step {step}/{self._num_steps}  {split:<10}  {figures}{rate}")
        elif split == "train":
            self._bar.set_postfix_str(figures)
        else:
            self.say(f"step {step}  {split}  {figures}")

    def say(self, line: str) -> None:
        if processes.is_first():
            tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()


def parameter_table(params: Any) -> str:
    """Name, shape and size of every array of parameters, and their sum."""
    leaves = jax.tree.leaves_with_path(params)
    rows = [(jax.tree_util.keystr(path, simple=True, separator="/"), x.shape, x.size) for path, x in leaves]
    rows += [("total", "", sum(size for _, _, size in rows))]
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"  {name:<{width}}  {shape!s:>14}  {size:>12,}" for name, shape, size in rows)
