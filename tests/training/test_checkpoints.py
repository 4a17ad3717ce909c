"""Checkpoints: what comes back is what went in, or the step before."""

import errno
import json
import logging
import os
import shutil

import numpy as np
import orbax.checkpoint as ocp
import pytest

from sequence_lab.training.checkpoints import MANIFEST, Checkpoints


def tree(seed):
    random = np.random.default_rng(seed)
    # Random bits: a flipped byte in them cannot show up as a failed decompression.
    noise = random.integers(0, 2**32, (64, 64), dtype=np.uint32)
    return {"a": random.normal(size=(3, 2)).astype(np.float32), "b": {"c": np.int32(seed), "noise": noise}}


def filled(folder, steps=(1, 2, 3), best_step=None):
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(step, tree(step), {"step": step, "pi": 0.1 + 0.2}, best_step)
    checkpoints.close()
    return checkpoints


def assert_equal(found, expected):
    np.testing.assert_array_equal(found["a"], expected["a"])
    np.testing.assert_array_equal(found["b"]["noise"], expected["b"]["noise"])
    assert found["b"]["c"] == expected["b"]["c"]


def test_what_was_saved_comes_back_bit_for_bit(tmp_path):
    filled(tmp_path)
    step, arrays, host = Checkpoints(tmp_path).restore_latest(tree(0))
    assert step == 3
    assert_equal(arrays, tree(3))
    assert host == {"step": 3, "pi": 0.1 + 0.2}


def test_nothing_to_restore_is_none(tmp_path):
    assert Checkpoints(tmp_path / "none").restore_latest(tree(0)) is None


def test_last_two_and_best_are_kept(tmp_path):
    checkpoints = filled(tmp_path, range(1, 7), best_step=2)
    assert checkpoints.steps() == [6, 5, 2]


def test_saving_a_step_again_leaves_it_as_it_is(tmp_path):
    checkpoints = filled(tmp_path, (1, 2))
    checkpoints.save(2, tree(9), {}, None)
    checkpoints.close()
    assert_equal(Checkpoints(tmp_path).restore_latest(tree(0))[1], tree(2))


def flip_byte(folder):
    """In the largest file: the array of random bits."""
    path = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(folder):
    path = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    path.write_bytes(path.read_bytes()[:-100])


def remove_file(folder):
    max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size).unlink()


def remove_manifest(folder):
    (folder / MANIFEST).unlink()


def garble_manifest(folder):
    (folder / MANIFEST).write_text("{")


@pytest.mark.parametrize("harm", [flip_byte, truncate, remove_file, remove_manifest, garble_manifest])
def test_damage_falls_back_to_the_step_before_and_says_so(tmp_path, harm):
    filled(tmp_path)
    harm(tmp_path / "3")
    said = []
    checkpoints = Checkpoints(tmp_path, said.append)
    step, arrays, _ = checkpoints.restore_latest(tree(0))
    assert step == 2
    assert_equal(arrays, tree(2))
    assert len(said) == 1
    assert "step 3" in said[0]
    assert "falling back" in said[0]
    # The step can be written again, and counts again.
    checkpoints.save(3, tree(7), {}, None)
    checkpoints.close()
    assert_equal(Checkpoints(tmp_path).restore_latest(tree(0))[1], tree(7))


def test_when_all_are_damaged_there_is_none(tmp_path):
    filled(tmp_path)
    for step in (2, 3):
        flip_byte(tmp_path / str(step))
    said = []
    assert Checkpoints(tmp_path, said.append).restore_latest(tree(0)) is None
    assert len(said) == 2


def test_a_checkpoint_that_was_being_written_does_not_count(tmp_path):
    filled(tmp_path)
    shutil.copytree(tmp_path / "3", tmp_path / "4.orbax-checkpoint-tmp")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.steps() == [3, 2]
    assert checkpoints.restore_latest(tree(0))[0] == 3


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_said_once_and_the_steps_before_stay(tmp_path, monkeypatch, reason):
    filled(tmp_path, (1, 2))
    checkpoints = Checkpoints(tmp_path)

    def full(manager):
        raise ValueError(f"RESOURCE_EXHAUSTED: Failed to write 9 bytes to file 7: {os.strerror(reason)}")

    checkpoints.save(3, tree(3), {}, None)
    with monkeypatch.context() as patched:
        patched.setattr(ocp.CheckpointManager, "wait_until_finished", full)
        with pytest.raises(OSError, match=r"3'$") as found:
            checkpoints.finish()
        assert found.value.errno == reason
    checkpoints.close()
    step, arrays, _ = Checkpoints(tmp_path).restore_latest(tree(0))
    assert step == 2
    assert_equal(arrays, tree(2))


def test_orbax_logs_other_faults_and_not_those_that_are_raised_in_one_line():
    absl = logging.getLogger("absl")
    errors = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ValueError("another fault")]
    records = [absl.makeRecord("absl", logging.ERROR, "", 0, "", (), (type(e), e, None)) for e in errors]
    assert [bool(absl.filter(record)) for record in records] == [False, True]


@pytest.mark.parametrize("stop", [ValueError("another fault"), KeyboardInterrupt()])
def test_another_fault_is_no_full_disk_and_a_second_interruption_leaves_the_step_to_be_sealed(
    tmp_path, monkeypatch, stop
):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, tree(1), {}, None)

    def fails(manager):
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr(ocp.CheckpointManager, "wait_until_finished", fails)
        with pytest.raises(type(stop)):
            checkpoints.finish()
    checkpoints.close()
    sealed = Checkpoints(tmp_path).restore_latest(tree(0)) is not None
    assert sealed == isinstance(stop, KeyboardInterrupt)


def test_manifest_names_every_file(tmp_path):
    filled(tmp_path)
    named = set(json.loads((tmp_path / "3" / MANIFEST).read_text()))
    there = {str(p.relative_to(tmp_path / "3")) for p in (tmp_path / "3").rglob("*") if p.is_file()}
    assert named == there - {MANIFEST}
