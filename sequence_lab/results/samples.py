"""What a trained model makes up: a text, the targets of one, or a piece of music."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sequence_lab.analysis import plots
from sequence_lab.composition import Experiment
from sequence_lab.config import GenerationConfig
from sequence_lab.data import Ragged, Sequences, Stream
from sequence_lab.data.midi import standard_midi
from sequence_lab.data.piano_rolls import LOWEST
from sequence_lab.data.tokens import Tokens
from sequence_lab.data.vocabulary import Vocabulary
from sequence_lab.models import generation
from sequence_lab.results import decodings
from sequence_lab.run_folder import short
from sequence_lab.training.parallel import REPLICATED

BEGINNING = 10  # symbols of a text, where no prompt is given
MIDI, PICTURE = Path("generated") / "piece.mid", Path("generated") / "piece.png"


def writes_text(experiment: Experiment) -> bool:
    """Whether it is a language model on text."""
    is_text = isinstance(experiment.dataset.splits["train"], Stream)
    return is_text and experiment.dataset.vocabulary is not None and hasattr(experiment.model, "step")


def writes_targets(experiment: Experiment) -> bool:
    """Whether it is a model of pairs."""
    return decodings.writes_targets(experiment.model, experiment.dataset.vocabulary)


def writes_music(experiment: Experiment) -> bool:
    """Whether it tells the next frame of a piano roll from those before, key by key."""
    tasks = [task["name"] for task in experiment.config["objectives"].values()]
    is_music = experiment.dataset.steps_per_quarter > 0 and "test" in experiment.dataset.splits
    return is_music and tasks == ["multilabel"] and hasattr(experiment.model, "step")


def check(experiment: Experiment) -> None:
    """Raises ValueError where something is to be written, and ``config.generation`` or the model cannot."""
    config = GenerationConfig(**experiment.config["generation"])
    if writes_text(experiment):
        _prompt(experiment)
    if writes_targets(experiment) and (config.top_k, config.top_p) != (0, 1.0):
        raise ValueError(
            f"config.generation is top_k {config.top_k}, top_p {config.top_p}; allowed of pairs, whose targets are the "
            "likeliest: 0, 1.0"
        )
    if not writes_music(experiment):
        return
    if (config.top_k, config.top_p, config.beam_width) != (0, 1.0, 1):
        raise ValueError(
            f"config.generation is top_k {config.top_k}, top_p {config.top_p}, beam_width {config.beam_width}; allowed "
            "of music, whose keys are drawn each by itself: 0, 1.0, 1"
        )
    pieces = len(experiment.dataset.splits["test"])
    if config.piece >= pieces:
        raise ValueError(f"config.generation.piece is {config.piece}; allowed: 0 to {pieces - 1}, the test split")
    prompt_TK, model, key = _first_frames(experiment, config), experiment.model, jax.random.key(0)
    jax.eval_shape(lambda: generation.generate_frames(model, model.init(key, prompt_TK[None]), prompt_TK, 1, 1.0, key))


def text(experiment: Experiment, variables: Any) -> Iterator[str]:
    """The prompt of ``config.generation`` and what continues it, a symbol at a time; of a beam, all at once."""
    config, vocabulary = GenerationConfig(**experiment.config["generation"]), experiment.dataset.vocabulary
    variables = experiment.trainer.parallel.get(variables, REPLICATED)
    assert vocabulary is not None
    prompt_T = jnp.asarray(_prompt(experiment))
    if config.beam_width > 1:
        tokens = generation.likeliest(experiment.model, variables, prompt_T, config.length, config.beam_width)
        yield vocabulary.decode(np.concatenate([prompt_T, tokens]))
        return
    drawn = generation.stream(
        experiment.model, variables, prompt_T, config.length, config.temperature,
        _key(experiment, config), top_k=config.top_k, top_p=config.top_p,
    )  # fmt: skip
    so_far, said, whole = np.asarray(prompt_T).tolist(), "", vocabulary.decode(np.asarray(prompt_T))
    for symbol in itertools.chain([None], drawn):
        if symbol is not None:
            so_far.append(symbol)
            whole = vocabulary.decode(np.array(so_far))
        if not whole.endswith("\ufffd"):  # byte pairs may be a letter only together with the next
            yield whole[len(said) :]
            said = whole
    yield whole[len(said) :]


def source(experiment: Experiment) -> np.ndarray:
    """The prompt of ``config.generation`` as a model of pairs reads it: ids ``[S]``.

    Raises:
      ValueError: it has no token, or unknown ones where the training sources have none.
    """
    prompt, vocabulary = experiment.config["generation"]["prompt"], experiment.dataset.vocabulary
    assert isinstance(vocabulary, Tokens)
    unit = "characters" if vocabulary.kind == "characters" else "words"
    found_S = vocabulary.encode(prompt)
    if not len(found_S):
        raise ValueError(f"config.generation.prompt is {prompt!r}, a source without {unit}; allowed: one or more")
    train = experiment.dataset.splits["train"]
    assert isinstance(train, Sequences)
    read = train.arrays["inputs/source"]
    assert isinstance(read, Ragged)
    _check_known(vocabulary, prompt, read.values, f"{unit} of the training pairs")
    return found_S


def targets(experiment: Experiment, variables: Any, source_S: np.ndarray) -> str:
    """What a model of pairs writes for a source: a line each, after log p in nats, first greedily, then of a beam."""
    config, vocabulary = GenerationConfig(**experiment.config["generation"]), experiment.dataset.vocabulary
    variables = experiment.trainer.parallel.get(variables, REPLICATED)
    assert isinstance(vocabulary, Tokens)
    found = decodings.hypotheses(
        experiment.model, variables, source_S, vocabulary, config.beam_width, config.length, config.length_penalty
    )
    named = [("greedy", found["greedy"][0])]
    named += [(f"beam {place}", one) for place, one in enumerate(found.get("beam", []), 1)]
    lines = [("", "log p", "text"), ("source", "", vocabulary.decode(source_S))]
    lines += [(name, f"{one.log_probability:.4f}", one.text) for name, one in named]
    return "\n".join(f"{name:<8} {log:>10}  {text}" for name, log, text in lines)


def piece(experiment: Experiment, variables: Any, folder: Path) -> str:
    """The first frames of a test piece, continued: leaves a MIDI file and a picture in ``folder``; says where."""
    config = GenerationConfig(**experiment.config["generation"])
    variables = experiment.trainer.parallel.get(variables, REPLICATED)
    prompt_TK, key = _first_frames(experiment, config), _key(experiment, config)
    drawn_TK = generation.generate_frames(
        experiment.model, variables, prompt_TK, config.length, config.temperature, key
    )
    roll_TK = np.concatenate([prompt_TK, drawn_TK]).astype(np.uint8)
    (folder / MIDI).parent.mkdir(exist_ok=True)
    (folder / MIDI).write_bytes(standard_midi(roll_TK, experiment.dataset.steps_per_quarter))
    origin = f"{len(prompt_TK)} frames of test piece {config.piece}"
    plots.piano_roll(
        roll_TK, len(prompt_TK), LOWEST, folder / PICTURE, f"{experiment.config['name']}: {origin} and what follows"
    )
    return f"{origin} and {config.length} more: {short(folder / MIDI)}, {short(folder / PICTURE)}"


def _prompt(experiment: Experiment) -> np.ndarray:
    """What a text begins with: ids ``[T]``, one or more.

    Raises:
      ValueError: the prompt of ``config.generation`` has no symbol, or unknown ones where the training text has none.
    """
    prompt, vocabulary, splits = (
        experiment.config["generation"]["prompt"], experiment.dataset.vocabulary, experiment.dataset.splits
    )  # fmt: skip
    train, validation = splits["train"], splits["validation"]
    assert vocabulary is not None
    assert isinstance(train, Stream)
    assert isinstance(validation, Stream)
    if not prompt:
        return validation.tokens[:BEGINNING]
    found_T = vocabulary.encode(prompt)
    if not len(found_T):
        raise ValueError(f"config.generation.prompt is {prompt!r}, without a symbol; allowed: one or more, or ''")
    _check_known(vocabulary, prompt, train.tokens, "symbols of the training text")
    return found_T


def _check_known(vocabulary: Vocabulary | Tokens, prompt: str, read: np.ndarray, allowed: str) -> None:
    """Raises ValueError where a prompt has what is unknown, and the network has never read that."""
    unknown = vocabulary.unknown_in(prompt)
    if unknown and vocabulary.unknown not in read:
        raise ValueError(
            f"config.generation.prompt is {prompt!r}, with unknown {', '.join(map(repr, unknown))}; allowed: {allowed}"
        )


def _key(experiment: Experiment, config: GenerationConfig) -> jax.Array:
    return jax.random.fold_in(jax.random.key(experiment.config["seed"]), config.seed)


def _first_frames(experiment: Experiment, config: GenerationConfig) -> jax.Array:
    """``[frames, 88]``, or fewer of a shorter piece."""
    split = experiment.dataset.splits["test"]
    assert isinstance(split, Sequences)
    return jnp.asarray(split.arrays["inputs"][config.piece][: config.frames])
