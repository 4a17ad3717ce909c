"""Texts of a user's own, in all the forms that files have."""

import csv
import gettext
import gzip
import json
import struct

import numpy as np
import pytest

from sequence_lab.data import DATASETS
from sequence_lab.data.own import gettext_files

PLACES = ("train", "validation", "test")


def decoded(dataset, split, row):
    return dataset.vocabulary.decode(dataset.splits[split].arrays["inputs"][row])


def all_rows(dataset):
    """Text and class of every row of every split."""
    return sorted(
        (decoded(dataset, split, row), dataset.classes[rows.arrays["labels"][row]])
        for split, rows in dataset.splits.items()
        for row in range(len(rows))
    )


FORMS = {
    "plain": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "no final newline": lambda text: text.rstrip("\n").encode(),
    "empty lines": lambda text: text.replace("\n", "\n\n").encode(),
    "latin-1": lambda text: text.encode("latin-1"),
}


@pytest.mark.parametrize("form", FORMS)
def test_tables_in_every_form(tmp_path, form):
    words = ("süß", "bad", "öde", "fine", "good", "dull", "sad", "gay", "mad", "shy")
    table = "label\ttext\n" + "".join(f"{i % 2}\tit is {word}\n" for i, word in enumerate(words))
    path = tmp_path / "a.tsv"
    path.write_bytes(FORMS[form](table))
    encoding = "latin-1" if form == "latin-1" else "utf-8"
    dataset = DATASETS["text_table"](str(path), validation=0.2, test=0.2, encoding=encoding)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 6, "validation": 2, "test": 2}
    assert dataset.classes == ("0", "1")
    known = set(dataset.vocabulary.symbols)
    expected = sorted((f"it is {word if word in known else '<unk>'}", str(i % 2)) for i, word in enumerate(words))
    assert all_rows(dataset) == expected


def rows_of(count):
    return [
        {"says": f'"word {i}", he said', "kind": "ab"[i % 2], "who": i // 4, "use": PLACES[i % 3]} for i in range(count)
    ]


def written(tmp_path, suffix, rows):
    path = tmp_path / f"rows{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == ".csv":
        quoted = [",".join(f'"{str(value).replace(chr(34), 2 * chr(34))}"' for value in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *quoted]))
    else:
        path.write_bytes(
            gzip.compress("\n".join(["\t".join(rows[0]), *("\t".join(map(str, r.values())) for r in rows)]).encode())
        )
    return str(path)


@pytest.mark.parametrize("suffix", [".tsv.gz", ".csv", ".jsonl"])
def test_tables_of_every_kind_with_groups_and_given_splits(tmp_path, suffix):
    files = written(tmp_path, suffix, rows_of(24))
    options = {"text": "says", "label": "kind", "tokens": "blanks"}
    given = DATASETS["text_table"](files, split="use", **options)
    assert [len(given.splits[split]) for split in PLACES] == [8, 8, 8]
    assert decoded(given, "train", 0) == '"word 0", he said'
    grouped = DATASETS["text_table"](files, group="who", validation=0.2, test=0.2, **options)
    people = {
        split: {
            int(decoded(grouped, split, r).split()[1][:-2]) // 4
            for r in range(len(grouped.splits[split]))
            if "<unk>" not in decoded(grouped, split, r)
        }
        for split in PLACES
    }
    assert sum(len(rows) for rows in grouped.splits.values()) == 24
    assert all(len(rows) % 4 == 0 for rows in grouped.splits.values())
    assert not people["train"] & people["test"]
    folds = [DATASETS["text_table"](files, folds=4, fold=fold, **options).splits["test"] for fold in range(4)]
    assert [len(rows) for rows in folds] == [6, 6, 6, 6]


