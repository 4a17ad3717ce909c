"""Prepared data sets as training sees them: what the files say, in splits that are apart."""

import numpy as np
import pytest

from sequence_lab.data import DATASETS, Ragged, segmentation, sensors, store
from tests.data.originals_made import MADE, ROLL, lines, wav


@pytest.fixture
def load(original):
    """The data set of a made original; ``change`` takes the files and gives others."""

    def loaded(name, made, *prepared, **options):
        for each in prepared or (name,):
            store.prepare(each, store.data_dir(), original(each, made))
        return DATASETS[name](**options)

    return loaded


def rt_polarity(count=20):
    texts = [lines(*(f"{word} film number {i % 3}" for i in range(count))) for word in ("poor", "Good")]
    made = MADE["rt_polarity"]()
    files = {"rt-polarity.neg": texts[0], "rt-polarity.pos": texts[1]}
    return made._replace(files=files, counts={"unsplit": 2 * count})


def test_sentences_become_tokens_of_a_vocabulary_from_the_training_split(load):
    dataset = load("rt_polarity", rt_polarity(), folds=5, fold=2)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 29, "validation": 3, "test": 8}
    assert dataset.facts == {"vocabulary_size": len(dataset.vocabulary), "num_outputs": 2}
    assert dataset.classes == ("neg", "pos")
    for split in dataset.splits.values():
        for row in range(len(split)):
            text = dataset.vocabulary.decode(split.arrays["inputs"][row])
            assert text.startswith(("poor film number", "good film number"))
            assert text.startswith("good") == bool(split.arrays["labels"][row])


def test_options_of_texts(load):
    made = rt_polarity()
    cut = load("rt_polarity", made, max_length=2, tokens="blanks", lower_case=False, vocabulary_size=4)
    assert set(cut.splits["train"].lengths) == {2}
    assert set(cut.vocabulary.symbols) == {"<pad>", "<unk>", "film", "number"}
    characters = DATASETS["rt_polarity"](tokens="characters")
    assert characters.vocabulary.decode(characters.splits["test"].arrays["inputs"][0]).startswith("poor film")
    with pytest.raises(ValueError, match="max_length is -1; allowed: 0 or more"):
        DATASETS["rt_polarity"](max_length=-1)


@pytest.mark.parametrize("phrases", [False, True])
def test_treebank_splits_are_the_authors(load, phrases):
    made = MADE["sst2_phrases" if phrases else "sst2"]()
    dataset = load("sst2", made, "sst2_phrases" if phrases else "sst2", phrases=phrases)
    assert [len(dataset.splits[split]) for split in ("train", "validation", "test")] == [2, 2, 2]
    np.testing.assert_array_equal(dataset.splits["test"].arrays["labels"], [1, 0])


@pytest.mark.parametrize("kind", ["blanks", "characters"])
def test_a_corpus_is_one_stream_with_an_end_after_every_line(load, kind):
    dataset = load("ptb", MADE["ptb"](), tokens=kind)
    found = dataset.vocabulary.decode(dataset.splits["validation"].tokens)
    expected = {"blanks": "the <unk> sat <eos> end <eos>", "characters": "the <unk> sat<eos>end<eos>"}[kind]
    assert found == expected
    assert dataset.facts["vocabulary_size"] == len(dataset.vocabulary) == {"blanks": 5, "characters": 13}[kind]


@pytest.mark.parametrize("cut_off", [{"min_count": 2}, {"vocabulary_size": 4}])
def test_rare_characters_of_a_corpus_are_unknown(load, cut_off):
    whole = load("ptb", MADE["ptb"](), tokens="characters")
    cut = DATASETS["ptb"](tokens="characters", **cut_off)
    text = whole.vocabulary.decode(whole.splits["train"].tokens).replace("<eos>", "")
    expected = {c for c in set(text) if text.count(c) >= 2}
    kept = set(cut.vocabulary.symbols) - {"<unk>", "<eos>"}
    assert kept == expected if "min_count" in cut_off else kept < set(text) and len(kept) == 2
    for split, found in cut.splits.items():
        before = [whole.vocabulary.symbols[i] for i in whole.splits[split].tokens]
        after = [cut.vocabulary.symbols[i] for i in found.tokens]
        assert after == [c if c in {*kept, "<eos>"} else "<unk>" for c in before]


