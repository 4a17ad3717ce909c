import pytest

from sequence_lab.sweeps import Range, Space, parse_axis
from sequence_lab.sweeps.space import key, of_trial, search_space, short_names, with_overrides

CONFIG = {
    "seed": 3,
    "model_name": "recurrent_classifier",
    "model": {"features": (8,), "dropout": 0.0, "bidirectional": False, "cell_options": {}, "projection": None},
    "optimizer": {"learning_rate": 1e-3, "warmup_steps": 0, "name": "adam"},
}


@pytest.mark.parametrize(
    ("text", "field", "axis"),
    [
        ("optimizer.learning_rate=0.001,3e-3,1", "optimizer.learning_rate", (0.001, 0.003, 1.0)),
        ("optimizer.warmup_steps=0, 100", "optimizer.warmup_steps", (0, 100)),
        ("optimizer.name=adam,sgd", "optimizer.name", ("adam", "sgd")),
        ("model.bidirectional=true,False", "model.bidirectional", (True, False)),
        ("model.features=(8,),(16, 16)", "model.features", ((8,), (16, 16))),
        ("model.cell_options={},{'peephole': True}", "model.cell_options", ({}, {"peephole": True})),
        ("model.projection=None,4", "model.projection", (None, 4)),
        ("model.dropout=0.1..0.5", "model.dropout", Range(0.1, 0.5)),
        ("optimizer.learning_rate=log:1e-4..1e-1", "optimizer.learning_rate", Range(1e-4, 1e-1, log=True)),
        ("optimizer.warmup_steps=10..20", "optimizer.warmup_steps", Range(10, 20)),
    ],
)
def test_axis_reads_values_as_the_type_of_its_field(text, field, axis):
    found = parse_axis(text, CONFIG)
    assert found == (field, axis)
    assert repr(found[1]) == repr(axis)  # 1 is not 1.0, nor True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer.learing_rate=1", r"'optimizer.learing_rate' \(did you mean optimizer.learning_rate\?\); allowed: "),
        ("optimizer.learning_rate=fast", r"learning_rate has 'fast'; allowed: float"),
        ("optimizer.learning_rate=nan", r"learning_rate has nan; allowed: float"),
        ("optimizer.warmup_steps=0.5", r"warmup_steps has 0.5; allowed: int"),
        ("optimizer.warmup_steps=True", r"warmup_steps has True; allowed: int"),
        ("model.bidirectional=1", r"bidirectional has '1'; allowed: bool"),
        ("model.features=8", r"features has 8; allowed: tuple"),
        ("optimizer.learning_rate", r"has no values; allowed: optimizer.learning_rate=VALUE"),
        ("optimizer.learning_rate=0.1,0.1", r"allowed: one value or more, each once"),
        ("optimizer.learning_rate=log:0..1", r"log: with low > 0"),
        ("optimizer.learning_rate=1..0.5", r"low < high"),
        ("seed=1,2", r"allowed: --seeds=N"),
    ],
)
def test_axis_refuses_what_does_not_fit_in_one_line(text, message):
    with pytest.raises(ValueError, match=message) as raised:
        parse_axis(text, CONFIG)
    assert "\n" not in str(raised.value)


def test_grid_runs_every_point_under_one_seed_before_the_next():
    space = Space({"a": (1, 2), "b": ("x", "y")}, seeds=2)
    trials = space.trials(seed=5)
    assert trials[:4] == [{"a": a, "b": b, "seed": 5} for a in (1, 2) for b in ("x", "y")]
    assert [trial["seed"] for trial in trials] == [5] * 4 + [6] * 4


def test_drawn_points_are_within_range_distinct_and_a_prefix_of_more():
    axes = {"rate": Range(1e-4, 1e-1, log=True), "size": Range(4, 6), "name": ("x", "y"), "steps": Range(1, 99, True)}
    few, many = (Space(axes, points=points).trials(seed=1) for points in (5, 40))
    assert many[:5] == few
    assert len({key(trial) for trial in many}) == 40
    assert all(1e-4 <= t["rate"] <= 1e-1 and t["size"] in (4, 5, 6) and 1 <= t["steps"] <= 99 for t in many)
    assert {t["size"] for t in many} == {4, 5, 6}
    assert sum(t["rate"] < 10**-2.5 for t in many) == pytest.approx(20, abs=9)  # half, in the logarithm
    assert Space(axes, points=5).trials(seed=2)[0] != few[0]
    assert list(few[0]) == ["rate", "size", "name", "steps", "seed"]
    backwards = Space(dict(reversed(axes.items())), points=5).trials(seed=1)
    assert backwards == few  # the order of the axes on a command line does not matter


def test_as_many_points_as_there_are_draws_them_all():
    trials = Space({"a": (1, 2), "b": Range(0, 2)}, points=6).trials(seed=0)
    assert len({key(trial) for trial in trials}) == 6
    with pytest.raises(ValueError, match="--points is 7; allowed: up to 6"):
        Space({"a": (1, 2), "b": Range(0, 2)}, points=7)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"axes": {"a": Range(0.0, 1.0)}}, "a is a range, which has no grid; allowed: with --points=N"),
        ({"axes": {}, "points": 3}, "--points is 3"),
        ({"axes": {"a": (1,)}, "seeds": -1}, "seeds are -1"),
        ({"axes": {"a": (1,)}, "seeds": "3"}, "seeds are '3'"),
    ],
)
def test_space_refuses_what_cannot_be_run(fields, message):
    with pytest.raises(ValueError, match=message):
        Space(**fields)