@pytest.mark.parametrize("inner", [False, True])
def test_a_folder_per_class(tmp_path, inner):
    for split in PLACES if inner else ("",):
        for kind, count in (("ham", 6), ("spam", 4)):
            for number in range(count):
                path = tmp_path / split / kind / f"{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{kind} mail {number}\n")
    dataset = DATASETS["text_folder"](str(tmp_path), validation=0.25, test=0.2)
    sizes = {split: len(rows) for split, rows in dataset.splits.items()}
    assert sizes == (dict.fromkeys(PLACES, 10) if inner else {"train": 6, "validation": 2, "test": 2})
    assert dataset.classes == ("ham", "spam")
    assert decoded(dataset, "train", 0).startswith("ham mail")


def test_a_text_is_parted_from_its_end_or_by_files(tmp_path):
    text = "".join(f"line {i} is here\n" for i in range(100))
    (tmp_path / "a.txt").write_text(text)
    dataset = DATASETS["text_file"](str(tmp_path / "a.txt"), validation=0.1, test=0.2)
    parts = [dataset.vocabulary.decode(dataset.splits[split].tokens) for split in PLACES]
    assert "".join(parts) == text
    np.testing.assert_allclose([len(part) / len(text) for part in parts], [0.72, 0.08, 0.2], atol=0.01)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_text("other line\n")
    (tmp_path / "more" / ".git").mkdir()
    for name in (".DS_Store", ".git/index"):
        (tmp_path / "more" / name).write_bytes(b"\xff\x00")
    words = DATASETS["text_file"](str(tmp_path / "a.txt"), test_files=str(tmp_path / "more"), tokens="blanks")
    assert words.vocabulary.decode(words.splits["test"].tokens) == "<unk> line <eos>"
    assert words.facts["vocabulary_size"] == len(words.vocabulary)
    counts = np.bincount(words.splits["train"].tokens, minlength=len(words.vocabulary))
    assert words.facts["symbol_counts"] == tuple(counts)


CONLL = (
    "-DOCSTART- O\n\nEU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n\n\nBlackburn NNP I-PER\nsleeps VB O\nwell RB O\n"
)


def test_columns_are_sentences_with_a_class_for_each_token(tmp_path):
    for name, text in (("a", CONLL * 4), ("b", "Peter\tNNP\tI-PER\r\n")):
        (tmp_path / f"{name}.txt").write_text(text, newline="")
    dataset = DATASETS["columns"](str(tmp_path / "a.txt"), test_files=str(tmp_path / "b.txt"))
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 11, "validation": 1, "test": 1}
    assert dataset.classes == ("B-ORG", "B-PER", "I-PER", "O")
    train = dataset.splits["train"].arrays
    assert dataset.vocabulary.decode(train["inputs"][2]) == "Blackburn sleeps well"
    assert [dataset.classes[label] for label in train["labels"][2]] == ["I-PER", "O", "O"]
    parts = DATASETS["columns"](str(tmp_path / "a.txt"), label=1, validation=0.25, test=0.25)
    assert {split: len(rows) for split, rows in parts.splits.items()} == {"train": 7, "validation": 2, "test": 3}
    folds = [DATASETS["columns"](str(tmp_path / "a.txt"), folds=4, fold=fold).splits["test"] for fold in range(4)]
    assert [len(rows) for rows in folds] == [3, 3, 3, 3]


def test_pairs_are_parted_by_files_or_folds(tmp_path):
    for name, count in (("a", 8), ("b", 3)):
        (tmp_path / f"{name}.tsv").write_text("".join(f"{name} {i}\tx\n" for i in range(count)))
    one, other = str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")
    parts = DATASETS["text_pairs"](one, test_files=other, validation=0.25)
    assert {split: len(rows) for split, rows in parts.splits.items()} == {"train": 6, "validation": 2, "test": 3}
    assert parts.vocabulary.decode(parts.splits["test"].arrays["inputs/source"][0]).startswith("<unk> ")
    folds = [DATASETS["text_pairs"](one, folds=4, fold=fold).splits["test"] for fold in range(4)]
    assert [len(rows) for rows in folds] == [2, 2, 2, 2]


