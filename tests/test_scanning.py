"""Scans of long records: windows and tracks against loops over whole records, both strands, files that are wrong."""

import gzip
import io
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab import experiment, scanning
from sequence_lab.config import ScanConfig
from sequence_lab.data import Dataset, Examples, fasta_format
from sequence_lab.run_folder import RunFolder
from sequence_lab.schema import Refused

RANDOM = np.random.default_rng(0)
SITE = "GATAAG"


class SiteCounter(nn.Module):
    """A logit that grows with the best match of a site on the strand that is read; its bias is a parameter."""

    num_outputs: int = 2

    @nn.compact
    def __call__(self, x_BTC, lengths_B=None, *, train=False):
        site = jnp.array([[letter == base for base in "ACGT"] for letter in SITE], jnp.float32)
        width = len(SITE)
        places = [jnp.einsum("bwc,wc->b", x_BTC[:, t : t + width], site) for t in range(x_BTC.shape[1] - width + 1)]
        best_B = jnp.max(jnp.stack(places), axis=0)
        bias = self.param("bias", nn.initializers.constant(-5.0), ())
        return jnp.stack([jnp.zeros_like(best_B), 3 * (best_B + bias)], axis=-1)


def plan(**changes):
    fields = {
        "model": SiteCounter(), "files": {}, "label": (1, "a site"), "window": 20, "stride": 5, "strands": "mean",
        "threshold": 0.5, "batch_size": 4,
    }  # fmt: skip
    return scanning.Plan(**{**fields, **changes})


VARIABLES = {"params": {"bias": jnp.float32(-5.0)}}


def text_of(length, *sites, unknown=()):
    letters = RANDOM.choice(list("ACGT"), length)
    for at, site in sites:
        letters[at : at + len(site)] = list(site)
    for first, last in unknown:
        letters[first:last] = "N"
    return "".join(letters)


def complement(text):
    return text.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def reference(records, how):
    """Both tracks, from whole records held in memory, window by window; records are (name, text) pairs."""
    scores, regions = [], []
    width, number = min(how.stride, how.window), how.label[0]
    margin = (how.window - width) // 2

    def logits(text):
        x = jnp.array([[[letter == base for base in "ACGT"] for letter in text]], jnp.float32)
        return np.asarray(how.model.apply(VARIABLES, x)[0], np.float64)

    def share(z):
        return (np.exp(z) / np.exp(z).sum())[number]

    for name, text in records:
        starts = list(range(0, len(text) - how.window + 1, how.stride))
        if starts and starts[-1] != len(text) - how.window:
            starts.append(len(text) - how.window)
        end, own = 0, []
        for start in starts:
            seen = text[start : start + how.window]
            if seen.count("N") > how.window / 2:
                continue
            given, other = logits(seen), logits(complement(seen))
            merged = share((given + other) / 2) if how.strands == "mean" else max(share(given), share(other))
            first, last = max(start + margin, end), start + margin + width
            if first < last:
                scores.append((name, first, last, merged))
                end = last
            if merged >= how.threshold:
                strand = "+" if share(given) >= share(other) else "-"
                if own and start <= own[-1][1]:
                    best = max(own[-1][2:], (merged, strand), key=lambda pair: pair[0])
                    own[-1] = (own[-1][0], start + how.window, *best)
                else:
                    own.append((start, start + how.window, merged, strand))
        regions += [(name, *region) for region in own]
    return scores, regions


