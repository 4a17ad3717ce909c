"""DNA of a user's own."""

import collections
import gzip
import itertools

import numpy as np
import pytest

from sequence_lab.data import DATASETS, dna, fasta_format
from sequence_lab.data.own import reading
from sequence_lab.data.own.fasta import shuffled_by_pairs


def written(tmp_path, name, *records):
    content = "".join(f">{header}\n{sequence}\n" for header, sequence in records).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(path)


def letters(row):
    return "".join("ACGTN"[4 if not base.any() else int(base.argmax())] for base in row)


def test_a_class_per_file_mixed_case_and_unknown_letters(tmp_path):
    positive = written(tmp_path, "pos.fa.gz", *((f"chr1:{i} a b", "acGTn"[: 3 + i % 3]) for i in range(6)))
    negative = written(tmp_path, "neg.fa", *((f"x{i}", "TTRT") for i in range(4)))
    dataset = DATASETS["fasta"](f"{positive},{negative}", validation=0.2, test=0.2)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 6, "validation": 2, "test": 2}
    assert dataset.classes == ("neg", "pos")
    seen = collections.Counter()
    for rows in dataset.splits.values():
        for row in range(len(rows)):
            text = letters(rows.arrays["inputs"][row])
            seen[text] += 1
            assert (rows.arrays["labels"][row] == 0) == (text == "TTNT")
    assert seen == {"ACG": 2, "ACGT": 2, "ACGTN": 2, "TTNT": 4}


def test_classes_in_headers_and_groups_by_chromosome(tmp_path):
    records = [(f"chr{i % 5}:{i}-{i + 4} class={'ab'[i // 2 % 2]}", "ACGT"[i % 4 :] + "A") for i in range(40)]
    files = written(tmp_path, "all.fasta", *records)
    dataset = DATASETS["fasta"](files, label_pattern=r"class=(\w+)", group="chromosome", test=0.2, validation=0.25)
    assert dataset.classes == ("a", "b")
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 24, "validation": 8, "test": 8}


def test_validation_and_test_may_be_given(tmp_path):
    for split, count in (("train", 12), ("valid", 4), ("test", 3)):
        (tmp_path / split).mkdir()
        for kind in ("pos", "neg"):
            written(tmp_path / split, f"{kind}.fa", *((f"{split}{i}", "ACGT" * count) for i in range(count)))
    files = {"test_files": f"{tmp_path}/test/*.fa", "validation_files": f"{tmp_path}/valid/*.fa"}
    dataset = DATASETS["fasta"](f"{tmp_path}/train/*.fa", **files)
    assert dataset.classes == ("neg", "pos")
    for split, count in (("train", 12), ("validation", 4), ("test", 3)):
        assert set(dataset.splits[split].lengths) == {4 * count}
        assert np.bincount(dataset.splits[split].arrays["labels"]).tolist() == [count, count]
    one, other = (f"{tmp_path}/{split}/pos.fa" for split in ("train", "test"))
    drawn = DATASETS["fasta"](one, test_files=other, shuffled=1, validation=0.25)
    assert {split: len(rows) for split, rows in drawn.splits.items()} == {"train": 18, "validation": 6, "test": 6}
    assert set(drawn.splits["test"].lengths) == {12}


HEADERS = {
    "hg19_ct_UserTrack_3545_peak{i} range=chr{c}:10{i}-20{i} 5'pad=0 3'pad=0 strand=+ repeatMasking=none": "1X",
    "hg38_dna range=chr{c}{piece}:1{i}-9{i}": "1X",
    "chr{c} 100-2{i}": "1X",
    "chr{c}-100-2{i}": "1X",
    "chr{c}|1{i}|2": "1X",
    "chr{c}_1{i}_200": "1X",
    "Chr{c}:1{i}-200(+)": "1X",
    "peak_{i}::chr{c}:1{i}-200": "1X",
    "CHR{c};{i}": "12",
    "{c}:1{i}-200(-)": ("2L", "MT"),
    "{c}:1{i}..200": ("2L", "X"),
    "NC_00000{c}.11:1{i}-200": "12",
    "x range=NC_00000{c}.11:1{i}-200": "12",
    "chronic_{i} chr{c}.{i}": ("Un", "IV"),
}


PIECES = ("", "", "_KI270706v1_random", "_alt", "_fix")


