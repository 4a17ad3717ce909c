"""What comes of a run: the measures and scores of its best state, its predictions, its plots."""

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sequence_lab.analysis import guessing, mixtures, plots, report
from sequence_lab.analysis.baselines import BASELINES
from sequence_lab.analysis.mixtures import Probabilities
from sequence_lab.analysis.scores import SCORES, Score, Scores, confusion, of_text
from sequence_lab.composition import Experiment
from sequence_lab.config import GenerationConfig
from sequence_lab.data import Examples, Ragged, Sequences, Stream
from sequence_lab.models.dna import DNAConvNet
from sequence_lab.results import decodings, likelihoods, motifs, timelines
from sequence_lab.training.host_state import HostState
from sequence_lab.training.objectives import Task, chief, prefixed
from sequence_lab.training.parallel import REPLICATED
from sequence_lab.training.predictions import Predictions
from sequence_lab.training.recorder import read_metrics
from sequence_lab.training.state import TrainState

PREDICTIONS, DECODED = Path("predictions") / "test.npz", Path("predictions") / "test.jsonl"
MOST_CLASSES = 40  # of a confusion matrix that can be read


def summary(
    experiment: Experiment, folder: Path, state: TrainState, host: HostState, best_step: int, variables: Any
) -> dict[str, Any]:
    """The figures of a run that has ended; leaves the predictions of the test split, and motifs, in its folder."""
    found = metrics(experiment, variables)
    scores = _decoded(experiment, variables, folder)
    predicted = _predictions(experiment, variables, folder)
    for task, test in predicted.items():
        own = SCORES[_objective(experiment, task)](*test, experiment.dataset.classes)
        scores |= {prefixed(experiment.trainer.tasks, task, name): score for name, score in own.items()}
    scores |= _timelines(experiment, variables, predicted, folder)
    _motifs(experiment, variables, folder)
    if scores:
        found["test"] |= {name: score.value for name, score in scores.items()}
    read = _read(experiment, variables)
    if read is not None:
        own = of_text(read.test)  # for the intervals alone: the values are among the measures
        scores |= {prefixed(experiment.trainer.tasks, experiment.trainer.tasks[0], name): own[name] for name in own}
    intervals = {name: [score.low, score.high] for name, score in scores.items() if not math.isnan(score.low)}
    return {
        "experiment": experiment.config["name"],
        "seed": experiment.config["seed"],
        "step": host.step,
        "num_steps": experiment.trainer.training.num_steps,
        "best_step": best_step,
        "seconds": host.seconds,
        "steps_per_second": host.step / max(host.seconds, 1e-9),
        "input_share": host.input_seconds / max(host.seconds, 1e-9),
        "clipped_share": int(state.clipped) / max(host.step, 1),
        "parameters": sum(x.size for x in jax.tree.leaves(variables["params"])),
        "metrics": found,
        "training": _training(folder, found["validation"]),
        "intervals": {"test": intervals} if intervals else {},
        "baselines": {} if read is None else _baselines(experiment, variables, read),
        "guesses": _guesses(experiment),
    }


def metrics(experiment: Experiment, variables: Any) -> dict[str, dict[str, float]]:
    """The measures of the validation and, where there is one, of the test split."""
    splits = [name for name in ("validation", "test") if name in experiment.dataset.splits]
    return {
        name: experiment.trainer.evaluate(variables, experiment.evaluation_batches(name), experiment.shapes(name))
        for name in splits
    }


def _training(folder: Path, measures: Iterable[str]) -> dict[str, float]:
    """What the last steps of training came to, as it was logged: under dropout and augmentation."""
    logged = [record for record in read_metrics(folder) if record["split"] == "train"]
    return {name: logged[-1][name] for name in measures if logged and logged[-1].get(name) is not None}