def test_a_corpus_without_its_training_text_is_refused(load):
    made = MADE["wikitext2"]()
    files = {name: content for name, content in made.files.items() if "train" not in name}
    with pytest.raises(ValueError, match=r"wikitext2 was prepared without its training text; .*train_on=validation"):
        load("wikitext2", made._replace(files=files))


@pytest.mark.parametrize("parts", [("valid", "test"), ("train", "valid", "test")])
def test_a_corpus_is_trained_on_its_validation_text_but_for_the_last_tenth_of_its_lines(load, parts):
    texts = {part: [f"{part}{number % 7} of" for number in range(30)] for part in parts}
    made = MADE["wikitext2"]()
    files = {f"wiki.{part}.tokens": lines(*text) for part, text in texts.items()}
    counts = dict.fromkeys({"train", "validation", "test"} if "train" in parts else {"validation", "test"}, 30)
    dataset = load("wikitext2", made._replace(files=files, counts=counts), train_on="validation")
    expected = {"train": texts["valid"][:27], "validation": texts["valid"][27:], "test": ["<unk> of"] * 30}
    assert set(dataset.splits) == set(expected)
    for split, text in expected.items():
        assert dataset.vocabulary.decode(dataset.splits[split].tokens) == " <eos> ".join([*text, ""]).strip()
    assert set(dataset.vocabulary.symbols) == {"<unk>", "<eos>", "of", *(f"valid{number}" for number in range(7))}
    with pytest.raises(ValueError, match=r"dataset\.train_on is 'test'; allowed: train, validation"):
        DATASETS["wikitext2"](train_on="test")


def test_images_are_viewed_and_parted(load):
    dataset = load("mnist", MADE["mnist"](), validation=1)
    rows = DATASETS["mnist"](view="rows", validation=1)
    for split, size in (("train", 2), ("validation", 1), ("test", 3)):
        images = dataset.splits[split].arrays["inputs"]
        assert images.shape == (size, 28, 28, 1)
        assert 0 <= images.min() < images.max() <= 1
        np.testing.assert_array_equal(rows.splits[split].arrays["inputs"], images[..., 0])
    with pytest.raises(ValueError, match="validation is 3; allowed: 1 to 2"):
        DATASETS["mnist"](validation=3)


