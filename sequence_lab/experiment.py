"""Run, evaluate and sample from an experiment: what ``launch.py`` calls, and what anyone's own script may.

Someone's own models, data sets and objectives join the tables by ``models={"name": Model}`` and so on.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sequence_lab import schema
from sequence_lab.analysis import plots, report
from sequence_lab.analysis.baselines import BASELINES
from sequence_lab.composition import Experiment, compose
from sequence_lab.config import GenerationConfig, Tables, default_config
from sequence_lab.data import Stream
from sequence_lab.models import generation
from sequence_lab.run_folder import ENVIRONMENT, SUMMARY, RunFolder, environment
from sequence_lab.training.checkpoints import Checkpoints
from sequence_lab.training.objectives import chief
from sequence_lab.training.parallel import REPLICATED
from sequence_lab.training.progress import parameter_table
from sequence_lab.training.recorder import read_metrics

__all__ = ["default_config", "evaluate", "generate", "run"]

Say = Callable[[str], None]


def run(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    *,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    devices: Sequence[jax.Device] | None = None,
    started: float | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Trains the experiment in ``workdir`` to its end and reports; the same call again resumes, bit for bit.

    Args:
      config: as ``default_config``; see ``experiments/``.
      workdir: folder of this run; made if it is not there.
      models, datasets, objectives: further rows for the tables, by name.
      devices: default: all that JAX has.
      started: ``time.monotonic()`` when the command began; default: now.
      say: called with each line for a person to read.

    Returns:
      What ``summary.json`` holds.

    Raises:
      schema.Refused: the config or the folder does not fit; nothing was written.
      training.loop.Diverged, training.loop.Interrupted: as they say.
    """
    started = time.monotonic() if started is None else started
    experiment, folder = _prepare(config, workdir, models, datasets, objectives, devices)
    with folder.claim(experiment.config):
        done = folder.read(SUMMARY)
        if done is not None and done["num_steps"] == experiment.trainer.training.num_steps:
            say(f"{folder.path} is finished (step {done['step']}); raise training.num_steps to go on")
            return done
        here = environment(experiment.trainer.parallel.devices)
        before = folder.read(ENVIRONMENT)
        if before is not None and before != here:
            changed = ", ".join(name for name in here if here[name] != before.get(name))
            say(f"{changed} changed since this run began: it goes on equal to rounding, not bit for bit")
        folder.write(ENVIRONMENT, here)
        state = experiment.initial_state()
        say(f"parameters\n{parameter_table(state.params)}")
        state, host = experiment.trainer.fit(
            state,
            experiment.training_batches(),
            functools.partial(experiment.evaluation_batches, "validation"),
            folder.path,
            started=started,
            say=say,
        )
        summary = {
            "experiment": experiment.config["name"],
            "seed": experiment.config["seed"],
            "step": host.step,
            "num_steps": experiment.trainer.training.num_steps,
            "best_step": host.best_step,
            "seconds": host.seconds,
            "steps_per_second": host.step / max(host.seconds, 1e-9),
            "clipped_share": int(state.clipped) / max(host.step, 1),
            "parameters": sum(x.size for x in jax.tree.leaves(state.params)),
            "metrics": _final_metrics(experiment, folder),
            "baselines": _baselines(experiment),
            **here,
        }
        folder.write(SUMMARY, summary)
        _plot(experiment, folder, summary["baselines"])
        say(report.metrics_table(summary["metrics"]))
        if summary["baselines"]:
            say("\n" + report.baselines_table(summary["metrics"]["test"]["bits_per_symbol"], summary["baselines"]))
        if _generates(experiment):
            say(_sample(experiment, folder))
    return summary


def evaluate(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    *,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    devices: Sequence[jax.Device] | None = None,
    say: Say = print,
) -> dict[str, dict[str, float]]:
    """The measures of the best checkpoint in ``workdir`` on validation and test, by split; writes nothing.

    Raises:
      schema.Refused: as ``run``; or there is no checkpoint.
    """
    experiment, folder = _prepare(config, workdir, models, datasets, objectives, devices)
    found = _final_metrics(experiment, folder)
    say(report.metrics_table(found))
    return found


