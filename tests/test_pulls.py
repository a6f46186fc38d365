"""Which layer pulls at a picture how hard, against objectives that have that layer alone."""

import numpy as np
import pytest

from styletransfer import Objective
from styletransfer.errors import InputError
from styletransfer.study.pulls import even_omega, pulls

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")


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
