"""The optimizer of ``config.optimizer``: clip by global norm, then the rule, then weight decay, then the rate."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Schema and defaults of ``config.optimizer``."""

    name: str = "adam"  # a row of RULES
    learning_rate: float = 1e-3  # peak rate
    schedule: str = "constant"  # a row of SCHEDULES
    warmup_steps: int = 0  # warmup_cosine: linear from 0 to the peak over so many steps
    final_factor: float = 0.0  # warmup_cosine: rate at the end, as a share of the peak
    decay_from: int = 0  # step_decay: steps before those that are counted for it
    decay_every: int = 1000  # step_decay: multiply the rate every so many steps ...
    decay_factor: float = 0.5  # step_decay, plateau: ... by this
    plateau_patience: int = 3  # plateau: evaluations without a better validation score before the rate decays
    clip_norm: float = 1.0  # global norm to clip the gradient to, before all else; 0: no clipping
    weight_decay: float = 0.0  # on weights of two or more axes; decoupled for adamw, else added to the gradient
    average_from: int = 0  # step from which on evaluations use the mean of the weights since (averaged SGD); 0: never
    frozen: tuple[str, ...] = ()  # layers of the model that are not trained, such as "embedding"
    max_norm: float = 0.0  # largest norm of the weights into an output of the layer "head"; 0: any
    momentum: float = 0.9  # momentum; also the decay of rmsprop's and adadelta's averages
    b1: float = 0.9  # adam, adamw
    b2: float = 0.999  # adam, adamw
    eps: float = 1e-8  # adam, adamw, rmsprop, adagrad, adadelta

    def __post_init__(self) -> None:
        _among("optimizer.name", self.name, RULES)
        _among("optimizer.schedule", self.schedule, SCHEDULES)
        for field in (
            "learning_rate", "clip_norm", "weight_decay", "warmup_steps", "final_factor", "max_norm", "average_from",
            "decay_from",
        ):  # fmt: skip
            if not getattr(self, field) >= 0:
                raise ValueError(f"optimizer.{field} is {getattr(self, field)}; allowed: 0 or more")
        for field in ("b1", "b2", "momentum"):
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(f"optimizer.{field} is {getattr(self, field)}; allowed: 0 or more, below 1")
        if not self.eps > 0:
            raise ValueError(f"optimizer.eps is {self.eps}; allowed: above 0")
        for field in ("decay_every", "plateau_patience"):
            if getattr(self, field) < 1:
                raise ValueError(f"optimizer.{field} is {getattr(self, field)}; allowed: 1 or more")
        if not 0 < self.decay_factor <= 1:
            raise ValueError(f"optimizer.decay_factor is {self.decay_factor}; allowed: above 0, up to 1")


RULES: Mapping[str, Callable[[OptimizerConfig], optax.GradientTransformation]] = {
    "sgd": lambda c: optax.identity(),
    "momentum": lambda c: optax.trace(decay=c.momentum),
    "adam": lambda c: optax.scale_by_adam(c.b1, c.b2, c.eps),
    "adamw": lambda c: optax.scale_by_adam(c.b1, c.b2, c.eps),
    "rmsprop": lambda c: optax.scale_by_rms(decay=c.momentum, eps=c.eps),
    "adagrad": lambda c: optax.scale_by_rss(initial_accumulator_value=0.0, eps=c.eps),
    "adadelta": lambda c: optax.scale_by_adadelta(rho=c.momentum, eps=c.eps),
}

SCHEDULES: Mapping[str, Callable[[OptimizerConfig, int], optax.Schedule]] = {
    "constant": lambda c, num_steps: optax.constant_schedule(c.learning_rate),
    "warmup_cosine": lambda c, num_steps: optax.warmup_cosine_decay_schedule(
        0.0 if c.warmup_steps else c.learning_rate,
        c.learning_rate,
        c.warmup_steps,
        max(num_steps, c.warmup_steps + 1),
        c.final_factor * c.learning_rate,
    ),
    "step_decay": lambda c, num_steps: optax.exponential_decay(
        c.learning_rate, c.decay_every, c.decay_factor, transition_begin=c.decay_from, staircase=True
    ),
    # The decay itself waits for validation scores, which the loop sees: it lowers ``state.learning_rate_scale``.
    "plateau": lambda c, num_steps: optax.constant_schedule(c.learning_rate),
}


def schedule(config: OptimizerConfig, num_steps: int) -> optax.Schedule:
    """Learning rate by step, for a run of ``num_steps``."""
    return SCHEDULES[config.schedule](config, num_steps)


def optimizer(config: OptimizerConfig, num_steps: int) -> optax.GradientTransformation:
    """The chain of transformations.

    Weight decay comes before the learning-rate stage, so that it shrinks weights; as in PyTorch it joins the
    gradient before the rule, and for adamw the update after it (Loshchilov and Hutter 2019).
    """
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    decay = optax.add_decayed_weights(config.weight_decay, _is_weight) if config.weight_decay else optax.identity()
    rule = RULES[config.name](config)
    middle = (rule, decay) if config.name == "adamw" else (decay, rule)
    bound = max_norm(config.max_norm) if config.max_norm else optax.identity()
    still = optax.masked(optax.set_to_zero(), lambda params: _frozen(params, config.frozen))
    rate = optax.scale_by_learning_rate(schedule(config, num_steps))
    return optax.chain(clip, *middle, rate, bound, *((still,) if config.frozen else ()))


def _frozen(params: Any, names: tuple[str, ...]) -> Any:
    """Which parameters belong to one of these layers.

    Raises:
      ValueError: the model has no such layer.
    """
    if unknown := [name for name in names if name not in params]:
        raise ValueError(f"optimizer.frozen has {unknown[0]!r}; allowed: layers of the model: {', '.join(params)}")
    return {name: jax.tree.map(lambda _, own=name: own in names, group) for name, group in params.items()}


def max_norm(most: float) -> optax.GradientTransformation:
    """Updates after which the weights into each output of the layer "head", ``kernel [C, K]``, have at most this norm.

    Columns that are longer are scaled down (Hinton et al. 2012; Kim 2014). It is the last of a chain; a share of such
    an update keeps to the bound, too, for the bound is convex.
    """

    def bounded(path: Any, update: jax.Array, weights: jax.Array) -> jax.Array:
        if [getattr(key, "key", None) for key in path[-2:]] != ["head", "kernel"]:
            return update
        moved = weights + update
        norms_K = jnp.linalg.norm(moved, axis=0)
        return moved * jnp.minimum(1, most / jnp.maximum(norms_K, 1e-12)) - weights

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map_with_path(bounded, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _is_weight(params: Any) -> Any:
    return jax.tree.map(lambda array: array.ndim >= 2, params)


def _among(field: str, name: str, table: Mapping[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"{field} is {name!r}; allowed: {', '.join(table)}")
