"""Choices: their runs, what the judge says of them, and which layer pulls at a picture how hard."""

import numpy as np
import pytest

from styletransfer import Objective, load_image, transfer
from styletransfer.errors import InputError
from styletransfer.pictures.images import encode
from styletransfer.study import choices, judge, sweeps
from styletransfer.study.choices import Choice, even_omega, pulls

PAIRS = [("petra", "night_cafe"), ("colosseum", "cafe_terrace_at_night")]
SMALL = {"sizes": (64,), "steps": 2, "backbone": "embedded", "progress": False}
CANDIDATES = {"plain": {}, "loud": {"lam": 10.0, "form": "gatys-code"}}
LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def choice(store):
    return Choice(PAIRS, CANDIDATES, store=store, **SMALL)


@pytest.mark.slow
def test_every_pair_with_every_candidate(choice, store):
    assert choice.pairs == PAIRS
    assert choice.names == ["plain", "loud"]
    for name, candidate in CANDIDATES.items():
        for pair in PAIRS:
            expected = transfer(*pair, **SMALL, **candidate)
            assert choice[name, pair].record["picture"] == expected.record["picture"]
            shown = encode(choice[name, pair].image)  # 8 bits, as the store has it
            np.testing.assert_array_equal(shown, encode(expected.image))
    again = Choice(PAIRS, CANDIDATES, store=store, **SMALL)  # out of the store
    for key in (("plain", PAIRS[0]), ("loud", PAIRS[1])):
        assert again[key].record["history"] == choice[key].record["history"]


@pytest.mark.slow
def test_table(judges, choice):
    table = choice.table
    assert list(table["candidate"]) == ["plain", "loud"] * 2
    assert list(table["pair"]) == [" × ".join(pair) for pair in PAIRS for _ in range(2)]
    rows = iter(table.to_dict("records"))
    for pair in PAIRS:
        photo, painting = (load_image(name, size=64) for name in pair)
        for name in choice.names:
            row, result = next(rows), choice[name, pair]
            distance = judge.style_distance(result.image, painting, photo)
            assert row["style distance"] == pytest.approx(distance, rel=1e-6)
            assert row["lpips-vgg"] == judge.lpips(result.image, photo)
            assert row["loss"] == result.record["picture"]["losses"]["total"]
            assert row["seconds"] == result.record["history"][-1]["seconds"]
    assert table["style distance"].between(0, 1.5).all()


def test_means(judges, choice):
    means = choice.means
    assert list(means.index) == ["plain", "loud"]  # as they were given
    assert list(means) == ["style distance", "lpips-vgg"]
    rows = choice.table.to_dict("records")
    for column in means:
        first, _, second, _ = (row[column] for row in rows)
        assert means[column]["plain"] == pytest.approx((first + second) / 2)


def test_sheet(judges, choice):
    table = choice.table.set_index(["candidate", "pair"])
    for names in (None, ["loud"]):
        axes = iter(choice.sheet(names, height=1.0).axes)
        for pair in PAIRS:
            for source in pair:
                axis = next(axes)
                assert axis.get_title()
                shown, size = axis.images[0].get_array(), max(axis.images[0].get_size())
                np.testing.assert_allclose(shown, load_image(source, size=size), atol=1e-6)
            for name in names or choice.names:
                axis, row = next(axes), table.loc[(name, " × ".join(pair))]
                caption = " ".join(axis.get_title().split())
                numbers = f"{row['style distance']:.2f} · LPIPS {row['lpips-vgg']:.2f}"
                assert caption == f"{name} style {numbers}"
                np.testing.assert_array_equal(axis.images[0].get_array(), choice[name, pair].image)
        assert next(axes, None) is None


def test_without_the_judge_there_are_pictures_and_no_numbers(no_judges, store):
    choice = Choice(PAIRS, CANDIDATES, store=store, **SMALL)
    assert choice["plain", PAIRS[0]].image.shape[1] == 64
    for ask in (lambda: choice.table, lambda: choice.means, choice.sheet):
        with pytest.raises(InputError, match=r"is not here; .* --backbones says how to get it"):
            ask()


@pytest.mark.slow
def test_a_choice_that_is_stopped_has_what_was_made(tmp_path, monkeypatch, caplog):
    """Ctrl-C in the fourth of four runs: pictures of three, and numbers of the whole pair."""
    made, make = [], sweeps._make

    def interrupted(request, *callbacks):
        made.append(request)
        if len(made) == 4:
            raise KeyboardInterrupt
        return make(request, *callbacks)

    monkeypatch.setattr(sweeps, "_make", interrupted)
    monkeypatch.setattr(choices, "style_distances", lambda pictures, *_: [0.5] * len(pictures))
    monkeypatch.setattr(choices, "lpips", lambda *_: 0.25)
    choice = Choice(PAIRS, CANDIDATES, store=tmp_path, **SMALL)
    assert "1 of 4 pictures are not made" in caplog.text
    assert choice["plain", PAIRS[1]].image.shape[1] == 64
    with pytest.raises(InputError, match=r"there is no picture of .*loud.*make the comparison"):
        choice["loud", PAIRS[1]]
    assert choice.table["candidate"].tolist() == ["plain", "loud", "plain"]
    assert choice.means["lpips-vgg"].tolist() == [0.25, 0.25]
    titles = [axis.get_title().split("\n") for axis in choice.sheet(height=1.0).axes]
    assert titles[-1] == ["loud", "not made"]
    monkeypatch.setattr(sweeps, "_make", make)
    assert len(Choice(PAIRS, CANDIDATES, store=tmp_path, **SMALL).table) == 4