def say(summary: Mapping[str, Any], line: Callable[[str], None]) -> None:
    """A summary for a person to read."""
    line(
        f"{summary['step']} steps in {summary['seconds']:.0f} s of training; making batches took "
        f"{summary['input_share']:.1%} of that in processor time; {summary['clipped_share']:.1%} of the steps "
        "were clipped\n"
    )
    line(report.metrics_table(summary["metrics"]))
    measures, intervals = summary["metrics"], summary["intervals"].get("test", {})
    scores = {n: x for n, x in measures.get("test", {}).items() if n in intervals or n not in measures["validation"]}
    if scores:
        line("\n" + report.intervals_table(scores, intervals))
    if summary["baselines"]:
        bits = next(value for name, value in summary["metrics"]["test"].items() if name.endswith("bits_per_symbol"))
        line("\n" + report.baselines_table(bits, summary["baselines"]))
    if guesses := summary.get("guesses"):  # which runs of older versions have not
        line(f"\n{report.guesses(**guesses)}")


def plot(experiment: Experiment, folder: Path, summary: Mapping[str, Any]) -> Path:
    """Draws the learning curve; returns where it is."""
    measure, _ = chief(experiment.trainer.tasks)
    if summary["baselines"]:
        measure = prefixed(experiment.trainer.tasks, experiment.trainer.tasks[0], "bits_per_symbol")
    test = summary["metrics"].get("test")
    tested = (summary["best_step"], test[measure]) if test else None
    path = folder / "plots" / "learning_curve.png"
    plots.learning_curve(read_metrics(folder), measure, path, experiment.config["name"], tested, summary["baselines"])
    return path


def _objective(experiment: Experiment, task: Task) -> str:
    return experiment.config["objectives"][task.key]["name"]


def _predicted(experiment: Experiment, variables: Any, split_name: str) -> dict[Task, Predictions]:
    """Of the tasks that have scores; of a split of examples, where it is there."""
    tasks = [task for task in experiment.trainer.tasks if _objective(experiment, task) in SCORES]
    split = experiment.dataset.splits.get(split_name)
    if not tasks or not isinstance(split, Examples | Sequences):
        return {}
    batches, shapes = experiment.evaluation_batches(split_name), experiment.shapes(split_name)
    by_key = experiment.trainer.predict(variables, batches, shapes, split.evaluation_order())
    return {task: by_key[task.key] for task in tasks}


def _timelines(experiment: Experiment, variables: Any, tested: Mapping[Task, Predictions], folder: Path) -> Scores:
    """Of the labels of recordings; as smoothed as validation likes best."""
    frame, split = experiment.dataset.facts.get("frame_seconds"), experiment.dataset.splits.get("test")
    if frame is None or not isinstance(split, Sequences):
        return {}
    levels = split.arrays.get("levels")
    levels = levels.values if isinstance(levels, Ragged) else None
    predicted, found = _predicted(experiment, variables, "validation"), dict[str, Score]()
    for task, test in tested.items():
        path, title = folder / "plots" / f"timeline_{task.key}.png", f"{experiment.config['name']}, test"
        own = timelines.scored(predicted[task], test, frame, experiment.dataset.classes, levels, path, title)
        found |= {prefixed(experiment.trainer.tasks, task, name): score for name, score in own.items()}
    return found


def _predictions(experiment: Experiment, variables: Any, folder: Path) -> dict[Task, Predictions]:
    """Of the tasks that have scores, on the test split; keeps them as arrays TASK/outputs, TASK/labels and so on."""
    found = _predicted(experiment, variables, "test")
    if not found:
        return {}
    arrays = {
        f"{task.key}/{name}": array
        for task, predicted in found.items()
        for name, array in predicted._asdict().items()
        if array is not None
    }
    (folder / PREDICTIONS).parent.mkdir(exist_ok=True)
    np.savez_compressed(folder / PREDICTIONS, **arrays)
    for task, predicted in found.items():
        if predicted.labels.ndim == 1 and predicted.outputs.shape[-1] <= MOST_CLASSES:
            matrix = confusion(predicted.outputs, predicted.labels)
            path = folder / "plots" / f"confusion_{task.key}.png"
            plots.confusion_matrix(matrix, experiment.dataset.classes, path, f"{experiment.config['name']}, test")
    return found