def test_pairs_have_lengths_of_their_own(tmp_path):
    lines = [f"the number {i}\tdie Zahl mit dem Wert {i}\n" for i in range(10)]
    (tmp_path / "a.tsv").write_text("\n".join(lines))
    dataset = DATASETS["text_pairs"](str(tmp_path / "a.tsv"), validation=0.2, test=0.2)
    split = dataset.bucketed(4).splits["train"]
    assert split.widths == (7,)
    batch = split.training_batch(0, 4, 0)
    assert batch["inputs"]["source"].shape == batch["inputs"]["target"].shape == batch["labels"].shape == (4, 7)
    assert set(batch) == {"inputs", "labels", "lengths", "labels_lengths", "mask"}
    for row in np.flatnonzero(batch["mask"]):
        lengths = {**{name: own[row] for name, own in batch["lengths"].items()}, "labels": batch["labels_lengths"][row]}
        assert lengths == {"source": 3, "target": 7, "labels": 7}
        arrays = {**batch["inputs"], "labels": batch["labels"]}
        texts = {name: dataset.vocabulary.decode(array[row, : lengths[name]]) for name, array in arrays.items()}
        target = f"die Zahl mit dem Wert {texts['source'].split()[2]}"
        assert texts["source"].split()[:2] == ["the", "number"]
        assert (texts["target"], texts["labels"]) == (f"<eos> {target}", f"{target} <eos>")
    cut = DATASETS["text_pairs"](str(tmp_path / "a.tsv"), max_length=2).splits["train"].arrays
    assert {name: set(array.lengths) for name, array in cut.items()} == {
        "inputs/source": {2}, "inputs/target": {3}, "labels": {3},
    }  # fmt: skip