def test_images_are_shrunk_to_means_and_their_steps_put_into_one_order(load):
    whole = load("mnist", MADE["mnist"](), validation=1).splits["test"].arrays["inputs"][..., 0]
    small, mixed, other = (
        DATASETS["mnist"]("pixels", 1, shrink=2, permutation=seed).splits["test"].arrays["inputs"][..., 0]
        for seed in (None, 0, 1)
    )
    for row, column in ((0, 0), (3, 5), (13, 13)):
        mean = whole[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean(axis=(1, 2))
        np.testing.assert_allclose(small[:, 14 * row + column], mean, rtol=1e-6)
    order = [int(np.flatnonzero((pixel == small.T).all(axis=1))[0]) for pixel in mixed.T]
    assert order != sorted(order)
    np.testing.assert_array_equal(np.sort(mixed), np.sort(small))
    assert (mixed != other).any()
    again = DATASETS["mnist"]("pixels", 1, shrink=2, permutation=0).splits["validation"].arrays["inputs"]
    plain = DATASETS["mnist"]("pixels", 1, shrink=2).splits["validation"].arrays["inputs"]
    np.testing.assert_array_equal(plain[:, order], again)
    with pytest.raises(ValueError, match="shrink is 3; allowed: what divides 28 and 28"):
        DATASETS["mnist"](validation=1, shrink=3)
    with pytest.raises(ValueError, match="permutation is 0; allowed with the view 'image'"):
        DATASETS["mnist"](validation=1, permutation=0)


def test_windows_lie_within_one_activity_and_steps_have_one_each(load):
    made = MADE["uci_hapt"]()
    labels = "HAPT Data Set/RawData/labels.txt"
    made = made._replace(files={**made.files, labels: lines("1 1 5 1 200", "1 1 7 201 300", "2 2 1 3 262")})
    dataset = load("uci_hapt", made, validation=0.0)
    signal = made.first["signal"]
    train, test = (dataset.splits[split].arrays for split in ("train", "test"))
    np.testing.assert_array_equal(train["inputs"], [signal[:128], signal[64:192]])
    np.testing.assert_array_equal(train["labels"], [4, 4])
    assert len(test["labels"]) == (260 - 128) // 64 + 1
    every = DATASETS["uci_hapt"](task="windows_all", validation=0.0)
    assert every.facts["num_outputs"] == len(every.classes) == 12
    steps = DATASETS["uci_hapt"](task="steps", validation=0.0).splits["train"].arrays
    np.testing.assert_array_equal(steps["inputs"][0], signal)
    np.testing.assert_array_equal(steps["labels"][0], np.repeat([4, 6], [200, 100]))
    with pytest.raises(ValueError, match=r"dataset\.task is 'window'; allowed: windows, windows_all, steps"):
        DATASETS["uci_hapt"](task="window")


@pytest.mark.parametrize("task", ["windows", "steps"])
def test_sensors_come_as_two_streams(load, task):
    options = {"task": task, "validation": 0.0, "filtered": True}
    whole = load("uci_hapt", MADE["uci_hapt"](), **options).splits["train"]
    parted = DATASETS["uci_hapt"](streams=True, **options).splits["train"]
    one, two = (split.training_batch(0, 1, 0) for split in (whole, parted))
    assert set(two["inputs"]) == {"acceleration", "rotation"}
    np.testing.assert_array_equal(two["inputs"]["rotation"], one["inputs"][..., 3:6])
    np.testing.assert_array_equal(two["inputs"]["acceleration"], np.delete(one["inputs"], [3, 4, 5], axis=-1))
    np.testing.assert_array_equal(two["labels"], one["labels"])


def test_gravity_is_told_from_movement():
    t = np.arange(1500) / sensors.RATE
    gravity, movement = np.array([0.1, 0.9, -0.3]), 0.5 * np.sin(2 * np.pi * 2 * t)
    noise = np.where(np.arange(1500) % 50 == 0, 3.0, 0.0)  # single samples, which a median takes out
    signal = np.concatenate([gravity + (movement + noise)[:, None], movement[:, None] * np.ones(3)], axis=1)
    body, rotation, total = np.split(sensors.separated(signal.astype(np.float32))[200:-200], 3, axis=1)
    expected = movement[200:-200, None]
    np.testing.assert_allclose(body, np.broadcast_to(expected, body.shape), atol=0.13)
    np.testing.assert_allclose(rotation, np.broadcast_to(expected, body.shape), atol=0.13)
    np.testing.assert_allclose(total - body, np.broadcast_to(gravity, body.shape), atol=0.03)


def test_windows_of_nine_channels(load):
    made = MADE["uci_har"]()
    dataset = load("uci_har", made, validation=0.5)
    assert [len(split) for split in dataset.splits.values()] == [1, 1, 2]
    np.testing.assert_array_equal(dataset.splits["test"].arrays["inputs"][0], made.first["signal"])
    np.testing.assert_array_equal(dataset.splits["test"].arrays["labels"], [4, 0])


def test_sensors_of_nine_channels_come_as_two_streams(load):
    made = MADE["uci_har"]()
    dataset = load("uci_har", made, streams=True, validation=0.5)
    assert dataset.classes == sensors.ACTIVITIES[:6]
    batch = next(dataset.splits["test"].evaluation_batches(2))
    body, rotation, total = np.split(made.first["signal"], 3, axis=-1)
    assert set(batch["inputs"]) == {"acceleration", "rotation"}
    np.testing.assert_array_equal(batch["inputs"]["rotation"][0], rotation)
    np.testing.assert_array_equal(batch["inputs"]["acceleration"][0], np.concatenate([body, total], axis=-1))
    np.testing.assert_array_equal(batch["labels"], [4, 0])


def enhancers():
    made = MADE["dna_enhancers"]()
    bases = np.random.default_rng(0).choice(list("ACGT"), (18, 8))
    sequences = iter("".join(row) for row in bases)
    files = {name: f">a\n{next(sequences)}\n>b\n{next(sequences)}\n".encode() for name in made.files}
    files["I_StrongEnhancer.txt"] = files["B_StrongEnhancer.txt"]
    return made._replace(files=files)


def test_what_leaked_is_taken_out_of_training(load):
    dataset = load("dna_enhancers", enhancers(), validation=0.0)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 4, "test": 6}
    assert {s: len(r) for s, r in DATASETS["dna_enhancers"](leaked=True, validation=0.0).splits.items()} == {
        "train": 6, "test": 6,
    }  # fmt: skip
    tested = {row.tobytes() for row in dataset.splits["test"].arrays["inputs"]}
    assert not tested & {row.tobytes() for row in dataset.splits["train"].arrays["inputs"]}
    assert (dataset.splits["test"].arrays["inputs"].sum(-1) == 1).all()
    np.testing.assert_array_equal(np.bincount(dataset.splits["test"].arrays["labels"]), [2, 4])
    strength = DATASETS["dna_enhancers"](layer=2, leaked=True, validation=0.0)
    np.testing.assert_array_equal(np.bincount(strength.splits["test"].arrays["labels"]), [2, 2])
    folds = DATASETS["dna_enhancers"](folds=3, validation=0.0)
    assert {split: len(rows) for split, rows in folds.splits.items()} == {"train": 4, "test": 2}
    with pytest.raises(ValueError, match=r"dataset\.layer is 3; allowed: 1, 2"):
        DATASETS["dna_enhancers"](layer=3)


