"""Each task by its own definition, written once more, slowly."""

import itertools

import numpy as np
import pytest

from sequence_lab.data.generated import GENERATED


def examples(name, rows=80, **fields):
    """The real steps of each test example, as a dictionary of arrays."""
    fields = {"num_test": rows, **fields} if name != "sequence_completion" else fields
    arrays = GENERATED[name](**fields).splits["test"].arrays
    for row in range(len(arrays["labels"])):
        own = {key: array[row] for key, array in arrays.items()}
        steps = own.get("lengths", len(own["inputs"]))
        assert not own["inputs"][steps:].any()
        yield {**own, "inputs": own["inputs"][:steps]}


def test_adding_labels_are_the_marked_sums():
    for one in examples("adding", length=11):
        marked = np.flatnonzero(one["inputs"][:, 1])
        assert len(marked) == 2
        assert marked[0] < 5 <= marked[1]
        np.testing.assert_allclose(one["labels"], one["inputs"][marked, 0].sum(), rtol=1e-6)


@pytest.mark.parametrize(("name", "low", "neutral"), [("adding_1997", -1, 0), ("multiplication", 0, 1)])
def test_the_problems_of_1997_mark_two_numbers_of_the_first_half(name, low, neutral):
    first_marked = 0
    for one in examples(name, rows=300, length=40):
        numbers, markers = one["inputs"].T
        steps = len(numbers)
        assert 40 <= steps <= 44
        assert low <= numbers.min() < numbers.max() <= 1
        assert markers[0] == markers[-1] == -1
        places = np.flatnonzero(markers > 0)
        assert not markers[np.setdiff1d(np.arange(1, steps - 1), places)].any()
        assert len(places) in (1, 2)
        assert places[0] < 10 or len(places) == 1
        assert places[-1] < 19
        values = [*numbers[places], neutral][:2]
        first_marked += len(places) == 1
        wanted = 0.5 + sum(values) / 4 if name == "adding_1997" else np.prod(values)
        np.testing.assert_allclose(one["labels"], wanted, rtol=1e-5, atol=1e-6)
    assert 0 < first_marked < 100


def test_temporal_order_labels_name_the_relevant_symbols_in_order():
    seen = set()
    for one in examples("temporal_order", length=40):
        symbols = one["inputs"].argmax(-1)
        places = np.flatnonzero(symbols < 2)
        assert len(places) == 2
        assert 4 <= places[0] < 8
        assert 20 <= places[1] < 24
        assert one["labels"] == symbols[places[0]] + 2 * symbols[places[1]]
        seen.add(int(one["labels"]))
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize(("relevant", "places"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])])
def test_temporal_order_of_1997_has_its_places_and_ends(relevant, places):
    seen = set()
    for one in examples("temporal_order_1997", rows=200, relevant=relevant):
        text = "".join("EBXYabcd"[symbol] for symbol in one["inputs"].argmax(-1))
        assert 100 <= len(text) <= 110
        assert text[0] == "E"
        assert text[-1] == "B"
        assert set(text[1:-1]) <= set("XYabcd")
        found = [place for place, symbol in enumerate(text) if symbol in "XY"]
        assert all(low <= place <= high for place, (low, high) in zip(found, places, strict=True))
        assert one["labels"] == int("".join(str("XY".index(text[place])) for place in found), 2)
        seen.add(int(one["labels"]))
    assert seen == set(range(2**relevant))


@pytest.mark.parametrize(
    ("name", "fields", "values", "positions"),
    [
        ("copy_memory", {"length": 7, "num_symbols": 3}, 8, 3),
        ("memorisation", {"length": 7, "values": 2, "positions": 5}, 2, 5),
    ],
)
def test_what_is_to_be_recalled_is_asked_for_at_the_end(name, fields, values, positions):
    for one in examples(name, **fields):
        symbols, labels = one["inputs"].argmax(-1), one["labels"]
        assert one["inputs"].shape == (7 + 2 * positions, values + 2)
        shown = list(symbols[:positions])
        assert set(shown) <= set(range(1, values + 1))
        assert list(symbols[positions:]) == [0] * 6 + [values + 1] + [0] * positions
        assert list(labels) == [0] * (positions + 7) + shown


def test_random_permutation_begins_with_its_label_and_permutes_the_rest():
    orders = set()
    for one in examples("random_permutation", length=9, num_symbols=10):
        symbols = one["inputs"]
        assert symbols[0] == one["labels"]
        assert symbols[0] < 2
        assert sorted(symbols[1:]) == list(range(2, 10))
        orders.add(tuple(symbols[1:]))
    assert len(orders) > 75
    (longer, *_) = examples("random_permutation", length=20, num_symbols=10)
    assert np.bincount(longer["inputs"][1:], minlength=10)[2:].min() == 2


def test_parity_counts_bits_of_strings_of_all_lengths():
    lengths = set()
    for one in examples("parity", rows=300, length=6, shortest=2):
        bits = one["inputs"][:, 0]
        odd = False
        for bit in bits:
            assert bit in (-1, 1)
            odd ^= bit == 1
        assert one["labels"] == odd
        lengths.add(len(bits))
    assert lengths == {2, 3, 4, 5, 6}
    exclusive_or = {(*one["inputs"][:, 0], int(one["labels"])) for one in examples("parity", length=2)}
    assert exclusive_or == {(-1, -1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, 0)}


def test_a_shift_register_moves_its_bits_to_the_left_round():
    for one in examples("shift_register", units=5, shifts=2):
        bits = list(one["inputs"][0] > 0)
        for _ in range(2):
            bits.append(bits.pop(0))
        assert list(one["labels"]) == bits
        assert one["inputs"].shape == (3, 5)
        assert not one["inputs"][1:].any()