BAD = {
    "no file": ("text_file", "a.txt", None, {}, r"dataset.files names '.*a.txt', which is not there"),
    "empty text": ("text_file", "a.txt", b"", {}, "a.txt: there is no text"),
    "not UTF-8": ("text_file", "a.txt", b"one\ntwo \xff\n", {}, "a.txt, line 2 is not utf-8; allowed: dataset"),
    "no encoding": ("text_file", "a.txt", b"one", {"encoding": "utf-9"}, "dataset.encoding is 'utf-9'"),
    "cut off": ("text_file", "a.txt.gz", gzip.compress(b"one" * 99)[:20], {}, "a.txt.gz cannot be read"),
    "a share": ("text_file", "a.txt", b"one", {"test": 1.0}, "dataset.test is 1.0; allowed: above 0, below 1"),
    "no column": ("text_table", "a.csv", b"text,kind\na,b\n", {}, "a.csv, line 2 has no column 'label'; .* text, kind"),
    "too few columns": ("text_table", "a.csv", b"label,text\nx,a\nx\n", {}, "line 3 has no column 'text'"),
    "surplus": ("text_table", "a.csv", b"label,text\na,hello, you\n", {}, "a.csv, line 2 has more cells than headings"),
    "no class": ("text_table", "A.CSV", b"label,text\n,hello\n", {}, "A.CSV, line 2: label is empty; allowed: a value"),
    "null": ("text_table", "a.jsonl", b'{"label": null, "text": "a"}', {}, "line 1 has no column 'label'"),
    "too little": ("text_file", "a.txt", b"ab", {}, "no text is left for"),
    "no rows": ("text_table", "a.csv", b"label,text\n", {}, "a.csv has no rows; allowed: one or more"),
    "a quote": ("text_table", "a.csv", b'label,text\nx,"a"b\n', {}, "a.csv, line .: .*expected after"),
    "no JSON": ("text_table", "a.jsonl", b'{"label": 1}\n{', {}, "a.jsonl, line 2 is no JSON"),
    "no object": ("text_table", "a.jsonl", b"[1]", {}, r"a.jsonl, line 1 is '\[1\]'; allowed: a JSON object"),
    "one class": (
        "text_table", "a.csv", b"label,text\nx,a\nx,b\n", {"test": 0.0, "validation": 0.0},
        "the one class 'x'; allowed: two",
    ),
    "too few for a share": ("text_table", "a.csv", b"label,text\nx,a\ny,b\n", {}, "test is 0.1, none of 2 rows; "),
    "a split": ("text_table", "a.csv", b"label,text,s\nx,a,d\n", {"split": "s"}, "line 2: the split is 'd'; allowed"),
    "a class": (
        "text_table", "a.csv", b"label,text,s\nx,a,train\ny,b,train\nz,c,test\n", {"split": "s", "validation": 0.0},
        "line 4: the class is 'z'; allowed: those of training: x, y",
    ),
    "two headings": ("text_table", "a.csv", b"label,text,text\n", {}, "a.csv has two columns 'text'; allowed: every"),
    "no pairs": ("text_pairs", "a.tsv", b"\n\n", {}, "a.tsv has no pairs; allowed: one or more"),
    "pairs of": ("text_pairs", "a.tsv", b"a\tb\n", {"group": "id"}, "dataset.group is 'id'; allowed: file, source, or"),
    "sentences of": ("columns", "a.txt", b"a A\n", {"group": "id"}, "group is 'id'; allowed: file, document, or none"),
    "a column": ("columns", "a.txt", b"EU B\nrejects\n", {}, "a.txt, line 2 has 1 column; allowed: a token"),
    "a later column": ("columns", "a.txt", b"EU B\n", {"label": 3}, "line 1 has 2 columns; allowed: with"),
    "no sentences": ("columns", "a.txt", b"\n\n", {}, "a.txt has no sentences"),
    "no pair": ("text_pairs", "a.tsv", b"a\tb\nc\n", {}, "a.tsv, line 2 has 1 column; allowed: 2 or more, with"),
    "no keyword": ("text_pairs", "a.po", b'"a"\n', {}, "a.po, line 1 is '\"a\"'; allowed: a comment, msgid"),
    "no translation": ("text_pairs", "a.po", b'msgid "a"\n\nmsgid "b"\n', {}, "line 1 has msgid; allowed: msgid and"),
    "no catalogue": ("text_pairs", "a.mo", b"msgid", {}, r"a.mo begins with b'msgi'; allowed: the first bytes of a"),
    "half a catalogue": ("text_pairs", "a.mo", b"\xde\x12\x04\x95" + bytes(7), {}, "a.mo cannot be read: unpack"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named(tmp_path, what):
    name, file, content, options, said = BAD[what]
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=said) as raised:
        DATASETS[name](str(tmp_path / file), **options)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_or_has_one_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"dataset.folder is '.*nowhere'; allowed: a folder that is there"):
        DATASETS["text_folder"](str(tmp_path / "nowhere"))
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.txt").write_text("a")
    (tmp_path / "only" / "b.txt").write_text("b")
    with pytest.raises(ValueError, match="the one class 'only'"):
        DATASETS["text_folder"](str(tmp_path), test=0.0, validation=0.0)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="only has no folders; allowed: a folder of texts for each class"):
        DATASETS["text_folder"](str(tmp_path / "only"))


def test_a_file_is_named_once_and_joins_the_next_at_the_end_of_a_line(tmp_path):
    (tmp_path / "a.txt").write_text("one two" * 40)
    (tmp_path / "b.txt").write_text("three\n" * 40)
    with pytest.raises(ValueError, match=r"dataset.files names .*a.txt twice; allowed: every file once"):
        DATASETS["text_file"](f"{tmp_path}/a.txt,{tmp_path}/a.*")
    dataset = DATASETS["text_file"](f"{tmp_path}/a.txt,{tmp_path}/b.txt", validation=0.2, test=0.2)
    parts = [dataset.vocabulary.decode(dataset.splits[split].tokens) for split in PLACES]
    assert "".join(parts) == "one two" * 40 + "\n" + "three\n" * 40
    assert all(part.endswith("\n") for part in parts)


def test_blanks_around_a_class_are_no_part_of_it(tmp_path):
    rows = [f"{('a', 'a ', ' b')[i % 3]},it is,{('p', 'p ')[i % 2]}\n" for i in range(30)]
    (tmp_path / "a.csv").write_text("label,text,who\n" + "".join(rows))
    assert DATASETS["text_table"](str(tmp_path / "a.csv")).classes == ("a", "b")
    with pytest.raises(ValueError, match=r"test is 0\.1, none of 1 group"):
        DATASETS["text_table"](str(tmp_path / "a.csv"), group="who")


