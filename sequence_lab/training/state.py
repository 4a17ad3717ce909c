"""Everything that training changes and a checkpoint keeps, as one pytree."""

from collections.abc import Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

Array = jax.Array


class TrainState(flax.struct.PyTreeNode):
    """The same on every device.

    Attributes:
      step: updates tried so far, int32.
      params, opt_state: the model's and the optimizer's.
      statistics: the model's other collections of variables, which its forward pass in training changes, such as
        "batch_stats"; {} for most.
      learning_rate_scale: factor on every update, lowered by the loop on a plateau.
      average: the mean of the parameters since ``optimizer.average_from``; None without one.
      clipped: updates whose gradient was clipped, int32.
      key_data: raw key of the run; each step folds in its number, then its device.
    """

    step: Array
    params: Any
    opt_state: Any
    statistics: Any
    average: Any
    learning_rate_scale: Array
    clipped: Array
    key_data: Array

    @property
    def variables(self) -> dict[str, Any]:
        """All that the model's ``apply`` takes, as training goes on."""
        return {"params": self.params, **self.statistics}

    @property
    def judged(self) -> dict[str, Any]:
        """The same, as the model is evaluated."""
        return self.variables if self.average is None else {**self.variables, "params": self.average}


def initial_state(
    variables: Mapping[str, Any], tx: optax.GradientTransformation, key: Array, *, averaged: bool = False
) -> TrainState:
    """Step 0, with the variables of the model's ``init``."""
    params = variables["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=tx.init(params),
        statistics={name: collection for name, collection in variables.items() if name != "params"},
        average=params if averaged else None,
        learning_rate_scale=jnp.ones((), jnp.float32),
        clipped=jnp.zeros((), jnp.int32),
        key_data=jax.random.key_data(key),
    )
