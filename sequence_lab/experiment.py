"""Run, evaluate, sample from and scan with an experiment: what ``launch.py`` calls, and what anyone's own script may.

Someone's own models, data sets and objectives join the tables by ``models={"name": Model}`` and so on.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from sequence_lab import scanning, schema
from sequence_lab.analysis import report
from sequence_lab.composition import Experiment, compose, tables
from sequence_lab.config import Tables, completed, default_config
from sequence_lab.data import Packed, Sequences
from sequence_lab.data.fingerprint import NAMES, difference, fingerprint
from sequence_lab.results import pictures, samples, summaries
from sequence_lab.run_folder import (
    DATA,
    ENVIRONMENT,
    SUMMARY,
    VOCABULARY,
    RunFolder,
    check_writable,
    environment,
    short,
)
from sequence_lab.training import loop, processes
from sequence_lab.training.checkpoints import Checkpoints
from sequence_lab.training.parallel import REPLICATED
from sequence_lab.training.progress import parameter_table

__all__ = ["default_config", "evaluate", "generate", "run", "scan"]

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
    command: str = "",
    say: Say = print,
) -> dict[str, Any]:
    """Trains the experiment in ``workdir`` to its end and reports; the same call again resumes, bit for bit.

    Args:
      config: as ``default_config``; see ``experiments/``.
      workdir: folder of this run; made if it is not there.
      models, datasets, objectives: further rows for the tables, by name.
      devices: default: all that JAX has.
      started: ``time.monotonic()`` when the command began; default: now.
      command: what started the run, for the summary.
      say: called with each line for a person to read.

    Returns:
      What ``summary.json`` holds.

    Raises:
      schema.Refused: the config or the folder does not fit; nothing was written.
      training.loop.Diverged, training.interrupts.Interrupted: as they say.
    """
    started = time.monotonic() if started is None else started
    say = say if processes.is_first() else _silent
    with contextlib.ExitStack() as entered:
        workdir = entered.enter_context(processes.folder_of(Path(workdir)))
        experiment, folder, data = _prepare(config, workdir, models, datasets, objectives, devices)
        with schema.refusals():
            samples.check(experiment)
            done, before = processes.from_first(lambda: (folder.read(SUMMARY), folder.read(ENVIRONMENT)))
        processes.from_first(lambda: entered.enter_context(folder.claim(experiment.config)))
        if done is not None and done["num_steps"] == experiment.trainer.training.num_steps:
            say(f"{folder.path} is finished (step {done['step']}); raise training.num_steps to go on")
            summaries.say(done, say)
            return done
        if folder.read(DATA) is None:
            folder.write(DATA, data)
        return _train(experiment, folder, before, started, command, say)


def _train(
    experiment: Experiment, folder: RunFolder, before: dict[str, Any] | None, started: float, command: str, say: Say
) -> dict[str, Any]:
    """A run in a folder that is claimed, from its newest checkpoint on; ``before``: the environment it began in."""
    here = environment(experiment.trainer.parallel.devices)
    changed = ", ".join(name for name in here if before is not None and here[name] != before.get(name))
    if changed:
        say(f"{changed} changed since this run began: it goes on equal to rounding, not bit for bit")
    folder.write(ENVIRONMENT, {"command": command, **here})
    if experiment.dataset.vocabulary is not None:
        folder.write(VOCABULARY, experiment.dataset.vocabulary.to_json())
    state = experiment.initial_state()
    say(f"parameters\n{parameter_table(state.params)}")
    if isinstance(split := experiment.dataset.splits["train"], Sequences | Packed):
        say(split.account(experiment.trainer.training.batch_size))
    state, host = loop.fit(
        experiment.trainer,
        state,
        experiment.training_batches(),
        functools.partial(experiment.evaluation_batches, "validation"),
        {name: experiment.shapes(name) for name in ("train", "validation")},
        folder.path,
        started=started,
        say=say,
    )
    best_step, variables = _best(experiment, folder, say)
    summary = summaries.summary(experiment, folder.path, state, host, best_step, variables)
    summary |= {"command": command, **here}
    plot = summaries.plot(experiment, folder.path, summary)
    pictures.draw(experiment, experiment.trainer.parallel.get(variables, REPLICATED), folder.path / "plots")
    summaries.say(summary, say)
    if samples.writes_text(experiment):
        say("\n" + "".join(samples.text(experiment, variables)))
    if samples.writes_music(experiment):
        say("\n" + samples.piece(experiment, variables, folder.path))
    folder.write(SUMMARY, summary)  # last: what has a summary is finished
    say(f"\nall of it is in {short(folder.path)}, the learning curve in {short(plot)}")
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
    say = say if processes.is_first() else _silent
    experiment, folder, _ = _prepare(config, workdir, models, datasets, objectives, devices, writing=False)
    _, variables = _best(experiment, folder, say)
    found = summaries.metrics(experiment, variables)
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
    write: Say | None = None,
) -> str:
    """The prompt of ``config.generation`` continued, or as a source decoded, by the best checkpoint in ``workdir``.

    Args: as of ``run``, and
      write: called with each part of a text as soon as it is drawn; None: ``say`` is called with all of it.

    Returns:
      The text; of a model of pairs, what it writes for the source, see ``samples.targets``; of music, where in
      ``workdir`` it is.

    Raises:
      schema.Refused: as ``run``; or there is no checkpoint, the experiment is neither a language model nor one of pairs
        or music, or the prompt is no source that a model of pairs can read.
    """
    experiment, folder, _ = _prepare(
        config, workdir, models, datasets, objectives, devices, writing=False, read_by=NAMES
    )
    if not any(kind(experiment) for kind in (samples.writes_text, samples.writes_targets, samples.writes_music)):
        raise schema.Refused(
            f"model {experiment.config['model_name']} on {experiment.config['dataset_name']} cannot generate; "
            "allowed: a language model on text, a model of pairs, or one with a step on music"
        )
    with schema.refusals():
        samples.check(experiment)
    if samples.writes_targets(experiment):
        with schema.refusals():
            source_S = samples.source(experiment)
        _, variables = _best(experiment, folder, say)
        say(found := samples.targets(experiment, variables, source_S))
        return found
    _, variables = _best(experiment, folder, say)
    if samples.writes_text(experiment):
        parts = []
        for part in samples.text(experiment, variables):
            parts.append(part)
            if write is not None:
                write(part)
        found = "".join(parts)
        say(found) if write is None else write("\n")
        return found
    with schema.refusals():
        check_writable(folder.path)
    say(found := samples.piece(experiment, variables, folder.path))
    return found


def scan(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    *,
    models: Tables | None = None,
    datasets: Tables | None = None,
    objectives: Tables | None = None,
    devices: Sequence[jax.Device] | None = None,
    say: Say = print,
) -> list[Path]:
    """What the best checkpoint in ``workdir`` says along the records of ``config.scan.files``, written to its scans/.

    Returns:
      The files: of each that was read, scores as bedGraph and regions as BED.

    Raises:
      schema.Refused: as ``run``; or there is no checkpoint, the experiment classifies no DNA, or a file is not FASTA.
    """
    experiment, folder, _ = _prepare(
        config, workdir, models, datasets, objectives, devices, writing=False, read_by=NAMES
    )
    with schema.refusals():
        plan = scanning.planned(experiment, folder.path)
    _, variables = _best(experiment, folder, say)
    return scanning.scan(plan, experiment.trainer.parallel.get(variables, REPLICATED), say)


def _prepare(
    config: ConfigDict | Mapping[str, Any],
    workdir: str | Path,
    models: Tables | None,
    datasets: Tables | None,
    objectives: Tables | None,
    devices: Sequence[jax.Device] | None,
    writing: bool = True,
    read_by: Sequence[str] = (),
) -> tuple[Experiment, RunFolder, dict[str, Any]]:
    """All that can be refused, before anything is written; experiment, folder and the fingerprint of the data.

    Args:
      read_by: what of the data has to be as it was, as ``fingerprint`` names it; (): all.
    """
    with schema.refusals():
        experiment = compose(config, models=models, datasets=datasets, objectives=objectives, devices=devices)
        folder = RunFolder(workdir)
        complete = functools.partial(completed, rows=tables(models, datasets, objectives))
        processes.from_first(lambda: folder.check(experiment.config, complete, writing=writing))
        data = _check_data(experiment, folder, read_by, writing)
        processes.from_first(Checkpoints(folder.path / "checkpoints").check)
    return experiment, folder, data


def _check_data(experiment: Experiment, folder: RunFolder, read_by: Sequence[str], writing: bool) -> dict[str, Any]:
    """The fingerprint of the data set.

    Raises:
      ValueError: it is not that of the data that the run in the folder began with, or that the first process has.
    """
    own = fingerprint(experiment.dataset)
    known = processes.from_first(lambda: own if (kept := folder.read(DATA)) is None else kept)
    if not isinstance(known, dict) or not all(isinstance(part, dict) for part in known.values()):
        raise ValueError(f"{folder.path / DATA} is damaged: it holds no fingerprint of data")
    before, now = ({name: one[name] for name in read_by or one if name in one} for one in (known, own))
    changed = difference(before, now)
    if processes.in_any(changed is not None):
        raise ValueError(
            f"data set {experiment.config['dataset_name']} is not what the run in {folder.path} began with "
            f"({changed or 'in another process'}); allowed: the same data{', or another --workdir' if writing else ''}"
        )
    return own


def _best(experiment: Experiment, folder: RunFolder, say: Say) -> tuple[int, Any]:
    """Step and variables of the best validation score, or the newest where that checkpoint is not whole."""
    like = experiment.checkpoint_like()
    step, variables = processes.from_first(lambda: _best_kept(like, folder, say))
    return step, experiment.trainer.parallel.put(variables, REPLICATED)


def _best_kept(like: Any, folder: RunFolder, say: Say) -> tuple[int, Any]:
    checkpoints = Checkpoints(folder.path / "checkpoints")
    faults = {step: checkpoints.fault(step) for step in checkpoints.steps()}
    for step, fault in faults.items():
        if fault is not None:
            say(f"checkpoint of step {step} cannot be used ({fault}): falling back to another")
    whole = [step for step, fault in faults.items() if fault is None]
    if not whole:
        raise schema.Refused(f"--workdir {folder.path} has no whole checkpoint; train first (--mode=train)")
    step = whole[0]
    arrays, kept = checkpoints.restore(step, like)
    if kept["host"]["best_step"] in whole[1:]:
        step = kept["host"]["best_step"]
        arrays, _ = checkpoints.restore(step, like)
    return step, arrays["state"].judged


def _silent(line: str) -> None:
    """What a process says that is not the first."""
