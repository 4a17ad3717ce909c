"""Every file in experiments/ builds and runs two steps, on data that the test makes."""

import importlib.util
import math
import re
from pathlib import Path

import jax
import pytest

from sequence_lab import schema
from sequence_lab.composition import compose, tables
from sequence_lab.config import resolved
from sequence_lab.ops import metrics
from sequence_lab.results import pictures, samples
from sequence_lab.sweeps.space import search_space
from tests.data import prepared_made
from tests.data.own.files_made import OWN

FILES = sorted((Path(__file__).resolve().parent.parent / "experiments").glob("*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_experiment_on_own_data_has_some():
    assert {path.stem for path in FILES if path.stem.startswith("own_")} == set(OWN)


def test_there_are_experiments():
    assert {"quickstart", "digits_conv2d", "digits_gru", "adding_lstm"} <= {path.stem for path in FILES}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQUENCE_LAB_DATA", str(prepared_made.prepare(tmp_path_factory.mktemp("data"))))
        yield


def small(config):
    """Of the same experiment, what the made sets are large enough for: less depth, fewer symbols."""
    if config.dataset_name in prepared_made.MADE:
        config.training.batch_size = config.training.evaluation_batch_size = 8
        config.dataset.update(FEWER.get(config.dataset_name, {}))
    if config.model_name == "resnet":  # one of 8 layers has blocks of every kind, and compiles in a third of the time
        config.model.depth = 8
    config.model.update({name: few for name, few in {"classes": 3, "cutoffs": (3, 6)}.items() if name in config.model})
    return config


FEWER = {
    "cifar10": {"validation": 8},
    "cifar10_first4000": {"validation": 8, "test": 8},
    "dna_enhancers": {"validation": 0.25},
    "mnist": {"validation": 8},
    "music_speech": {"recordings": 8, "seconds": 3.0},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_runs_two_steps(path, tmp_path, prepared):
    """Without folder and plots, which are the same for all of them."""
    config = small(load(path).get_config())
    assert config.name == path.stem
    if path.stem in OWN:
        config.dataset.update(OWN[path.stem](tmp_path))
    parts = compose(config, devices=jax.devices()[:1])
    state = parts.initial_state()
    carry = parts.trainer.initial_carry(config.training.batch_size)
    for index in range(2):
        state, carry, measures = parts.trainer.train_step(state, carry, parts.training_batch(index))
        assert math.isfinite(metrics.Mean(*measures["grad_norm"]).value())
        assert all(math.isfinite(mean.total) for mean in measures.values())
    assert state.step == 2


def test_the_convnet_keeps_its_filters_of_5x5_within_the_image(prepared):
    parts = compose(small(load(FILES[0].with_name("cifar4000_convnet.py")).get_config()), devices=jax.devices()[:1])
    first = pictures.first_convolution(parts, parts.initial_state().variables)
    assert first.kernel.shape[:3] == (5, 5, 3)
    images = next(iter(parts.evaluation_batches("test")))["inputs"]
    assert images.shape[1:] == (32, 32, 3)
    assert jax.eval_shape(first.maps, images).shape[1:3] == (28, 28)


@pytest.mark.parametrize(
    "path", [path for path in FILES if hasattr(load(path), "get_sweep")], ids=lambda path: path.stem
)
def test_what_an_experiment_sweeps_is_in_its_config(path):
    module = load(path)
    sweep = module.get_sweep()
    space = search_space(resolved(schema.plain(module.get_config()), tables()), get_sweep=sweep)
    assert len(space.trials(0)) == max(1, sweep.get("seeds", 1)) * math.prod(map(len, sweep["axes"].values()))


@pytest.mark.parametrize("name", ["reverse_seq2seq", "sort_seq2seq", "dates_seq2seq", "dates_cho"])
def test_pairs_are_decoded_by_a_beam_as_far_as_their_longest_target(name):
    config = load(FILES[0].with_name(f"{name}.py")).get_config()
    parts = compose(config, devices=jax.devices()[:1])
    assert "beam/exact_match" in config.published
    assert config.generation.beam_width > 1
    assert config.generation.length == max(
        split.arrays["labels"].lengths.max() for split in parts.dataset.splits.values()
    )
    assert len(samples.source(parts)) == len(config.generation.prompt)


@pytest.mark.parametrize("name", ["own_text_table", "own_fasta"])
def test_a_set_of_24_rows_trains_in_batches_that_are_filled_up(name, tmp_path):
    config = load(FILES[0].with_name(f"{name}.py")).get_config()
    config.dataset.update(OWN[name](tmp_path))
    path = Path(config.dataset.files)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: 48 if name == "own_fasta" else 25]))
    parts = compose(config, devices=jax.devices()[:1])
    assert sum(map(len, parts.dataset.splits.values())) == 24
    batch = parts.training_batch(1)
    assert len(batch["mask"]) == config.training.batch_size == 32
    assert batch["mask"].sum() == len(parts.dataset.splits["train"])
    carry = parts.trainer.initial_carry(config.training.batch_size)
    _, _, measures = parts.trainer.train_step(parts.initial_state(), carry, batch)
    assert all(math.isfinite(mean.total) for mean in measures.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_says_how_to_run_it_and_what_to_expect(path):
    doc = load(path).__doc__
    command = "python launch.py" if path.stem == "quickstart" else f"python launch.py --config=experiments/{path.name}"
    own = f"{command} --config.dataset."  # which is nothing without files
    assert any(line.startswith(own) if path.stem in OWN else line == command for line in doc.splitlines())
    assert "minute" in doc
    assert re.search(r"\b\d+ seeds", " ".join(doc.split())) or path.stem in OWN