@pytest.mark.parametrize("header", HEADERS)
def test_a_chromosome_is_found_in_every_usual_header(tmp_path, header):
    kinds = [{"c": HEADERS[header][i % 2], "piece": PIECES[i // 2 % 5], "i": i} for i in range(40)]
    names = [f"{header.format(**kind)} class={kind['i'] // 2 % 2}" for kind in kinds]
    files = written(tmp_path, "all.fa", *((name, "ACGT"[: 1 + i % 2]) for i, name in enumerate(names)))
    dataset = DATASETS["fasta"](files, label_pattern=r"class=(\d)", group="chromosome", test=0.5, validation=0.0)
    assert {split: set(rows.lengths) for split, rows in dataset.splits.items()} in (
        {"train": {1}, "test": {2}},
        {"train": {2}, "test": {1}},
    )
    assert [len(rows) for rows in dataset.splits.values()] == [20, 20]


@pytest.mark.parametrize("header", ["peak_1 chromatin", "1 dna:chromosome chromosome:GRCh38:1:1:9:1", "hg19_peak", "x"])
def test_a_header_without_a_chromosome_is_named(tmp_path, header):
    files = written(tmp_path, "a.fa", ("chr1:1-2", "ACGT"), (header, "ACGT"))
    with pytest.raises(ValueError, match=f"a.fa, record '{header}' names no chromosome; allowed: one, as chr7:100-300"):
        DATASETS["fasta"](files, group="chromosome")


def test_clusters_stay_together(tmp_path):
    files = [
        written(tmp_path, f"{kind}.fa", *((f"{kind}{i} more", "ACGT" * (i + 1)) for i in range(6))) for kind in "pq"
    ]
    (tmp_path / "clusters.tsv").write_text("".join(f"{kind}{i}\tc{i}\n" for kind in "pq" for i in range(6)))
    dataset = DATASETS["fasta"](
        ",".join(files), cluster_file=str(tmp_path / "clusters.tsv"), test=0.34, validation=0.25
    )
    lengths = {split: collections.Counter(rows.lengths.tolist()) for split, rows in dataset.splits.items()}
    assert all(count == 2 for found in lengths.values() for count in found.values())
    assert sum(map(len, lengths.values())) == 6
    (tmp_path / "clusters.tsv").write_text("p0 c\n")
    with pytest.raises(ValueError, match=r"clusters.tsv has no line for 'p1'"):
        DATASETS["fasta"](",".join(files), cluster_file=str(tmp_path / "clusters.tsv"))
    (tmp_path / "clusters.tsv").write_text("p0 c\np0 d\n")
    with pytest.raises(ValueError, match=r"clusters.tsv, line 2 is 'p0 d'; allowed: an id that has no line yet"):
        DATASETS["fasta"](",".join(files), cluster_file=str(tmp_path / "clusters.tsv"))


def pairs(sequence):
    return collections.Counter(itertools.pairwise(sequence))


def test_shuffling_keeps_the_counts_of_neighbours_and_reaches_every_order():
    random = np.random.default_rng(0)
    for length in (0, 1, 2, 3, 10, 200):
        sequence = "".join(random.choice(list("ACGT"), length))
        found = shuffled_by_pairs(sequence, random)
        assert pairs(found) == pairs(sequence)
        assert (found[:1], found[-1:]) == (sequence[:1], sequence[-1:])
    sequence = "ACAGATACTGA"
    every = {s for s in map("".join, set(itertools.permutations(sequence[1:-1]))) if pairs(f"A{s}A") == pairs(sequence)}
    drawn = collections.Counter(shuffled_by_pairs(sequence, random)[1:-1] for _ in range(40 * len(every)))
    assert set(drawn) == every
    assert min(drawn.values()) > 10


def test_negatives_are_made_and_stay_with_what_they_were_made_of(tmp_path):
    random = np.random.default_rng(1)
    sequences = ["".join(random.choice(list("ACGT"), 30 + i)) for i in range(10)]
    files = written(tmp_path, "peaks.fa", *((f"p{i}", s) for i, s in enumerate(sequences)))
    dataset = DATASETS["fasta"](files, shuffled=2, test=0.3, validation=0.0)
    assert dataset.classes == ("peaks", "shuffled")
    for rows in dataset.splits.values():
        by_length = collections.defaultdict(list)
        for row in range(len(rows)):
            by_length[rows.lengths[row]].append((rows.arrays["labels"][row], letters(rows.arrays["inputs"][row])))
        for found in by_length.values():
            assert sorted(label for label, _ in found) == [0, 1, 1]
            assert len({frozenset(pairs(text).items()) for _, text in found}) == 1
            assert len({text for _, text in found}) == 3


def test_class_weights_make_every_class_count_as_much(tmp_path):
    files = [
        written(tmp_path, f"{kind}.fa", *((f"{i}", "ACGT") for i in range(count)))
        for kind, count in (("a", 30), ("b", 10))
    ]
    dataset = DATASETS["fasta"](",".join(files), class_weights=True, test=0.1, validation=0.0)
    batch = dataset.splits["train"].training_batch(0, 36, 0)
    totals = np.bincount(batch["labels"], batch["mask"])
    np.testing.assert_allclose(totals, [18, 18], rtol=1e-6)
    rows = next(dataset.splits["test"].evaluation_batches(6))
    assert set(rows["mask"]) == {0, 1}


BAD = {
    "no header": (b"ACGT\n", {}, r"a.fa, line 1 is 'ACGT'; allowed: a header"),
    "no sequence": (b">x\n>y\nAC\n", {}, r"a.fa, line 1: the record 'x' is empty"),
    "no records": (b"\n", {}, "a.fa has no records"),
    "not UTF-8": (b">x\xff\nAC\n", {}, "a.fa, line 1 is not utf-8; allowed: UTF-8$"),
    "a sign": (b">x\nAC-T\n", {}, r"a.fa, record 'x' has '-'; allowed: ACGT and IUPAC's"),
    "twice": (b">x\nAC\n>x\nAC\n", {}, r"a.fa has two records 'x'; allowed: one"),
    "no class": (b">x\nAC\n", {"label_pattern": r"c=(\w)"}, "record 'x' has no class; allowed"),
    "a pattern": (b">x\nAC\n", {"label_pattern": "("}, r"dataset.label_pattern is '\('"),
    "a group": (b">x\nAC\n", {"group": "gene"}, "dataset.group is 'gene'; allowed: chromosome, or none"),
    "two ways": (b">x\nAC\n", {"group": "chromosome", "cluster_file": "c"}, "allowed: one of them"),
    "one class": (b">x\nAC\n>y\nAC", {"test": 0.0, "validation": 0.0}, "the one class 'a'"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named(tmp_path, what):
    content, options, said = BAD[what]
    (tmp_path / "a.fa").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        DATASETS["fasta"](str(tmp_path / "a.fa"), **options)


def test_a_letter_that_is_no_code_of_dna_is_named(tmp_path):
    (tmp_path / "a.fa").write_text(">one\nACGTNRYu\n>two\nACJGT\n")
    (tmp_path / "b.fa").write_text(">three\nACGT\n")
    with pytest.raises(ValueError, match=r"a.fa, record 'two' has 'J'; allowed: ACGT and IUPAC's"):
        DATASETS["fasta"](f"{tmp_path}/a.fa,{tmp_path}/b.fa")


@pytest.mark.parametrize("most", [1, 3, 7, 1 << 16])
def test_records_read_in_pieces_are_the_records(tmp_path, most):
    """However small the pieces, of lines or within them."""
    content = "\n>a first\nacgtn\nACG\n\n> b\n>c\r\nTTTT\nA"
    (tmp_path / "x.fa.gz").write_bytes(gzip.compress(content.encode()))
    found = {}
    for line, header, letters in fasta_format.pieces(reading.streamed(tmp_path / "x.fa.gz", most), "x"):
        found.setdefault(line, [header, ""])[1] += letters
    assert list(found) == [2, 6, 7]
    names = ["a first", "b", "c"] if most > 8 else [header for header, _ in found.values()]
    assert list(found.values()) == [[names[0], "ACGTNACG"], [names[1], ""], [names[2], "TTTTA"]]
    (tmp_path / "x.fa").write_text("\nACGT\n>a\n")
    with pytest.raises(ValueError, match=r"x, line 2 is 'A.*'; allowed: a header"):
        list(fasta_format.pieces(reading.streamed(tmp_path / "x.fa", most), "x"))


def test_ids_of_bases_are_the_one_hot_of_them():
    text = "".join(np.random.default_rng(0).choice(list(dna.BASES + dna.CODES), 60))
    np.testing.assert_array_equal(np.eye(5, 4)[dna.ids(text)], dna.one_hot(text))
    for wrong in ("a", "-", "é", "€"):
        with pytest.raises(ValueError, match=f"'{wrong}'; allowed: ACGT and"):
            dna.ids(f"AC{wrong}T")
