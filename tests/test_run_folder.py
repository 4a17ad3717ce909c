"""A run's folder: one experiment, one process, nothing written where it should not be."""

import json

import pytest

from sequence_lab.run_folder import CONFIG, RunFolder, flatten
from sequence_lab.schema import Refused

BASE = {"seed": 1, "training": {"num_steps": 10, "batch_size": 4}, "model": {"features": (3, 4)}}


def claimed(path, config=BASE):
    folder = RunFolder(path)
    folder.check(config)
    with folder.claim(config):
        pass
    return folder


def test_checking_writes_nothing(tmp_path):
    RunFolder(tmp_path / "new" / "run").check(BASE)
    assert list(tmp_path.iterdir()) == []


def test_the_same_config_and_more_steps_are_let_in(tmp_path):
    folder = claimed(tmp_path / "run")
    folder.check(BASE)
    folder.check({**BASE, "training": {"num_steps": 20, "batch_size": 4}})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 2}, "seed"),
        ({"training": {"num_steps": 5, "batch_size": 4}}, "training.num_steps"),
        ({"training": {"num_steps": 10, "batch_size": 8}}, "training.batch_size"),
        ({"model": {"features": (3,)}}, "model.features"),
        ({"extra": 1}, "extra"),
    ],
)
def test_another_config_is_refused_by_the_name_of_the_field(tmp_path, change, name):
    folder = claimed(tmp_path / "run")
    with pytest.raises(ValueError, match=rf"config\.{name} is .*allowed"):
        folder.check({**BASE, **change})


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match="holds other files"):
        RunFolder(tmp_path).check(BASE)


def test_a_place_that_takes_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "run", tmp_path / "file", "/proc/run"):
        with pytest.raises(ValueError, match="cannot be written"):
            RunFolder(path).check(BASE)


def test_a_damaged_config_is_refused(tmp_path):
    folder = claimed(tmp_path / "run")
    (folder.path / CONFIG).write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        folder.check(BASE)


def test_a_second_process_is_kept_out(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.claim(BASE), pytest.raises(Refused, match="in use by another process"), folder.claim(BASE):
        pass


def test_config_is_written_resolved_and_readable(tmp_path):
    folder = claimed(tmp_path / "run")
    assert json.loads((folder.path / CONFIG).read_text())["model"] == {"features": [3, 4]}


def test_flatten_names_every_leaf():
    assert flatten({"a": {"b": {"c": 1}}, "d": {}, "e": 2}) == {"a.b.c": 1, "d": {}, "e": 2}
