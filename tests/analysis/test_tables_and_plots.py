"""Tables that line up, intervals that are Student's, and plots that show what they were given."""

import numpy as np
import pytest
from scipy import stats

from sequence_lab.analysis import plots, report, tables


def test_a_markdown_table_lines_up():
    lines = tables.markdown(["name", "score"], [["long name", "1"], ["b", "12.5"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|-----------|------:|"
    assert lines[2] == "| long name |     1 |"


def test_an_interval_is_students():
    values = np.random.default_rng(0).normal(size=5)
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert tables.half_width(values.tolist()) == pytest.approx((high - low) / 2)
    assert tables.half_width([1.0]) is None
    assert tables.interval([3.0, np.inf]) == "inf"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5], "0.5"),
        ([0.5, 0.5], "0.5000 ± 0.0000"),
        ([5.0, 6.0, 7.0], "6.0 ± 2.5"),
        ([1.0, 2.0, 3.0], "2 (1, 2, 3)"),
        ([98.1, 98.2], "98.15 ± 0.64"),
    ],
)
def test_an_interval_shows_two_digits_of_its_width_and_the_values_where_it_is_as_wide_as_their_mean(values, text):
    assert tables.interval(values) == text


def test_baselines_stand_in_order_with_their_distance_from_the_run():
    lines = report.baselines_table(2.0, {"worse": 2.5, "better": 1.9}).splitlines()
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert names == ["better", "this run", "worse"]
    assert "+25.0%" in lines[4]
    assert "-5.0%" in lines[2]


RECORDS = [
    {"step": 10, "split": "train", "loss": 2.0}, {"step": 20, "split": "train", "loss": 1.0},
    {"step": 20, "split": "validation", "loss": 1.5}, {"step": 20, "split": "validation", "accuracy": 0.5},
]  # fmt: skip


def drawn(monkeypatch):
    """The axes of the next plot."""
    found = []
    save = plots._save
    keep = lambda figure, path, **kw: (found.append(figure.axes[0]), save(figure, path, **kw))  # noqa: E731
    monkeypatch.setattr(plots, "_save", keep)
    return found


def test_a_learning_curve_shows_both_splits_and_the_baselines(monkeypatch, tmp_path):
    found = drawn(monkeypatch)
    path = tmp_path / "plots" / "curve.png"
    plots.learning_curve(RECORDS, "loss", path, "title", (20, 1.25), {"xz": 2.5, "none": 3.0})
    assert path.read_bytes().startswith(b"\x89PNG")
    lines = {line.get_label(): line.get_xydata().tolist() for line in found[0].get_lines()}
    assert lines["train"] == [[10, 2.0], [20, 1.0]]
    assert lines["validation"] == [[20, 1.5]]
    assert [y for _, y in lines["test, xz: 2.500"]] == [2.5, 2.5]
    assert lines["test, this run: 1.25"] == [[20, 1.25]]
    assert found[0].get_ylabel() == "loss"


@pytest.mark.parametrize(("values", "scale"), [((0.001, 0.01), "log"), ((1, 2), "linear"), ((0, 10), "linear")])
def test_a_sweep_curve_shows_the_intervals(monkeypatch, tmp_path, values, scale):
    found = drawn(monkeypatch)
    points = [(value, 0.5 + index, 0.1) for index, value in enumerate(values)]
    plots.sweep_curve({"": points[::-1]}, "learning_rate", "accuracy", tmp_path / "sweep.png", "title")
    assert (tmp_path / "sweep.png").stat().st_size > 1000
    assert found[0].get_xscale() == scale
    line, _, (bars,) = found[0].containers[0]
    assert line.get_xydata().tolist() == [[value, score] for value, score, _ in points]
    np.testing.assert_allclose([bar[:, 1] for bar in bars.get_segments()], [[s - 0.1, s + 0.1] for _, s, _ in points])


def texts(labels):
    return [label.get_text() for label in labels]


@pytest.mark.parametrize(("classes", "names"), [(("sit", "stand", "lie"), ["sit", "stand", "lie"]), ((), list("012"))])
def test_a_confusion_matrix_has_labels_down_and_answers_across(monkeypatch, tmp_path, classes, names):
    found = drawn(monkeypatch)
    matrix = np.array([[1200, 3, 0], [5, 6, 1], [0, 0, 0]])
    plots.confusion_matrix(matrix, classes, tmp_path / "m.png", "title")
    axes = found[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "label")
    assert texts(axes.get_xticklabels()) == texts(axes.get_yticklabels()) == names
    cells = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    assert cells == {(row, column): f"{matrix[row, column]:,}" for row in range(3) for column in range(3)}
    image = axes.images[0]
    np.testing.assert_allclose(image.get_array(), [[1200 / 1203, 3 / 1203, 0], [5 / 12, 6 / 12, 1 / 12], [0, 0, 0]])
    assert image.get_clim() == (0, 1)
    assert image.origin == "upper"


def test_a_timeline_shows_what_was_active_when(monkeypatch, tmp_path):
    found = drawn(monkeypatch)
    truth, answers = np.zeros((2, 100, 2), bool)
    truth[20:60, 0] = truth[50:90, 1] = True
    answers[30:40, 1] = answers[95:, 1] = True
    plots.timeline({"truth": truth, "answers": answers}, 0.01, ("music", "speech"), tmp_path / "t.png", "title")
    axes = found[0]
    ticks = dict(zip(axes.get_yticks(), texts(axes.get_yticklabels()), strict=True))
    bars, colours = {}, {}
    for rows in axes.collections:
        for path in rows.get_paths():
            x, y, width, height = path.get_extents().bounds
            name = next(name for tick, name in ticks.items() if y < tick < y + height)
            bars.setdefault(name, []).append((x, x + width))
            colours[name] = tuple(rows.get_facecolor()[0][:3])
    expected = {"truth, music": [(0.2, 0.6)], "truth, speech": [(0.5, 0.9)], "answers, speech": [(0.3, 0.4), (0.95, 1)]}
    assert bars == {name: [pytest.approx(span) for span in spans] for name, spans in expected.items()}
    assert colours["truth, music"] != colours["truth, speech"] == colours["answers, speech"]
    assert list(ticks.values()) == ["truth, music", "truth, speech", "answers, music", "answers, speech"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the truth is on top"
    assert axes.get_xlim() == pytest.approx((0, 1))
    assert axes.get_xlabel() == "seconds"


def test_a_piano_roll_shows_each_note_as_long_as_it_sounds(monkeypatch, tmp_path):
    """Two keys: one from step 1 to 5, three of them given; one from step 6 on."""
    found = drawn(monkeypatch)
    roll = np.zeros((9, 88), np.uint8)
    roll[1:6, 30] = roll[6:, 39] = 1
    plots.piano_roll(roll, 4, 21, tmp_path / "roll.png", "title")
    assert (tmp_path / "roll.png").read_bytes().startswith(b"\x89PNG")
    bars = [(*bar.get_paths()[0].get_extents().bounds, tuple(bar.get_facecolor()[0])) for bar in found[0].collections]
    assert [bar[:4] for bar in bars] == [(1, 50.5, 3, 1), (4, 50.5, 2, 1), (6, 59.5, 3, 1)]
    assert bars[0][4] != bars[1][4] == bars[2][4]
    shade = found[0].patches[0].get_extents().transformed(found[0].transData.inverted())
    np.testing.assert_allclose((shade.x0, shade.x1), (0, 4), atol=1e-9)
    assert [label.get_text() for label in found[0].get_yticklabels()] == ["C4"]
    assert found[0].get_xlim() == (0, 9)