def test_what_a_token_is_made_of_is_not_cut(tmp_path):
    (tmp_path / "a.conll").write_text("10\u00a0000 \t NUM\n\u3000 O\n\n" * 10)
    dataset = DATASETS["columns"](str(tmp_path / "a.conll"))
    assert set(dataset.vocabulary.symbols) == {"<pad>", "<unk>", "10\u00a0000", "\u3000"}
    assert set(dataset.splits["train"].lengths) == {2}


def held(dataset, name="inputs"):
    """What each split has, in words."""
    return {
        split: {dataset.vocabulary.decode(rows.arrays[name][row]) for row in range(len(rows))}
        for split, rows in dataset.splits.items()
    }


@pytest.mark.parametrize("group", ["", "document", "file"])
def test_sentences_of_a_document_stay_together(tmp_path, group):
    for file in range(4):
        documents = ["-DOCSTART- -X- O\n\n" + f"f{file} A\nd{document} B\n\n" * 4 for document in range(5)]
        (tmp_path / f"{file}.conll").write_text("".join(documents))
    dataset = DATASETS["columns"](f"{tmp_path}/*.conll", group=group, validation=0.4, test=0.25)
    shares = [len(dataset.splits[split]) for split in PLACES]
    assert shares == ([40, 20, 20] if group == "file" else [36, 24, 20])
    found = held(dataset)
    for split, rows in dataset.splits.items():
        others = {text for other, texts in found.items() if other != split for text in texts if "<unk>" not in text}
        assert bool(found[split] & others) == (group == "")
        assert not group or len(rows) % (20 if group == "file" else 4) == 0


@pytest.mark.parametrize("group", ["file", "source"])
def test_pairs_of_one_file_or_source_stay_together(tmp_path, group):
    for file in range(5):
        pairs = [(source if group == "source" else file, i) for i in range(3) for source in range(7)]
        lines = [f"number s{source}\tNummer {i}\n" for source, i in pairs]
        (tmp_path / f"{file}.tsv").write_text("".join(lines))
    dataset = DATASETS["text_pairs"](f"{tmp_path}/*.tsv", group=group, validation=0.3, test=0.3)
    found = held(dataset, "inputs/source")
    assert set(found) == set(PLACES)
    assert found["test"] == found["validation"] == {"number <unk>"}
    assert "number <unk>" not in found["train"]


def test_texts_with_one_prefix_stay_together(tmp_path):
    for number in range(60):
        path = tmp_path / ("ham", "spam")[number % 2] / f"writer{number % 10 // 2}_{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"by writer{number % 10 // 2}")
    dataset = DATASETS["text_folder"](str(tmp_path), group="prefix", validation=0.3, test=0.3)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 24, "validation": 12, "test": 24}
    assert held(dataset)["test"] == held(dataset)["validation"] == {"by <unk>"}
    with pytest.raises(ValueError, match="is 'suffix'; allowed: prefix, or none"):
        DATASETS["text_folder"](str(tmp_path), group="suffix")


@pytest.mark.parametrize(("tokens", "kept"), [("words", ["the", "fox"]), ("characters", list("the"))])
def test_a_language_models_rare_tokens_are_unknown(tmp_path, tokens, kept):
    (tmp_path / "a.txt").write_text(("the\n" * 8 + "the fox\n") * 20)
    dataset = DATASETS["text_file"](str(tmp_path / "a.txt"), tokens=tokens, min_count=100 if tokens != "words" else 5)
    assert set(kept) <= set(dataset.vocabulary.symbols)
    assert "x" not in dataset.vocabulary.symbols
    rare = DATASETS["text_file"](str(tmp_path / "a.txt"), tokens="words", min_count=30)
    assert rare.vocabulary.symbols == ("<unk>", "<eos>", "the")
    assert rare.facts["symbol_counts"][0] > 10


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_text_may_be_as_long_as_a_book(tmp_path, name):
    before, delimiter = csv.field_size_limit(), {"a.csv": ",", "a.tsv": "\t"}[name]
    rows = [f"{'ab'[i % 2]}{delimiter}{'word ' * (40_000 if i == 3 else 5)}" for i in range(30)]
    (tmp_path / name).write_text("\n".join([f"label{delimiter}text", *rows]))
    dataset = DATASETS["text_table"](str(tmp_path / name))
    lengths = [length for rows in dataset.splits.values() for length in rows.lengths]
    assert sorted(lengths) == [5] * 29 + [40_000]
    assert csv.field_size_limit() == before