def test_enhancers_are_made_rare_in_every_split(load):
    made, draw = MADE["dna_enhancers"](), np.random.default_rng(1)
    files = {n: "".join(f">{i}\n{''.join(draw.choice(list('ACGT'), 12))}\n" for i in range(20)) for n in made.files}
    made = made._replace(
        files={name: text.encode() for name, text in files.items()}, counts={"benchmark": 60, "independent": 60}
    )
    whole = load("dna_enhancers", made, validation=0.25)
    rare, again = (DATASETS["dna_enhancers"](validation=0.25, positives=0.1) for _ in range(2))
    folds = DATASETS["dna_enhancers"](folds=4, validation=0.0, positives=0.1)
    assert [len(split) for split in folds.splits.values()] == [15 + 3, 5 + 1]
    for name, split in rare.splits.items():
        before, after = whole.splits[name].arrays, split.arrays
        none, some = np.bincount(before["labels"])
        np.testing.assert_array_equal(np.bincount(after["labels"]), [none, round(some / 10)])
        rows = [row.tobytes() for row in before["inputs"]]
        places = [rows.index(row.tobytes()) for row in after["inputs"]]
        assert places == sorted(places)
        np.testing.assert_array_equal(before["labels"][places], after["labels"])
        np.testing.assert_array_equal(again.splits[name].arrays["inputs"], after["inputs"])
    some = np.flatnonzero(before["labels"])
    kept = np.array(places)[after["labels"] == 1]  # of the test split, drawn and not cut off
    assert not {tuple(some[:4]), tuple(some[-4:])} & {tuple(kept)}
    with pytest.raises(ValueError, match=r"dataset\.positives is 0\.0; allowed: above 0, up to 1"):
        DATASETS["dna_enhancers"](positives=0.0)
    with pytest.raises(ValueError, match=r"dataset\.positives is 0\.02, none of 10 in validation; allowed: what keeps"):
        DATASETS["dna_enhancers"](validation=0.25, positives=0.02)


def test_keys_that_sound_next_are_asked_for(load):
    dataset = load("piano_midi", MADE["piano_midi"]())
    arrays = dataset.splits["train"].arrays
    np.testing.assert_array_equal(arrays["inputs"][0], ROLL[:-1])
    np.testing.assert_array_equal(arrays["labels"][0], ROLL[1:])


def test_a_speaker_is_left_out(load):
    made = MADE["spoken_digits"]()
    dataset = load("spoken_digits", made, validation=0.0)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 2, "test": 1}
    np.testing.assert_array_equal(dataset.splits["train"].arrays["inputs"][0], made.first["audio"] / np.float32(2**15))
    theo = DATASETS["spoken_digits"](left_out="theo", validation=0.0)
    np.testing.assert_array_equal(theo.splits["test"].arrays["labels"], [3, 3])
    np.testing.assert_array_equal(theo.splits["train"].arrays["labels"], [0])
    with pytest.raises(ValueError, match="left_out is 'bob'; allowed: lucas, theo, or none"):
        DATASETS["spoken_digits"](left_out="bob")


