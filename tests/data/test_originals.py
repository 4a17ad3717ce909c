"""Original files: found plain, compressed and in archives, checked by their sums, and named where they are broken."""

import bz2
import gzip
import hashlib
import io
import lzma
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from sequence_lab.data.originals import Missing, Originals, sum_of

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def tar(compression):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=f"w:{compression}") as archive:
        for name, content in (("set/a/other.txt", b"x"), ("set/b/file.txt", CONTENT)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def zipped(name="set/b/file.txt", content=CONTENT):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/", "")
        archive.writestr(name, content)
    return held.getvalue()


FORMS = {
    "b/file.txt": CONTENT,
    "b/file.txt.gz": gzip.compress(CONTENT),
    "b/file.txt.xz": lzma.compress(CONTENT),
    "b/file.txt.bz2": bz2.compress(CONTENT),
    "My_Set.tar": tar(""),
    "my_set.tgz": tar("gz"),
    "my_set.tar.xz": tar("xz"),
    "my_set.ZIP": zipped(),
    "published.zip": zipped("set/My_Set.tgz", tar("gz")),
}


def kept(tmp_path, name, content):
    path = tmp_path / "deep" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Originals([tmp_path], "*my_set*|published*")


@pytest.mark.parametrize("name", FORMS)
def test_a_file_is_found_in_every_form(tmp_path, name):
    files = kept(tmp_path, name, FORMS[name])
    assert files.one("file.txt") == files.one("file.txt", "0" * 64, SHA256) == CONTENT
    assert files.has("file.txt")
    assert not files.has("nowhere.txt")
    ((path, content),) = files.matching("b/*.txt")
    assert path.endswith("b/file.txt") or name.startswith("b/file.txt")
    assert content == CONTENT
    with pytest.raises(Missing, match=r"a/\*\.csv is not in .*, nor in an archive \*my_set\*\|published\* there"):
        list(files.matching("a/*.csv"))


def test_an_archive_that_is_cut_off_in_another_is_named(tmp_path):
    files = kept(tmp_path, "published.zip", zipped("set/my_set.zip", zipped()[:400]))
    with pytest.raises(ValueError, match=r"published\.zip/set/my_set\.zip cannot be read: .* it may be cut off"):
        files.one("file.txt")


def test_archives_of_other_names_stay_closed(tmp_path):
    kept(tmp_path, "published.zip", zipped("set/another.zip", zipped()))
    files = kept(tmp_path, "another.tar", FORMS["My_Set.tar"])
    with pytest.raises(Missing, match=r"file\.txt is not in"):
        files.one("file.txt")


def test_of_two_of_one_name_the_one_with_the_right_sum_counts_and_in_a_pattern_the_first(tmp_path):
    kept(tmp_path, "a/file.txt", b"another edition")
    files = kept(tmp_path, "my_set.zip", FORMS["my_set.ZIP"])
    assert files.one("file.txt", SHA256) == CONTENT
    assert [content for _, content in files.matching("file.txt")] == [b"another edition"]
    with pytest.raises(ValueError, match=r"file.txt has the SHA-256 .* and 10,240 bytes; allowed: 0000.*cut off"):
        files.one("file.txt", "0" * 64)


@pytest.mark.parametrize("name", [name for name in FORMS if name not in ("b/file.txt", "My_Set.tar")])
def test_what_is_cut_off_is_named(tmp_path, name):
    files = kept(tmp_path, name, FORMS[name][: len(FORMS[name]) // 2])
    with pytest.raises(ValueError, match=r"\S+ cannot be read: .* it may be cut off") as raised:
        list(files.matching("b/*.txt"))
    assert name in str(raised.value)


def test_of_several_editions_the_one_that_is_known_is_preferred(tmp_path):
    for folder, content in (("a", b"spoilt"), ("b", CONTENT)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file.txt").write_bytes(content)
    files = Originals([tmp_path], "")
    assert files.preferred("file.txt", SHA256) == CONTENT
    assert files.preferred("file.txt", "0" * 64) == b"spoilt"
    with pytest.raises(Missing):
        files.preferred("other.txt", SHA256)


MANY = {f"set/{name}": np.random.default_rng(i).bytes(99) for i, name in enumerate(("b.txt", "a.wav", "c.txt"))}


def laid(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_the_sum_of_many_files_is_that_of_what_sha256sum_prints(tmp_path):
    laid(tmp_path, MANY)
    printed = subprocess.run(["sha256sum", *sorted(MANY)], cwd=tmp_path, capture_output=True, check=True).stdout
    assert sum_of(MANY) == hashlib.sha256(printed).hexdigest()
    assert sum_of({"a.txt": b"1\r\n2\r\n"}) == sum_of({"a.txt": b"1\n2\n"}) != sum_of({"a.txt": b"1\n2\r"})
    assert sum_of({"a.wav": b"1\r\n2"}) != sum_of({"a.wav": b"1\n2"})


def test_of_many_files_those_of_one_place_with_the_right_sum_come(tmp_path):
    """From one that has another file of them, one that lacks a file, and one with a file compressed."""
    right, pattern = sum_of(MANY), "set/*.*"
    laid(tmp_path / "1", {**MANY, "set/a.wav": b"other"})
    laid(tmp_path / "2", {name: content for name, content in MANY.items() if "c" not in name})
    with pytest.raises(ValueError, match=r"^3 files set/\S+ in .* together; allowed: 0{16}\.\.\.: one is miss"):
        list(Originals([tmp_path], "").matching(pattern, "0" * 64))
    laid(tmp_path / "3", {name.replace(".wav", ".wav.gz"): gzip.compress(data) if "wav" in name else data
                          for name, data in MANY.items()})  # fmt: skip
    found = dict(Originals([tmp_path], "").matching(pattern, "0" * 64, right))
    assert sorted(found.values()) == sorted(MANY.values())
    assert all("/3/" in path for path in found)
    assert len(list(Originals([tmp_path], "").matching(pattern))) == 3
    with pytest.raises(Missing):
        list(Originals([tmp_path], "").matching("other/*.*", right))


def test_files_without_the_right_sum_come_before_the_error_that_says_so(tmp_path):
    laid(tmp_path, MANY)
    files = Originals([tmp_path], "")
    found = files.matching("set/*.*", "0" * 64)
    assert sorted(next(found)[1] for _ in MANY) == sorted(MANY.values())
    with pytest.raises(ValueError, match="have the SHA-256"):
        next(found)
    assert files.last.endswith("c.txt")


def test_an_archive_with_another_sum_is_as_if_it_were_not_there(tmp_path):
    files = kept(tmp_path, "my_set.zip", zipped())
    files.sha256 = {"my_set.zip": hashlib.sha256(zipped()).hexdigest(), "other.zip": "0" * 64}
    assert files.one("file.txt") == CONTENT
    files = kept(tmp_path, "my_set.zip", zipped(content=b"another"))
    files.sha256 = {"my_set.zip": "0" * 64}
    assert not files.has("file.txt")
    with pytest.raises(ValueError, match=r"my_set.zip has the SHA-256 .* bytes; allowed: 0{16}\.\.\.: it is cut"):
        files.one("file.txt")
    laid(tmp_path, {"b/file.txt": CONTENT})
    assert files.one("file.txt") == CONTENT
