import os

import pytest

from sequence_lab.schema import Refused
from sequence_lab.sweeps import Range, Space, study
from sequence_lab.sweeps.study import JOURNAL, Study, folder_name, opened

CONFIG = {"name": "tiny", "seed": 0, "optimizer": {"learning_rate": 1e-3}, "baselines": ()}
RATES = Space({"optimizer.learning_rate": (0.1, 0.2)}, seeds=2)


def open_(folder, space=RATES, config=CONFIG, mode="min"):
    return opened(folder, config, space, space.trials(0), mode)


def test_trials_come_once_each_in_order_with_readable_names(tmp_path):
    with open_(tmp_path / "sweep") as queue:
        taken = [queue.take() for _ in range(5)]
    assert [trial and trial.name for trial in taken] == [
        "0000_learning_rate=0.1_seed=0",
        "0001_learning_rate=0.2_seed=0",
        "0002_learning_rate=0.1_seed=1",
        "0003_learning_rate=0.2_seed=1",
        None,
    ]
    assert taken[3].overrides == {"optimizer.learning_rate": 0.2, "seed": 1}


def test_opening_again_requeues_what_ran_and_repeats_nothing_finished(tmp_path):
    with open_(tmp_path) as queue:
        first, second, third = (queue.take() for _ in range(3))
        queue.complete(first.number, 0.5, {"metrics": {"validation": {"loss": 0.5}}, "seconds": 1.0})
        queue.fail(second.number, "diverged")
    with open_(tmp_path) as queue:
        states = [record["state"] for record in queue.records({})]
        assert states == ["complete", "failed", "waiting", "waiting"]
        assert queue.take() == third
        assert queue.take().number == 3
        assert queue.take() is None
        assert queue.records({})[0]["metrics"] == {"validation": {"loss": 0.5}}
        assert queue.records({})[1]["reason"] == "diverged"


def test_a_trial_put_back_is_taken_again(tmp_path):
    with open_(tmp_path) as queue:
        trial = queue.take()
        assert queue.died(trial.number) == 1
        queue.put_back(trial.number)
        assert queue.take() == trial
        assert queue.died(trial.number) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"axes": {"a": (0.1,)}}, {"axes": {"a": (0.2, 0.1)}, "seeds": 2}),
        ({"axes": {"a": ("x", "y")}}, {"axes": {"a": ("z", "x", "y")}}),
        ({"axes": {"a": ((1,), (2, 2))}}, {"axes": {"a": ((1,), (2, 2), (3,))}}),
        ({"axes": {"a": (True,)}}, {"axes": {"a": (True, False)}}),
        (
            {"axes": {"a": Range(1e-3, 1.0, log=True)}, "points": 2},
            {"axes": {"a": Range(1e-3, 1.0, True)}, "points": 4},
        ),
        ({"axes": {}, "seeds": 1}, {"axes": {}, "seeds": 3}),
    ],
)
def test_more_values_points_and_seeds_join_a_sweep(tmp_path, before, after):
    with open_(tmp_path, Space(**before)) as queue:
        first = queue.take()
        queue.complete(first.number, 1.0, {})
        there = queue.count()
    with open_(tmp_path, Space(**after)) as queue:
        wanted = Space(**after).trials(0)
        assert queue.count() == len(wanted) > there
        overrides = [record["overrides"] for record in queue.records({})]
        assert sorted(map(repr, overrides)) == sorted(map(repr, wanted))
        assert queue.records({})[0]["state"] == "complete"


def test_a_space_that_leaves_trials_out_is_refused_and_adds_nothing(tmp_path):
    with open_(tmp_path):
        pass
    with (
        pytest.raises(Refused, match=r"has the trial 0001_learning_rate=0\.2_seed=0, which"),
        open_(tmp_path, Space({"optimizer.learning_rate": (0.1, 0.3)}, seeds=2)),
    ):
        pass
    with open_(tmp_path) as queue:
        assert queue.count() == 4


def test_another_config_is_refused_by_the_name_of_its_field(tmp_path):
    with open_(tmp_path):
        pass
    other = {**CONFIG, "optimizer": {"learning_rate": 1e-2}}
    with pytest.raises(Refused, match=r"config.optimizer.learning_rate is 0.01, but the sweep in .* has 0.001"):
        open_(tmp_path, config=other).__enter__()
    with open_(tmp_path):
        pass


def test_an_older_sweep_goes_on_with_new_fields_and_whatever_makes_no_other_run(tmp_path):
    now = {**CONFIG, "generation": {"prompt": ""}, "published": {"loss": (0.5, "a paper")}, "new": 1}
    with open_(tmp_path, config={**CONFIG, "generation": {"prompt": "The "}, "published": {"loss": (0.4, "it")}}):
        pass
    with pytest.raises(Refused, match=r"config\.new is 1, but the sweep in"):
        open_(tmp_path, config=now).__enter__()
    with opened(tmp_path, now, RATES, RATES.trials(0), "min", lambda known: {**known, "new": 1}) as queue:
        assert queue.count() == 4


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Refused, match="holds other files"):
        open_(tmp_path).__enter__()
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_second_process_is_kept_out(tmp_path):
    with open_(tmp_path), pytest.raises(Refused, match="in use by another process"):
        open_(tmp_path).__enter__()


def test_what_a_killed_process_leaves_is_mended(tmp_path):
    with open_(tmp_path) as queue:
        queue.complete(queue.take().number, 1.0, {})
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code": 6, "worker')
    os.symlink(tmp_path / JOURNAL, tmp_path / f"{JOURNAL}.lock")
    with open_(tmp_path) as queue:
        assert queue.count() == 4
        assert queue.take().number == 1


def test_scores_go_to_optuna_with_their_direction_and_parameters(tmp_path):
    with open_(tmp_path, mode="max") as queue:
        for score in (0.5, 0.7):
            queue.complete(queue.take().number, score, {})
    inside = Study(tmp_path / JOURNAL, "max")._study
    assert inside.best_value == 0.7
    assert inside.best_params == {"optimizer.learning_rate": 0.2}


def test_names_are_safe_for_a_file_system():
    name = folder_name(12, {"model.features": (64, 64), "path": "a/b c", "seed": 1})
    assert name == "0012_features=-64-64-_path=a-b-c_seed=1"
    assert len(folder_name(1, {"path": "x" * 500, "seed": 1})) < 130


def test_the_lock_marks_a_sweep_and_not_a_run(tmp_path):
    with open_(tmp_path):
        pass
    with pytest.raises(ValueError, match="holds other files"):
        study.RunFolder(tmp_path).check(CONFIG)