def tones():
    """Music is a tone of 500 Hz, speech one of 3,000."""
    t = np.arange(16_000 * 5) / 16_000
    sounds = {kind: np.sin(2 * np.pi * hertz * t) / 4 for kind, hertz in (("music", 500), ("speech", 3000))}
    made = MADE["music_speech"]()
    files = {f"train/{kind}/{i}.wav": wav(x, 16_000) for kind, x in sounds.items() for i in range(3)}
    files |= {f"test/{kind}_1.wav": wav(x, 16_000) for kind, x in sounds.items()}
    return made._replace(files=files, counts={"train": 6, "test": 2})


def test_pieces_of_clips_are_joined_and_labelled_where_they_change(load):
    dataset = load("music_speech", tones(), recordings=3, seconds=20.0, num_mels=20, validation=0.34)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 3, "validation": 1, "test": 1}
    train = dataset.splits["train"].arrays
    np.testing.assert_allclose(train["inputs"].values.mean(0), 0, atol=5e-3)
    bands = np.array(
        [row[train["labels"].values == kind].mean(0).argmax() for kind in (0, 1) for row in [train["inputs"].values]]
    )
    assert bands[0] < bands[1]
    for rows in dataset.splits.values():
        loudest = rows.arrays["inputs"].values[:, bands].argmax(1)
        assert (loudest == rows.arrays["labels"].values).mean() > 0.97
        changes = np.flatnonzero(np.diff(rows.arrays["labels"][0]))
        assert len(rows.arrays["labels"][0]) == 2001
        assert 1 <= len(changes) <= 7
    assert dataset.classes == ("music", "speech")
    with pytest.raises(ValueError, match="recordings is 0, seconds is 60"):
        DATASETS["music_speech"](recordings=0)
    with pytest.raises(ValueError, match=r"validation is 0\.1, and validation has no music or no speech"):
        DATASETS["music_speech"](validation=0.1)


def test_training_pieces_alone_are_played_at_other_speeds_and_levels(load):
    """Of each second the loudest frequency over what the clip has, and its deviation over the clip's."""
    options = {"recordings": 8, "seconds": 30.0, "validation": 0.34, "view": "samples"}
    plain = load("music_speech", tones(), **options)
    changed = DATASETS["music_speech"](speed=0.25, gain=6.0, **options)
    for split in ("validation", "test"):
        np.testing.assert_array_equal(
            plain.splits[split].arrays["inputs"].values, changed.splits[split].arrays["inputs"].values
        )
    train = changed.splits["train"].arrays
    seconds = train["inputs"].values.reshape(-1, 16_000)
    kinds = train["labels"].values.reshape(-1, 100)
    pure = (kinds == kinds[:, :1]).all(1)
    found = np.abs(np.fft.rfft(seconds[pure])).argmax(1) / np.where(kinds[pure, 0] == 0, 500, 3000)
    levels = 20 * np.log10(seconds[pure].std(1) * 4 * np.sqrt(2))
    for values, bound in ((np.log(found), np.log(1.25)), (levels, 6)):
        assert np.abs(values).max() < bound + 0.3
        assert values.min() < -0.5 * bound
        assert values.max() > 0.5 * bound
    with pytest.raises(ValueError, match=r"speed is -0\.1, gain is 0\.0; allowed: 0 or more"):
        DATASETS["music_speech"](speed=-0.1)


def test_mixtures_have_two_labels_and_their_levels(load):
    dataset = load("music_speech", tones(), mixed=True, recordings=6, seconds=30.0, num_mels=20, validation=0.34)
    labels = dataset.splits["train"].arrays["labels"].values
    assert labels.shape[1] == 2
    assert {tuple(row) for row in np.unique(labels, axis=0)} == {(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)}
    music, speech = np.sin(np.arange(8000.0)), 3 * np.sin(np.arange(8000.0) * 2)
    scaled = music * segmentation._gain(music, speech, 7.0)
    np.testing.assert_allclose(10 * np.log10(np.mean(speech**2) / np.mean(scaled**2)), 7.0, atol=1e-6)


