"""The training loop: steps, records, evaluations, checkpoints. Plain Python around two compiled functions."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from sequence_lab.ops import metrics
from sequence_lab.training import objectives, processes
from sequence_lab.training.checkpoints import Checkpoints
from sequence_lab.training.host_state import HostState
from sequence_lab.training.interrupts import Interrupted, interrupts
from sequence_lab.training.parallel import REPLICATED, SHARDED
from sequence_lab.training.progress import Progress
from sequence_lab.training.recorder import Recorder
from sequence_lab.training.state import TrainState
from sequence_lab.training.trainer import Batch, Trainer


class TrainingData(Protocol):
    """An endless, resumable iterator of batches; ``seconds`` is the processor time spent on making them."""

    seconds: float

    def __next__(self) -> dict[str, np.ndarray]: ...
    def get_state(self) -> dict[str, Any]: ...
    def set_state(self, state: dict[str, Any]) -> None: ...


class Diverged(ArithmeticError):
    """The loss or its gradient stopped being finite."""


def fit(
    trainer: Trainer,
    state: TrainState,
    data: TrainingData,
    validation: Callable[[], Iterable[Batch]],
    shapes: Mapping[str, Sequence[Batch]],
    workdir: Path,
    *,
    started: float,
    say: Callable[[str], None] = print,
) -> tuple[TrainState, HostState]:
    """Trains from the newest checkpoint in ``workdir``, or from ``state``, to the end; leaves a checkpoint there.

    Args:
      state: of step 0, on the host.
      data: training batches; set to where the checkpoint left them.
      validation: makes the batches of one evaluation.
      shapes: of "train" and "validation", a batch in each of the shapes that their batches may have.
      started: ``time.monotonic()`` when the command began, for the time to the first step.

    Raises:
      Diverged: a loss or gradient is not finite.
      Interrupted: SIGINT or SIGTERM came in.
    """
    checkpoints = Checkpoints(workdir / "checkpoints", say)
    carry = trainer.initial_carry(trainer.training.batch_size)
    host = HostState()
    restored = processes.from_first(lambda: checkpoints.restore_latest({"state": state, "carry": carry}))
    if restored is not None:
        number, arrays, kept = restored
        state, carry, host = arrays["state"], arrays["carry"], HostState.from_json(kept["host"])
        data.set_state(kept["data"])
        say(f"resuming after step {number}")
    state, carry = trainer.parallel.put(state, REPLICATED), trainer.parallel.put(carry, SHARDED)
    trainer.train_programs.compile(state, carry, batches=shapes["train"])
    trainer.compile_evaluation(state.judged, shapes["validation"])
    run = _Run(
        trainer, data, validation, shapes["validation"], checkpoints, Recorder(workdir, host.step),
        Progress(trainer.training.num_steps, host.step), host, state, carry, started,
    )  # fmt: skip
    try:
        run.train()
    finally:
        run.close()
    return run.state, host


@dataclasses.dataclass
class _Run:
    """One process's share of a run: the loop's own variables, and what it does between steps."""

    trainer: Trainer
    data: TrainingData
    validation: Callable[[], Iterable[Batch]]
    validation_shapes: Sequence[Batch]
    checkpoints: Checkpoints
    recorder: Recorder
    progress: Progress
    host: HostState
    state: TrainState
    carry: Any
    started: float

    def __post_init__(self) -> None:
        self._measures: list[dict[str, metrics.Mean]] = []
        self._put_seconds = self._input_counted = 0.0
        self._stepped = False  # whether this process has made its first step, which compiles
        self._counted = time.monotonic()  # until when ``host.seconds`` counts
        self._logged = (self.host.step, self.host.seconds, self.host.input_seconds)

    def train(self) -> None:
        config = self.trainer.training
        with interrupts() as interrupted:
            over = self._over()
            while not over:
                self._step()
                if self.host.step % config.log_every == 0:
                    self._log()
                last = self.host.step >= config.num_steps
                evaluated_best = (last or self.host.step % config.evaluate_every == 0) and self._evaluate()
                over = self._over()
                if over:
                    self._log()  # before the checkpoint, so that a run that ends twice records its end once
                if over or evaluated_best or self.host.step % config.checkpoint_every == 0:
                    self._save()
                self.checkpoints.poll()
                if self._told_to_stop(interrupted.is_set()) and not over:
                    self._save()
                    raise Interrupted(f"stopped after step {self.host.step}; the same command goes on from there")
        self._save()

    def close(self) -> None:
        self.checkpoints.close()
        self.recorder.close()
        self.progress.close()

    def _over(self) -> bool:
        patience = self.trainer.training.early_stopping_patience
        return self.host.step >= self.trainer.training.num_steps or 0 < patience <= self.host.since_best

    def _told_to_stop(self, interrupted: bool) -> bool:
        """Processes can only stop after the same step: several of them ask one another when they log."""
        return (jax.process_count() == 1 or self.host.step % self.trainer.training.log_every == 0) and (
            processes.in_any(interrupted)
        )

    def _step(self) -> None:
        # Processor time: on a busy machine the clock would count the steps that run meanwhile.
        before = time.thread_time()
        batch = self.trainer.parallel.feed(next(self.data))
        self._put_seconds += time.thread_time() - before
        self.state, self.carry, measures = self.trainer.train_programs(self.state, self.carry, batch)
        self.host.step += 1
        self._measures.append(measures)
        if not self._stepped:
            self._stepped = True
            measures["finite"].total.block_until_ready()
            self.progress.say(f"first step done {time.monotonic() - self.started:.1f} s after the start")
        self.progress.advance()

    def _count_seconds(self) -> None:
        now, made = time.monotonic(), self.data.seconds + self._put_seconds
        self.host.seconds += now - self._counted
        self.host.input_seconds += made - self._input_counted
        self._counted, self._input_counted = now, made

    def _drain(self) -> None:
        """Takes the waiting measures off the devices; every check of a number happens here."""
        waiting, self._measures = self._measures, []
        first = self.host.step - len(waiting) + 1
        for number, measures in enumerate(map(_to_host, waiting), first):
            if not measures["finite"].total:
                raise Diverged(self._divergence(number, measures))
            self.host.unlogged = metrics.merge([self.host.unlogged, measures])

    def _divergence(self, number: int, measures: Mapping[str, metrics.Mean]) -> str:
        steps = self.checkpoints.steps()
        kept = f"step {steps[0]} is the last checkpoint" if steps else "there is no checkpoint yet"
        optimizer = self.trainer.optimizer
        loss = objectives.means(self.trainer.tasks, measures)["loss"]
        return (
            f"step {number}: the loss is {loss:.4g} and the norm of its gradient, before "
            f"clipping, {measures['grad_norm'].total:.4g}; the update was not applied and {kept}. Try a lower "
            f"optimizer.learning_rate (now {optimizer.learning_rate:g}) or optimizer.clip_norm (now "
            f"{optimizer.clip_norm:g})"
        )

    def _log(self) -> None:
        self._drain()
        if not self.host.unlogged:
            return
        self._count_seconds()
        step, seconds, input_seconds = self._logged
        elapsed = max(self.host.seconds - seconds, 1e-9)
        self._logged = (self.host.step, self.host.seconds, self.host.input_seconds)
        values = objectives.means(self.trainer.tasks, self.host.unlogged)
        del values["finite"]
        values |= {
            "learning_rate": float(self.trainer.schedule(self.host.step - 1)) * float(self.state.learning_rate_scale),
            "seconds": self.host.seconds,
            "steps_per_second": (self.host.step - step) / elapsed,
            "input_share": (self.host.input_seconds - input_seconds) / elapsed,
        }
        self.host.unlogged = {}
        self.recorder.record(self.host.step, "train", values)
        self.progress.show(self.host.step, "train", values)

    def _evaluate(self) -> bool:
        """Evaluates the validation split; lowers the rate on a plateau; True if the score is the best so far."""
        self._drain()
        values = self.trainer.evaluate(self.state.judged, self.validation(), self.validation_shapes)
        name, mode = objectives.chief(self.trainer.tasks)
        best = self.host.judge(values[name], mode)
        optimizer = self.trainer.optimizer
        if optimizer.schedule == "plateau" and self.host.since_change >= optimizer.plateau_patience:
            self.host.since_change = 0
            scale = np.float32(self.state.learning_rate_scale * optimizer.decay_factor)
            self.state = self.state.replace(learning_rate_scale=self.trainer.parallel.put(scale, REPLICATED))
        self.recorder.record(self.host.step, "validation", values)
        self.progress.show(self.host.step, "validation", values)
        return best

    def _save(self) -> None:
        self._drain()
        self._count_seconds()
        parallel = self.trainer.parallel
        arrays = {
            "state": parallel.get(self.state, REPLICATED),
            "carry": parallel.get(self.carry, SHARDED),
        }
        kept = {"host": self.host.to_json(), "data": self.data.get_state()}
        if processes.is_first():
            self.checkpoints.save(self.host.step, arrays, kept, self.host.best_step)


def _to_host(measures: Mapping[str, metrics.Mean]) -> dict[str, metrics.Mean]:
    return {name: metrics.Mean(float(mean.total), float(mean.count)) for name, mean in measures.items()}
