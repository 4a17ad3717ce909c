"""An experiment's parts, ready to train and to evaluate: what is compiled, and for which shapes."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import optax

from sequence_lab.ops import metrics
from sequence_lab.training import objectives, predictions, step
from sequence_lab.training.optimizer import OptimizerConfig
from sequence_lab.training.parallel import REPLICATED, SHARDED, Parallel
from sequence_lab.training.predictions import Predictions, gathered
from sequence_lab.training.programs import Programs
from sequence_lab.training.state import TrainState

Batch = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Schema and defaults of ``config.training``."""

    num_steps: int = 1000  # updates; raise it to go on with a finished run
    batch_size: int = 32  # rows of a batch, over all devices
    evaluation_batch_size: int = 32  # the same, for evaluations
    k1: int = 0  # truncated back-propagation over streams: update every k1 steps ...
    k2: int = 0  # ... and send the gradient back k2 >= k1 steps
    num_shapes: int = 8  # lengths that rows of different lengths are padded to; a program is compiled for each
    packed_width: int = 0  # steps of rows that training sequences are packed into, several in one; 0: they are not
    log_every: int = 50  # steps between two records of training measures
    evaluate_every: int = 200  # steps between two evaluations of the validation split
    checkpoint_every: int = 200  # steps between two checkpoints; a best evaluation is always kept
    early_stopping_patience: int = 0  # evaluations without a better score before the run ends; 0: never

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            least = 0 if field.name in ("k1", "k2", "packed_width", "early_stopping_patience", "num_steps") else 1
            value = getattr(self, field.name)
            if value < least:
                raise ValueError(f"training.{field.name} is {value}; allowed: {least} or more")
        if self.k2 < self.k1:
            raise ValueError(f"training.k2 is {self.k2}; allowed: training.k1 ({self.k1}) or more")


@dataclasses.dataclass
class Trainer:
    """An experiment's parts, ready to train and to evaluate.

    Attributes:
      apply: the model, as ``step.Apply``.
      initial_carry: the recurrent carry before the first batch of so many rows; () for a model without memory.
      tasks: what outputs are held against.
      tx, schedule: the optimizer that ``optimizer`` describes, and its learning rate by step.
      parallel: the devices and how steps are compiled for them.
    """

    apply: step.Apply
    initial_carry: Callable[[int], Any]
    tasks: Sequence[objectives.Task]
    tx: optax.GradientTransformation
    optimizer: OptimizerConfig
    schedule: optax.Schedule
    training: TrainingConfig
    parallel: Parallel

    def __post_init__(self) -> None:
        for field in ("batch_size", "evaluation_batch_size"):
            self.parallel.check_batch_size(f"training.{field}", getattr(self.training, field))
        clip_norm, k1, average_from = self.optimizer.clip_norm, self.training.k1, self.optimizer.average_from

        def train_step(state: TrainState, carry: Any, batch: Any) -> Any:
            return step.train_step(self.apply, self.tasks, self.tx, clip_norm, k1, average_from, state, carry, batch)

        def evaluation_step(variables: Any, carry: Any, batch: Any) -> Any:
            return step.evaluation_step(self.apply, self.tasks, variables, carry, batch)

        self.train_step = self.parallel.compile(
            train_step, (REPLICATED, SHARDED, SHARDED), (REPLICATED, SHARDED, REPLICATED), donate=(0, 1)
        )
        self.evaluation_step = self.parallel.compile(
            evaluation_step, (REPLICATED, SHARDED, SHARDED), (SHARDED, REPLICATED), donate=(1,)
        )

        def prediction_step(variables: Any, carry: Any, batch: Any) -> Any:
            return predictions.prediction_step(self.apply, self.tasks, variables, carry, batch)

        self.prediction_step = self.parallel.compile(
            prediction_step, (REPLICATED, SHARDED, SHARDED), (SHARDED, SHARDED), donate=(1,)
        )
        self.train_programs, self.evaluation_programs, self.prediction_programs = (
            Programs(program, self.parallel.feed)
            for program in (self.train_step, self.evaluation_step, self.prediction_step)
        )

    def evaluate(self, variables: Any, batches: Iterable[Batch], shapes: Sequence[Batch]) -> dict[str, float]:
        """The measures over all batches.

        Args:
          variables: of the model, as the step has them (see ``Parallel.put``).
          shapes: a batch in each of the shapes that batches may have.
        """
        carry = self.compile_evaluation(variables, shapes)
        found = []
        for batch in batches:
            carry, measures = self.evaluation_programs(variables, carry, self.parallel.feed(dict(batch)))
            found.append(measures)
        return objectives.means(self.tasks, metrics.merge(found))

    def predict(
        self, variables: Any, batches: Iterable[Batch], shapes: Sequence[Batch], order: np.ndarray
    ) -> dict[str, Predictions]:
        """What the model says about every example, by task; arguments as in ``evaluate`` and ``gathered``."""
        found = [self.parallel.get(compared, SHARDED) for compared in self.outputs(variables, batches, shapes)]
        return {task.key: gathered([one[task.key] for one in found], order) for task in self.tasks}

    def outputs(self, variables: Any, batches: Iterable[Batch], shapes: Sequence[Batch]) -> Iterator[dict[str, Any]]:
        """Of each batch, by task, outputs, labels and mask, on the devices; arguments as in ``evaluate``."""
        carry = self._compiled(self.prediction_programs, variables, shapes)
        for batch in batches:
            carry, compared = self.prediction_programs(variables, carry, self.parallel.feed(dict(batch)))
            yield compared

    def compile_evaluation(self, variables: Any, shapes: Sequence[Batch]) -> Any:
        """Returns the carry that an evaluation starts with."""
        return self._compiled(self.evaluation_programs, variables, shapes)

    def _compiled(self, programs: Programs, variables: Any, shapes: Sequence[Batch]) -> Any:
        carry = self.parallel.put(self.initial_carry(self.training.evaluation_batch_size), SHARDED)
        programs.compile(variables, carry, batches=shapes)
        return carry