def test_sequence_completion_holds_five_pairs_of_letters_back():
    dataset = GENERATED["sequence_completion"]()
    stands_for = {"A": "12", "B": "23", "C": "31", "D": "21", "E": "13"}
    seen = []
    for split in ("train", "test"):
        arrays = dataset.splits[split].arrays
        for x, y, mask in zip(arrays["inputs"], arrays["labels"], arrays["mask"], strict=True):
            pair = "".join("ABCDE"[symbol] for symbol in x[:2].argmax(-1))
            assert not x[2:].any()
            assert "".join("123"[digit] for digit in y[2:]) == stands_for[pair[0]] + stands_for[pair[1]]
            assert list(mask) == [0, 0, 1, 1, 1, 1]
            seen.append(pair)
    assert len(dataset.splits["train"]) == 20
    assert sorted(seen) == sorted(map("".join, itertools.product("ABCDE", repeat=2)))
    digits = np.concatenate([split.arrays["labels"][:, 2:] for name, split in dataset.splits.items() if name != "test"])
    assert abs(np.bincount(digits.ravel()).max() / digits.size - 2 / 5) < 0.06


def test_latch_and_two_sequence_show_the_class_first_and_noise_after_it():
    for one in examples("latch", rows=200, length=40, relevant=3):
        assert 20 <= len(one["inputs"]) <= 40
        assert list(one["inputs"][:3, 0]) == [2 * one["labels"] - 1] * 3
    shown, noise = {0: set(), 1: set()}, []
    for one in examples("two_sequence", rows=200, length=40, relevant=4):
        shown[int(one["labels"])].add(tuple(one["inputs"][:4, 0]))
        noise.append(one["inputs"][4:, 0])
    assert [len(sequences) for sequences in shown.values()] == [1, 1]
    assert shown[0] != shown[1]
    assert abs(np.std(np.concatenate(noise)) - 0.2) < 0.01


def test_noise_and_signal_has_its_variances_and_lengths():
    noise, on_signal = [], []
    for one, other in zip(examples("noise_and_signal"), examples("noise_and_signal", noisy_signal=True), strict=True):
        assert 100 <= len(one["inputs"]) <= 110
        signal = 2 * one["labels"] - 1
        assert list(one["inputs"][:3, 0]) == [signal] * 3
        noise.append(one["inputs"][3:, 0])
        on_signal.append(other["inputs"][:3, 0] - (2 * other["labels"] - 1))
    assert abs(np.var(np.concatenate(noise)) - 0.2) < 0.01
    assert abs(np.var(np.concatenate(on_signal)) - 0.2) < 0.05


def test_noisy_targets_are_clean_where_they_are_held_against():
    dataset = GENERATED["noisy_targets"](num_train=2000, num_test=50)
    tested = dataset.splits["test"].arrays
    shown = tested["inputs"][:, :3, 0].mean(1)
    clean = np.where(shown > 0, 0.8, 0.2)[np.abs(shown) > 0.7]  # of the others the noise may have turned the sign
    assert len(clean) > 30
    np.testing.assert_allclose(tested["labels"][np.abs(shown) > 0.7, 0], clean, rtol=1e-6)
    assert set(np.ravel(dataset.splits["test"].arrays["labels"])) == {np.float32(0.2), np.float32(0.8)}
    train = dataset.splits["train"].arrays
    shown = np.sign(train["inputs"][:, :3, 0].mean(1))
    sure = np.abs(train["inputs"][:, :3, 0].mean(1)) > 0.7
    rest = train["labels"][sure, 0] - np.where(shown[sure] > 0, 0.8, 0.2)
    assert abs(rest.var() - 0.1) < 0.02


def test_noise_free_lag_ends_as_it_begins():
    seen = set()
    for one in examples("noise_free_lag", lag=6):
        symbols = [*one["inputs"], one["labels"][-1]]
        assert symbols[1:-1] == [0, 1, 2, 3, 4]
        assert symbols[0] == symbols[-1]
        assert list(one["labels"]) == symbols[1:]
        seen.add(int(symbols[0]))
    assert seen == {5, 6}


def test_random_lag_has_its_form_and_its_mean_length():
    extra = []
    for one in examples("random_lag", rows=500, lag=10, distractors=5):
        begin, shown, *between, end = one["inputs"]
        assert (begin, shown, end) == (5, 7 + one["labels"], 6)
        assert set(between) <= set(range(5))
        extra.append(len(between) - 10)
    assert min(extra) == 0
    assert abs(np.mean(extra) - 9) < 1


def test_spike_intervals_are_of_two_lengths_and_labelled_where_they_end():
    for one in examples("spike_intervals", interval=6, intervals=3):
        places = np.flatnonzero(one["inputs"][:, 0])
        assert places[0] == 0
        delays = np.diff(places)
        assert set(delays) <= {6, 7}
        assert list(np.flatnonzero(one["mask"])) == list(places[1:])
        assert list(one["labels"][places[1:]]) == list(delays - 6)
        assert one["labels"].sum() == (delays == 7).sum()


def test_timed_spikes_come_every_period():
    splits = GENERATED["timed_spikes"](period=4, length=10, test_length=18).splits
    assert [splits[name].arrays["labels"].shape[1] for name in ("train", "validation", "test")] == [10, 14, 18]
    (one,) = examples("timed_spikes", rows=1, period=4, length=9, test_length=18)
    assert list(np.flatnonzero(one["labels"])) == [4, 8, 12, 16]
    assert list(np.flatnonzero(one["inputs"])) == [0]