def scanned(tmp_path, content, how, name="genome.fa"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    said = []
    how = how._replace(files={path: tmp_path / "scans" / "genome.fa"})
    scores, regions = scanning.scan(how, VARIABLES, said.append)
    rows = [[line.split("\t") for line in file.read_text().splitlines()] for file in (scores, regions)]
    assert sorted(path.name for path in (tmp_path / "scans").iterdir()) == ["genome.fa.bed", "genome.fa.bedgraph"]
    return *rows, "\n".join(said)


def fasta(records, width=17):
    wrapped = [(name, re.sub(f"(.{{{width}}})", r"\1\n", text)) for name, text in records]
    return "".join(f">{name} of no matter\n{text}\n" for name, text in wrapped)


RECORDS = [
    ("chr1", text_of(143, (30, SITE), (90, complement(SITE)), (137, SITE), unknown=[(48, 77)])),
    ("short", text_of(19, (3, SITE))),
    ("chr2", text_of(20, (8, SITE))),
    ("empty", ""),
    ("chr3", text_of(61)),
]


@pytest.mark.parametrize("strands", ["mean", "max"])
@pytest.mark.parametrize(("stride", "window"), [(5, 20), (1, 20), (7, 12), (20, 20), (33, 20)])
def test_tracks_equal_a_loop_over_whole_records(tmp_path, strands, stride, window):
    how = plan(strands=strands, stride=stride, window=window, threshold=0.6)
    scores, regions, said = scanned(tmp_path, fasta(RECORDS), how)
    expected_scores, expected_regions = reference(RECORDS, how)
    assert [(name, int(first), int(last)) for name, first, last, _ in scores] == [row[:3] for row in expected_scores]
    np.testing.assert_allclose([float(row[3]) for row in scores], [row[3] for row in expected_scores], atol=1e-4)
    assert [(r[0], int(r[1]), int(r[2]), r[5]) for r in regions] == [(*r[:3], r[4]) for r in expected_regions]
    np.testing.assert_allclose([int(row[4]) for row in regions], [1000 * row[3] for row in expected_regions], atol=0.51)
    assert {row[3] for row in regions} <= {"a_site"}
    assert said.count("\n") == 0
    short = sum(len(text) < window for _, text in RECORDS)
    assert f"left out {short} records of fewer than {window} bases: " in said
    assert f"{len(RECORDS)} records" in said


def test_a_site_is_found_where_it_is_on_the_strand_it_is_on(tmp_path):
    text = "A" * 100 + SITE + "A" * 100 + complement(SITE) + "A" * 100
    _, regions, _ = scanned(tmp_path, fasta([("chr9", text)]), plan(strands="max", threshold=0.9))
    (first, second) = [(int(start), int(end), strand) for _, start, end, _, _, strand in regions]
    assert first[0] <= 100 < 106 <= first[1] <= 125
    assert 185 <= second[0] <= 206 < 212 <= second[1]
    assert (first[2], second[2]) == ("+", "-")


def test_the_other_strand_of_a_record_has_the_same_scores_mirrored(tmp_path):
    text = text_of(100, (40, SITE))  # windows of 20 at strides of 5 are mirrored onto each other
    tracks = [scanned(tmp_path, fasta([("c", one)]), plan())[0] for one in (text, complement(text))]
    forward, backward = ([(100 - int(b), 100 - int(a), s) for _, a, b, s in tracks[1]][::-1], tracks[0])
    # Five bases in the middle of twenty lie one nearer to the front, mirrored one nearer to the end.
    assert [(a - 1, b - 1, s) for a, b, s in forward] == [(int(a), int(b), s) for _, a, b, s in backward]


def test_regions_join_where_windows_overlap_or_touch():
    """The score and strand of the best; those of another record, or a base apart, stay alone."""
    scores, regions = io.StringIO(), io.StringIO()
    tracks = scanning.Tracks(plan(), scores, regions)
    ids_W = np.zeros(20, np.uint8)
    for record, start, score, given in (
        ("a", 0, 0.6, True), ("a", 5, 0.9, False), ("a", 25, 0.7, True), ("a", 46, 0.5, True), ("a", 66, 0.49, True),
        ("b", 50, 1.0, True),
    ):  # fmt: skip
        tracks.add(scanning.Window(record, start, ids_W), score, given)
    tracks.end()
    rows = [line.split("\t") for line in regions.getvalue().splitlines()]
    assert rows == [
        ["a", "0", "45", "a_site", "900", "-"],
        ["a", "46", "66", "a_site", "500", "+"],
        ["b", "50", "70", "a_site", "1000", "+"],
    ]
    assert tracks.regions == 3


def test_intervals_never_overlap_and_lie_in_their_record(tmp_path):
    lengths = {name: len(text) for name, text in RECORDS}
    for stride in (3, 8, 20, 50):
        scores, _, _ = scanned(tmp_path, fasta(RECORDS), plan(stride=stride))
        ends = {}
        for name, first, last, _ in scores:
            assert ends.get(name, 0) <= int(first) < int(last) <= lengths[name]
            ends[name] = int(last)


def test_compressed_lines_of_any_width_and_lower_case_give_the_same(tmp_path):
    wide = scanned(tmp_path, fasta(RECORDS, 10**6), plan())
    narrow = scanned(tmp_path, fasta(RECORDS, 3).replace("A", "a").replace("\n", "\r\n"), plan(), "genome.fa.gz")
    assert wide[:2] == narrow[:2]


def test_batches_have_one_shape_and_compile_once(tmp_path):
    traced = []

    class Counting(SiteCounter):
        @nn.compact
        def __call__(self, x_BTC, lengths_B=None, *, train=False):
            traced.append(x_BTC.shape)
            return super().__call__(x_BTC, lengths_B, train=train)

    scanned(tmp_path, fasta(RECORDS), plan(model=Counting()))
    assert traced == [(4, 20, 4)] * 2  # each strand, once


def test_what_is_held_does_not_grow_with_the_record():
    held = []

    def pieces():
        yield fasta_format.Piece(1, "chr1", "")
        for _ in range(200):
            yield fasta_format.Piece(1, "chr1", "ACGT" * 16)

    account = scanning.Account()
    for window in scanning.windows(pieces(), "x", plan(), account):
        base = window.ids_W.base
        held.append(len(window.ids_W if base is None else base))
    assert account.windows == (200 * 64 - 20) // 5 + 1
    assert max(held) <= 64 + 2 * 20


WRONG = {
    "no header": ("ACGT\n", "line 1 is 'ACGT'; allowed: a header"),
    "letter": (fasta(RECORDS) + ">last\nACGU-\n", "record 'last' has '-'; allowed: ACGT and IUPAC's codes"),
    "twice": (fasta([RECORDS[0], RECORDS[0]]), "two records 'chr1'; allowed: a name for each"),
    "no name": (">\nACGT\n", "a record ''; allowed: a name for each"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_a_file_is_one_line_and_leaves_nothing(tmp_path, name):
    content, said = WRONG[name]
    with pytest.raises(Refused, match=re.escape(said)) as caught:
        scanned(tmp_path, content, plan())
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "genome.fa") in str(caught.value)
    assert list((tmp_path / "scans").iterdir()) == []


def test_a_file_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(gzip.compress(fasta(RECORDS).encode())[:-20])
    with pytest.raises(Refused, match=r"cut\.fa\.gz cannot be read"):
        scanning.scan(plan(files={path: tmp_path / "scans" / "cut.fa"}), VARIABLES, print)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("window", -1, "scan.window is -1; allowed: 0 or more"),
        ("threshold", 1.5, "threshold is 1.5; allowed: 0 to 1"),
        ("strands", "both", "scan.strands is 'both'; allowed: max, mean"),
    ],
)
def test_a_field_out_of_range_is_refused(field, value, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        ScanConfig(**{field: value})


def rows(count=12, steps=24):
    x = np.eye(4, dtype=np.float32)[RANDOM.integers(0, 4, (count, steps))]
    return Examples({"inputs": x, "labels": (np.arange(count) % 2).astype(np.int32)})


def dna_config(tmp_path, **model):
    config = experiment.default_config()
    config.name, config.dataset_name, config.model_name = "pieces", "own", "dna_conv_net"
    config.model = {"features": (3,), "kernel_size": 4, "representation": "max", "hidden_features": 0, **model}
    config.objectives = {"site": {"name": "classification"}}
    config.training.update({"num_steps": 1, "batch_size": 4, "evaluation_batch_size": 5, "evaluate_every": 1})
    (tmp_path / "genome.fa").write_text(fasta(RECORDS))
    config.scan.files = str(tmp_path / "genome.fa")
    return config


DATA = Dataset({name: rows() for name in ("train", "validation", "test")}, {"num_outputs": 2}, classes=("no", "site"))


def one_device(data):
    return {"datasets": {"own": lambda: data}, "devices": jax.devices()[:1]}


def test_a_run_leaves_motifs_and_scans_with_its_best_state(tmp_path):
    """The score of a window that is a whole record is what the model itself says of both its strands."""
    config, own = dna_config(tmp_path, k_mer=2), one_device(DATA)
    experiment.run(config, tmp_path / "run", say=lambda line: None, **own)
    assert "MOTIF filter_" in (tmp_path / "run" / "motifs.meme").read_text()
    assert (tmp_path / "run" / "plots" / "motifs.png").exists()
    before = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}
    text = dict(RECORDS)["chr2"]
    (tmp_path / "genome.fa").write_text(fasta([("chr2", text), ("other", complement(text))]))
    config.scan.update({"label": "no", "window": 20, "threshold": 0.0})
    said = []
    found = experiment.scan(config, tmp_path / "run", say=said.append, **own)
    assert [path.name for path in found] == ["genome.fa.bedgraph", "genome.fa.bed"]
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}
    tracks = [[line.split("\t") for line in path.read_text().splitlines()] for path in found]
    assert {row[5] for row in tracks[1]} == {"+", "-"}
    parts = experiment.compose(config, **own)
    _, variables = experiment._best(parts, RunFolder(tmp_path / "run"), said.append)
    x = np.array([[[letter == base for base in "ACGT"] for letter in text]], np.float32)
    expected = float(jax.nn.softmax(parts.model.apply(variables, x))[0, 0])
    assert [float(row[3]) for row in tracks[0]] == pytest.approx([expected] * 2, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.scan.update({"files": "nowhere.fa"}), "scan.files names 'nowhere.fa', which is not there"),
        (lambda c: c.scan.update({"files": ""}), "scan.files is ''; allowed: one file or more"),
        (lambda c: c.scan.update({"label": "sites"}), "scan.label is 'sites' (did you mean site?); allowed: no, site"),
        (
            lambda c: (c.scan.update({"window": 30}), c.model.update({"representation": "flatten"})),
            "config.scan.window is 30; allowed with this model: 24, as in training",
        ),
        (lambda c: None, "has no whole checkpoint"),
    ],
)
def test_a_scan_that_cannot_be_is_refused(tmp_path, change, said):
    config = dna_config(tmp_path)
    change(config)
    with pytest.raises(Refused, match=re.escape(said)):
        experiment.scan(config, tmp_path / "run", **one_device(DATA))
    assert not (tmp_path / "run").exists()


def test_an_experiment_that_classifies_no_dna_cannot_scan(tmp_path):
    config = dna_config(tmp_path)
    x = np.zeros((4, 9, 3), np.float32)
    other = Examples({"inputs": x, "labels": np.zeros(4, np.int32)})
    data = Dataset(dict.fromkeys(("train", "validation"), other), {"num_outputs": 2}, classes=("a", "b"))
    config.model_name, config.model = "conv_net_1d", {"features": (2,)}
    with pytest.raises(Refused, match=r"pieces cannot scan; allowed: classification of DNA"):
        experiment.scan(config, tmp_path / "run", **one_device(data))