def test_samples_come_in_steps_with_the_label_of_their_middle_and_the_level_of_a_mixture(load):
    options = {"recordings": 4, "seconds": 30.0, "validation": 0.34}
    steps = load("music_speech", tones(), view="samples", **options).splits["train"].arrays
    frames = DATASETS["music_speech"](num_mels=20, **options).splits["train"].arrays
    assert steps["inputs"][0].shape == (3000, 160)
    assert (steps["labels"][0] != frames["labels"][0][:3000]).mean() < 0.01
    mixed = DATASETS["music_speech"](mixed=True, view="samples", **options).splits["train"].arrays
    both = mixed["labels"].values.all(-1)
    np.testing.assert_array_equal(both, np.isfinite(mixed["levels"].values))
    assert both.any()
    # The tones have equal powers: of a mixture, that of speech stays and that of music is the level below.
    powers = np.square(mixed["inputs"].values).mean(-1)
    expected = 10 * np.log10(powers[both] / (1 / 32) - 1)
    inner = np.abs(expected + mixed["levels"].values[both]) < 0.5
    assert inner.mean() > 0.98
    with pytest.raises(ValueError, match=r"dataset\.view is 'sample'; allowed: log_mel, samples"):
        DATASETS["music_speech"](view="sample")


def test_frames_say_who_speaks_and_whether_several_do(load):
    made = MADE["ami_excerpts"]()
    audio = np.random.default_rng(0).normal(size=32_000).astype(np.float32) / 9
    files = {name: wav(audio, 16_000, "FLOAT") if name.endswith("wav") else data for name, data in made.files.items()}
    rows = load("ami_excerpts", made._replace(files=files), num_mels=8).splits["train"].arrays
    assert rows["inputs"][0].shape == (201, 8)
    seconds = np.arange(201) / 100
    np.testing.assert_array_equal(rows["labels"][0][:-1, 0], seconds[:-1] >= 0.5)
    np.testing.assert_array_equal(rows["labels"][0][:, 1], (seconds >= 1.0) & (seconds < 1.75))


@pytest.mark.parametrize("max_length", [0, 3])
def test_shuffled_sentences_have_their_words_in_another_order_in_every_split(load, max_length):
    options = {"folds": 5, "fold": 2, "max_length": max_length}
    plain = load("rt_polarity", rt_polarity(60), **options)
    mixed, again = (DATASETS["rt_polarity"](shuffled=True, **options) for _ in range(2))
    assert mixed.vocabulary.symbols == plain.vocabulary.symbols
    for name, split in plain.splits.items():
        rows, shuffled = split.arrays["inputs"], mixed.splits[name].arrays["inputs"]
        np.testing.assert_array_equal(mixed.splits[name].arrays["labels"], split.arrays["labels"])
        np.testing.assert_array_equal(shuffled.values, again.splits[name].arrays["inputs"].values)
        np.testing.assert_array_equal(shuffled.lengths, rows.lengths)
        pairs = list(zip(rows, shuffled, strict=True))
        assert all(np.array_equal(np.sort(one), np.sort(other)) for one, other in pairs)
        places = np.array([np.argsort(other)[np.argsort(np.argsort(one))] for one, other in pairs])
        assert len(np.unique(places, axis=0)) > 2  # each row has an order of its own


def test_each_order_of_a_shuffled_row_is_as_likely():
    """Of three steps: six orders, each in a sixth of 3,000 rows."""
    rows = Ragged(np.tile(np.arange(3), 3000), np.full(3000, 3))
    orders, counts = np.unique(rows.shuffled(1).values.reshape(-1, 3), axis=0, return_counts=True)
    assert len(orders) == 6
    np.testing.assert_allclose(counts / 3000, 1 / 6, atol=4 * (5 / 36 / 3000) ** 0.5)
    assert (rows.shuffled(1).values != rows.shuffled(2).values).any()
    assert len(Ragged(np.zeros(0), np.zeros(0, int)).shuffled(0)) == 0