def test_a_class_of_one_row_is_trained_on_in_every_fold(tmp_path):
    (tmp_path / "a.csv").write_text("label,text\n" + "a,it\nb,that\n" * 15 + "rare,this\n")
    for fold in range(5):
        dataset = DATASETS["text_table"](str(tmp_path / "a.csv"), folds=5, fold=fold)
        assert dataset.classes == ("a", "b", "rare")
        assert sum(len(rows) for rows in dataset.splits.values()) == 31


def test_classes_are_sorted_the_same_whatever_they_are_called(tmp_path):
    (tmp_path / "a.csv").write_text(
        "label,text\n" + "".join(f"{name},it\n" for name in ("c", "nan", "10", "9", "a") * 4)
    )
    dataset = DATASETS["text_table"](str(tmp_path / "a.csv"), test=0.2, validation=0.2)
    assert dataset.classes == ("9", "10", "a", "c", "nan")


PO = r"""msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

# a comment
#: file.c:3
msgid "open file"
msgstr "öffne"
" Datei\t\"a\"\n"
#, fuzzy, c-format
msgid "not sure"
msgstr "weiß nicht"

msgid "not done"
msgstr ""

msgctxt "menu"
msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] "%d Dateien"

#~ msgid "old"
#~ msgstr "alt"
"""
TRANSLATED = [("open file", 'öffne Datei\t"a"\n'), ("%d file", "%d Datei"), ("%d files", "%d Dateien")]


def compiled(messages, order):
    """A .mo file of sources and targets, as bytes."""
    texts = [[text.encode() for text in side] for side in zip(*sorted(messages), strict=True)]
    at, tables, count = 28 + 16 * len(messages), [], len(messages)
    for text in texts[0] + texts[1]:
        tables += [len(text), at]
        at += len(text) + 1
    head = struct.pack(f"{order}{7 + len(tables)}I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0, *tables)
    return head + b"".join(text + b"\0" for side in texts for text in side)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_catalogue_is_read_as_gettext_reads_it(tmp_path, order):
    (tmp_path / "a.po").write_text(PO)
    assert [(m.source, m.target) for m in gettext_files.messages(tmp_path / "a.po", "utf-8")] == TRANSLATED
    header = ("", "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n")
    plural = ("menu\4%d file\0%d files", "%d Datei\0%d Dateien")
    (tmp_path / "a.mo").write_bytes(compiled([header, TRANSLATED[0], plural], order))
    found = [(m.source, m.target) for m in gettext_files.messages(tmp_path / "a.mo", "utf-8")]
    assert sorted(found) == sorted(TRANSLATED)
    with (tmp_path / "a.mo").open("rb") as file:
        theirs = gettext.GNUTranslations(file)
    assert theirs.gettext("open file") == TRANSLATED[0][1]
    assert [theirs.npgettext("menu", "%d file", "%d files", n) for n in (1, 2)] == [TRANSLATED[1][1], TRANSLATED[2][1]]


def test_pairs_of_a_catalogue_are_as_those_of_a_table(tmp_path):
    (tmp_path / "a.po").write_text("".join(f'msgid "the {i}"\nmsgstr "das {i}"\n' for i in range(8)))
    (tmp_path / "a.tsv").write_text("".join(f"the {i}\tdas {i}\n" for i in range(8)))
    one, other = (DATASETS["text_pairs"](str(tmp_path / name)) for name in ("a.po", "a.tsv"))
    for split, rows in one.splits.items():
        for name, array in rows.arrays.items():
            np.testing.assert_array_equal(array.values, other.splits[split].arrays[name].values)
