"""Files that a user names."""

import pytest

from sequence_lab.data.own import reading


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt", "c, d.txt", "e,f,g.txt", "[1].txt", *(f"{'long' * 20}{i}.txt" for i in range(9))):
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("a.txt", ["a.txt"]),
        (" b.txt , a.txt,", ["b.txt", "a.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("c, d.txt", ["c, d.txt"]),
        ("a.txt,e,f,g.txt, c, d.txt ,b.txt", ["a.txt", "e,f,g.txt", "c, d.txt", "b.txt"]),
        ("[1].txt,[ab].txt", ["[1].txt", "a.txt", "b.txt"]),
        (",".join(f"{'long' * 20}{i}.txt" for i in range(9)), [f"{'long' * 20}{i}.txt" for i in range(9)]),
    ],
)
def test_paths_are_parted_by_commas_but_for_those_that_are_there(here, files, found):
    assert [str(path) for path in reading.paths(files)] == found


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("", "dataset.files is ''; allowed: one file or more"),
        (" , ", "dataset.files is ' , '; allowed: one file or more"),
        ("a.txt,nowhere.txt,b.txt", "dataset.files names 'nowhere.txt', which is not there; allowed: files that"),
        ("*.txt,b.txt", "dataset.files names b.txt twice; allowed: every file once"),
    ],
)
def test_files_that_are_not_there_or_twice_are_refused(here, files, said):
    with pytest.raises(ValueError, match=said):
        reading.paths(files)