def test_the_command_line_replaces_all_axes_of_the_file_and_its_numbers_one_by_one():
    given = {
        "axes": {"optimizer.learning_rate": [1e-3, 1], "model.dropout": "0.1..0.5"},
        "seeds": 3, "points": 4,
    }  # fmt: skip
    space = search_space(CONFIG, get_sweep=given)
    assert space == Space({"optimizer.learning_rate": (1e-3, 1.0), "model.dropout": Range(0.1, 0.5)}, 3, 4)
    space = search_space(CONFIG, ["model.dropout=0.2,0.3"], seeds=2, points=2, get_sweep=given)
    assert space == Space({"model.dropout": (0.2, 0.3)}, 2, 2)


def test_seeds_alone_are_a_sweep_and_nothing_is_not():
    assert search_space(CONFIG, seeds=3).trials(3) == [{"seed": 3}, {"seed": 4}, {"seed": 5}]
    with pytest.raises(ValueError, match="nothing to sweep"):
        search_space(CONFIG, get_sweep={})


DROPOUTS = {"axes": {"model.dropout": (0.0, 0.5, 0.7)}}  # the first is the config's own


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"axis": {}}, r"a field of get_sweep\(\) is 'axis'.*did you mean axes"),
        ({"axes": {"model.dropuot": (0.1,)}}, "did you mean model.dropout"),
        ({"axes": {"model.dropout": 0.1}}, "allowed: a tuple of values"),
        ({"axes": {"model.dropout": ("a",)}}, "dropout has 'a'; allowed: float"),
        (
            DROPOUTS | {"published": (({"model.dropuot": 0.5}, {}),)},
            "published points is 'model.dropuot'.*model.dropout",
        ),
        (DROPOUTS | {"published": (({"model.dropout": 0.3}, {}),)}, r"at model.dropout 0.3; allowed: 0.5, 0.7, values"),
        (DROPOUTS | {"published": (({"model.dropout": 0.0}, {}),)}, r"at model.dropout 0.0; allowed: 0.5, 0.7, val"),
        (DROPOUTS | {"published": ({"model.dropout": 0.5},)}, r"published {'model.dropout': 0.5}; allowed: \({field"),
    ],
)
def test_a_wrong_file_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        search_space(CONFIG, get_sweep=given)


def test_an_axis_given_twice_is_refused():
    with pytest.raises(ValueError, match="given twice"):
        search_space(CONFIG, ["model.dropout=0.1", "model.dropout=0.2"])


def test_overrides_change_a_copy():
    changed = with_overrides(CONFIG, {"optimizer.learning_rate": 1.0, "seed": 9, "model.new": 1})
    assert changed["optimizer"] == {**CONFIG["optimizer"], "learning_rate": 1.0}
    assert changed["seed"] == 9
    assert changed["model"]["new"] == 1
    assert CONFIG["seed"] == 3
    assert CONFIG["optimizer"]["learning_rate"] == 1e-3
    assert "new" not in CONFIG["model"]


def test_published_figures_stand_beside_their_points_and_networks_are_guessed_for_all_data():
    published = {"accuracy": (0.9, "a paper"), "guesses": (None, "another")}
    config = {**CONFIG, "dataset": {"length": 5}, "published": published, "guesses": 70}
    config["replicates"] = ("model.dropout",)
    elsewhere = (({"model.features": (9,)}, {"accuracy": (0.8, "a third")}), ({"model.new": 1}, {"f1": (0.7, "b")}))

    def figures(overrides):
        changed = of_trial(config, config, overrides, elsewhere)
        same = with_overrides(config, overrides)
        assert {**changed, "published": published, "guesses": 70} == same
        return changed["published"], changed["guesses"]

    for overrides in ({"seed": 9}, {"model.dropout": 0.5}, {"model.features": (8,), "optimizer.name": "adam"}):
        assert figures(overrides) == (published, 70)
    no_figure = (None, "")
    assert figures({"optimizer.name": "adam", "model.new": 2}) == ({"accuracy": no_figure}, 0)
    assert figures({"model.features": (9,), "seed": 1}) == ({"accuracy": (0.8, "a third")}, 0)
    assert figures({"model.new": 1}) == ({"accuracy": no_figure, "f1": (0.7, "b")}, 0)
    assert figures({"model.features": (9,), "dataset.length": 6}) == ({"accuracy": no_figure}, 0)
    for other in ({"dataset.length": 6}, {"dataset_name": "latch"}, {"dataset_name": "latch", "dataset.length": 6}):
        assert figures(other) == ({"accuracy": no_figure, "guesses": no_figure}, 70)
    assert of_trial(config, config, {"guesses": 100}) == {**config, "guesses": 100}


def test_short_names_stay_unambiguous():
    assert short_names(["a.x", "b.x", "b.y"]) == {"a.x": "a.x", "b.x": "b.x", "b.y": "y"}