def test_bad_choices(store):
    broken = {"optimizer": "sgd", "learning_rate": 1e30, "steps": 30}
    options = {**SMALL, "store": store}
    with pytest.raises(InputError, match="a run failed: the loss is not finite at step"):
        Choice(PAIRS[:1], {"plain": {}, "broken": broken}, **options)
    with pytest.raises(InputError, match="did you mean 'lam'"):
        Choice(PAIRS, {"plain": {"lamb": 1.0}}, **options)
    with pytest.raises(InputError, match="unknown picture 'petrra'; did you mean 'petra'"):
        Choice([("petrra", "night_cafe")], CANDIDATES, **options)
    with pytest.raises(InputError, match="the grid is empty"):
        Choice(PAIRS, {}, **options)


@pytest.fixture
def image(pair, rng):
    """Away from the photograph, so that the content pulls too, and beyond [0, 1]."""
    return (pair[0] + 0.2 * rng.standard_normal(pair[0].shape)).astype(np.float32)


def lone_pulls(pair, image, form, omega, lam):
    """‖λ ω_l ∂E_l/∂x‖ by layer, each from an objective that has nothing else."""
    found = {}
    for layer, weight in zip(LAYERS, omega, strict=True):
        options = {"content_layers": (), "style_layers": [layer], "omega": [weight], "lam": lam}
        objective = Objective(None, pair[1], form=form, backbone="embedded", **options)
        found[layer] = np.linalg.norm(objective.value_and_gradient(image)[1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("form", "lam"), [("gatys", 100.0), ("gatys-code", 1.0)])
def test_pulls_are_those_of_the_layers_alone(pair, image, form, lam):
    omega = (0.1, 0.2, 0.3, 0.15, 0.25)
    options = {"omega": omega, "lam": lam, "tv": 1.0}
    objective = Objective(*pair, form=form, backbone="embedded", **options)
    objective.box = 10.0
    found = pulls(objective, image)
    assert list(found) == list(LAYERS)
    assert sum(found.values()) == pytest.approx(1)
    alone = lone_pulls(pair, image, form, omega, lam)
    expected = {layer: pull / sum(alone.values()) for layer, pull in alone.items()}
    # It comes out of a difference of gradients: a layer's rounding is relative to the whole.
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert (objective.lam, objective.omega, objective.tv) == (lam, omega, 1.0)


@pytest.mark.slow
def test_a_layer_without_a_weight_does_not_pull(pair, image):
    objective = Objective(*pair, omega=(1, 0, 2, 0, 3), backbone="embedded")
    found = pulls(objective, image)
    assert [layer for layer in LAYERS if not found[layer]] == ["block2_conv1", "block4_conv1"]
    lone = Objective(*pair, style_layers=["conv3_1"], omega=[5.0], backbone="embedded")
    assert pulls(lone, image) == {"block3_conv1": 1}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["gatys", "gatys-code"])
def test_even_omega(pair, image, form):
    objective = Objective(*pair, form=form, backbone="embedded")
    before = objective.omega
    even = even_omega(objective, image)
    assert objective.omega == before
    objective.omega = even
    assert pulls(objective, image) == pytest.approx(dict.fromkeys(LAYERS, 0.2), rel=1e-3)
    # All together they pull as they did.
    old, new = (lone_pulls(pair, image, form, omega, objective.lam) for omega in (before, even))
    assert sum(new.values()) == pytest.approx(sum(old.values()), rel=1e-3)


@pytest.mark.slow
def test_even_omega_leaves_a_layer_without_a_weight_out(pair, image):
    objective = Objective(*pair, omega=(1, 0, 2, 0, 3), backbone="embedded")
    objective.omega = even_omega(objective, image)
    assert [objective.omega[1], objective.omega[3]] == [0, 0]
    expected = dict(zip(LAYERS, (1 / 3, 0, 1 / 3, 0, 1 / 3), strict=True))
    assert pulls(objective, image) == pytest.approx(expected, rel=1e-3)


def test_nothing_that_pulls(pair, image):
    without = Objective(*pair, lam=0.0, backbone="embedded")
    unweighted = Objective(*pair, omega=[0.0] * 5, backbone="embedded")
    content = Objective(pair[0], None, style_layers=(), backbone="embedded")
    for objective in (without, unweighted, content):
        for function in (pulls, even_omega):
            with pytest.raises(InputError, match="no style layer moves this picture"):
                function(objective, image)


def test_the_weights_stay_when_it_fails(pair):
    objective = Objective(*pair, lam=2.0, omega=(1, 2, 3, 4, 5), backbone="embedded")
    with pytest.raises(InputError, match="must have the shape"):
        pulls(objective, pair[1])
    assert (objective.lam, objective.omega) == (2, (1, 2, 3, 4, 5))