def generate(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    *,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    devices: Sequence[jax.Device] | None = None,
    say: Say = print,
) -> str:
    """The prompt of ``config.generation`` continued by the best checkpoint in ``workdir``.

    Raises:
      schema.Refused: as ``run``; or there is no checkpoint, or the experiment is not a language model.
    """
    experiment, folder = _prepare(config, workdir, models, datasets, objectives, devices)
    if not _generates(experiment):
        raise schema.Refused(
            f"model {experiment.config['model_name']} on {experiment.config['dataset_name']} cannot generate; "
            "allowed: a language model on text"
        )
    text = _sample(experiment, folder)
    say(text)
    return text


def _prepare(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    models: Tables | None,
    datasets: Tables | None,
    objectives: Tables | None,
    devices: Sequence[jax.Device] | None,
) -> tuple[Experiment, RunFolder]:
    """All that can be refused, before anything is written."""
    with schema.refusals():
        experiment = compose(config, models=models, datasets=datasets, objectives=objectives, devices=devices)
        folder = RunFolder(workdir)
        folder.check(experiment.config)
    return experiment, folder


def _best_params(experiment: Experiment, folder: RunFolder) -> Any:
    """The parameters with the best validation score, or the newest where that checkpoint is not whole."""
    checkpoints = Checkpoints(folder.path / "checkpoints")
    whole = [step for step in checkpoints.steps() if checkpoints.fault(step) is None]
    if not whole:
        raise schema.Refused(f"--workdir {folder.path} has no whole checkpoint; train first (--mode=train)")
    like = experiment.checkpoint_like()
    arrays, kept = checkpoints.restore(whole[0], like)
    best_step = kept["host"]["best_step"]
    if best_step in whole[1:]:
        arrays, _ = checkpoints.restore(best_step, like)
    return arrays["state"].params


def _final_metrics(experiment: Experiment, folder: RunFolder) -> dict[str, dict[str, float]]:
    trainer = experiment.trainer
    params = trainer.parallel.put(_best_params(experiment, folder), REPLICATED)
    splits = [name for name in ("validation", "test") if name in experiment.dataset.splits]
    return {name: trainer.evaluate(params, experiment.evaluation_batches(name)) for name in splits}


def _baselines(experiment: Experiment) -> dict[str, float]:
    splits, vocabulary = experiment.dataset.splits, experiment.dataset.vocabulary
    texts = [split.tokens for split in splits.values() if isinstance(split, Stream)]
    if vocabulary is None or len(texts) != 3:
        return {}
    train, validation, test = texts
    found: dict[str, float] = {}
    for name in experiment.config["baselines"]:
        found |= BASELINES[name](train, validation, test, vocabulary)
    return found


def _plot(experiment: Experiment, folder: RunFolder, baselines: Mapping[str, float]) -> None:
    measure, _ = chief(experiment.trainer.tasks)
    measure = "bits_per_symbol" if baselines else measure
    path = folder.path / "plots" / "learning_curve.png"
    plots.learning_curve(read_metrics(folder.path), measure, path, experiment.config["name"], baselines)


def _generates(experiment: Experiment) -> bool:
    return experiment.dataset.vocabulary is not None and hasattr(experiment.model, "step")


def _sample(experiment: Experiment, folder: RunFolder) -> str:
    config, vocabulary = GenerationConfig(**experiment.config["generation"]), experiment.dataset.vocabulary
    assert vocabulary is not None
    tokens = generation.generate(
        experiment.model,
        _best_params(experiment, folder),
        jnp.asarray(vocabulary.encode(config.prompt)),
        config.length,
        config.temperature,
        jax.random.key(experiment.config["seed"]),
    )
    return config.prompt + vocabulary.decode(np.asarray(tokens))