def _decoded(experiment: Experiment, variables: Any, folder: Path) -> Scores:
    """Scores of what a model of pairs writes for the sources of the test split; keeps all of it, a pair a line."""
    model = experiment.model
    vocabulary: Any = experiment.dataset.vocabulary  # of tokens wherever targets are written
    split: Any = experiment.dataset.splits.get("test")  # of sequences, likewise
    if split is None or not decodings.writes_targets(model, vocabulary):
        return {}
    config = GenerationConfig(**experiment.config["generation"])
    batches = list(experiment.whole().evaluation_batches("test"))  # each of several processes decodes it all
    targets = [experiment.dataset.targets[row] for row in split.evaluation_order()]
    variables = experiment.trainer.parallel.get(variables, REPLICATED)
    scores, found = decodings.decode(
        model, variables, batches, targets, vocabulary, config.beam_width, config.length, config.length_penalty
    )
    logs_N = decodings.log_probabilities(model, variables, batches)
    (folder / DECODED).parent.mkdir(exist_ok=True)
    lines = [
        json.dumps({"source": one.source, "target": one.target, "log_probability": float(log), **one.found})
        for one, log in zip(found, logs_N, strict=True)
    ]
    (folder / DECODED).write_text("\n".join(lines) + "\n")
    return scores


def _motifs(experiment: Experiment, variables: Any, folder: Path) -> None:
    """What the filters of a model of DNA look for in the test split or, where there is none, in validation."""
    if not isinstance(experiment.model, DNAConvNet):
        return
    split = "test" if "test" in experiment.dataset.splits else "validation"
    variables = experiment.trainer.parallel.get(variables, REPLICATED)
    batches = functools.partial(experiment.whole().evaluation_batches, split)
    motifs.keep(experiment.model, variables, batches, folder, f"{experiment.config['name']}, {split}")


def _read(experiment: Experiment, variables: Any) -> Probabilities | None:
    """What a language model gives to the symbols of its text, where this has a test split."""
    test = experiment.dataset.splits.get("test")
    if _objective(experiment, experiment.trainer.tasks[0]) != "language_modelling" or not isinstance(test, Stream):
        return None
    return likelihoods.probabilities(experiment, variables)


def _baselines(experiment: Experiment, variables: Any, read: Probabilities) -> dict[str, float]:
    """By name, bits per symbol of the test text: of other models, and of this one in company or as it reads on."""
    config, dataset = experiment.config, experiment.dataset
    runs = {"this run": read}
    found: dict[str, float] = {}
    if config["dynamic_rate"]:
        dynamic = likelihoods.dynamic_probabilities(experiment, variables, config["dynamic_rate"])
        runs["this run, dynamic"] = dynamic
        found["this run, dynamic"] = mixtures.bits([dynamic])
    splits: Any = dataset.splits  # of text wherever there are baselines: ``compose`` has made sure
    train, validation, test = (splits[name].tokens for name in ("train", "validation", "test"))
    vocabulary: Any = dataset.vocabulary
    for name in config["baselines"]:
        found |= BASELINES[name](train, validation, test, vocabulary, runs)
    return found


def _guesses(experiment: Experiment) -> dict[str, Any]:
    """How many networks were drawn until one was right on every row of the test split, and whether one was."""
    limit = experiment.config["guesses"]
    if not limit:
        return {}
    split: Any = experiment.dataset.splits["test"]  # of examples: ``compose`` has made sure
    labels = split.arrays[experiment.trainer.tasks[0].labels]
    found = guessing.guess(
        split.arrays["inputs"], labels, split.arrays.get("lengths"), at_most=limit, seed=experiment.config["seed"]
    )
    return {"drawn": limit, "right": False} if found is None else {"drawn": found[0], "right": True}
