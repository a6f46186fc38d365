"""Losses of the two objectives against NumPy."""

import numpy as np
import pytest

from styletransfer._tensorflow import tf
from styletransfer.cyclegan.objectives import Adapted, Cycle
from styletransfer.cyclegan.settings import AdaptedSettings, CycleSettings
from styletransfer.cyclegan.training import Training
from styletransfer.errors import InputError
from styletransfer.forms import FORMS
from styletransfer.layers import default_omega
from styletransfer.weights.backbones import load_weights

from .. import reference
from .conftest import TINY

PAINTINGS = (40, 64, 3), (48, 48, 3)  # larger than the crops of 32 px


@pytest.fixture
def crops(rng):
    return tuple(tf.constant(rng.uniform(-1, 1, (2, 32, 32, 3)), tf.float32) for _ in range(2))


def per_picture(values):
    return values.reshape(len(values), -1).mean(1)


def test_cycle_losses_by_hand(crops):
    """Zhu et al. 2017, Eqs. 1 to 3 and the identity loss, from the networks' outputs."""
    objective = Cycle(CycleSettings(**TINY, cycle=7.0, identity=0.3), dtype="float32")
    g, f, d_x, d_y = (objective.networks[name] for name in ("AtoB", "BtoA", "critic_A", "critic_B"))
    a, b = (np.asarray(side) for side in crops)

    def of(network, x):
        return network(x).numpy()

    total, parts, fakes = objective.generated(*crops)
    expected = {
        "adversarial_A": per_picture((of(d_x, of(f, b)) - 1) ** 2),
        "adversarial_B": per_picture((of(d_y, of(g, a)) - 1) ** 2),
        "cycle_A": per_picture(np.abs(of(f, of(g, a)) - a)),
        "cycle_B": per_picture(np.abs(of(g, of(f, b)) - b)),
        "identity_A": per_picture(np.abs(of(f, a) - a)),
        "identity_B": per_picture(np.abs(of(g, b) - b)),
    }
    assert parts.keys() == expected.keys()
    for name in parts:
        np.testing.assert_allclose(parts[name], expected[name], rtol=1e-3)
    weighted = [value * {"a": 1, "c": 7, "i": 7 * 0.3}[name[0]] for name, value in expected.items()]
    np.testing.assert_allclose(total, sum(weighted), rtol=1e-3)
    np.testing.assert_allclose(fakes[0], of(f, b), atol=1e-5)
    judged = objective.judged(*crops, *fakes).parts
    for name, judge, real, fake in (
        ("critic_A", d_x, a, of(f, b)),
        ("critic_B", d_y, b, of(g, a)),
    ):
        half = 0.5 * (per_picture((of(judge, real) - 1) ** 2) + per_picture(of(judge, fake) ** 2))
        np.testing.assert_allclose(judged[name], half, rtol=1e-3)
    without = Cycle(CycleSettings(**TINY, identity=0), dtype="float32")
    assert set(without.generated(*crops).parts) == {
        "adversarial_A",
        "adversarial_B",
        "cycle_A",
        "cycle_B",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "weights_of_layers"),
    [("proposal", "form"), ("gatys-code", "form"), ("gatys-code", "even")],
)
def test_adapted_losses_by_hand(form, weights_of_layers, crops, rng):
    """The study's formula in NumPy on the generator's output; the target is a mean Gram.

    Paintings count whole. Where a form sums over positions, they do as many as a crop has.
    """
    settings = AdaptedSettings(
        **TINY,
        form=form,
        lam=0.5,
        adversarial=2.0,
        backbone="embedded",
        omega=weights_of_layers,
    )
    paintings = [tf.constant(rng.uniform(-1, 1, shape), tf.float32) for shape in PAINTINGS]
    options = {"paintings": paintings, "photographs": [crops[1]]}
    objective = Adapted(settings, dtype="float32", **options)
    weights = load_weights("embedded")
    network = weights.kernels, weights.biases, FORMS[form].pooling

    def features(pictures):
        return [reference.features(p / 2 + 0.5, *network) for p in np.asarray(pictures)]

    layers = settings.style_layers
    omega = default_omega(FORMS[form], layers)
    of_a, of_b = [features([painting])[0] for painting in paintings], features(crops[1])
    fake = objective.networks["BtoA"](crops[1]).numpy()

    def per_position(f, layer):
        return reference.gram(f[layer]) / (f[layer].shape[0] * f[layer].shape[1])

    def layer_losses(found):
        losses = []
        for layer in layers:
            goal = np.mean([per_position(f, layer) for f in of_a], axis=0)
            if form == "proposal":  # a sum over as many positions as the crop has at each layer
                shares = [32 * 32 / (h * w) for h, w, _ in PAINTINGS]
                whole = [s * reference.gram(f[layer]) for s, f in zip(shares, of_a, strict=True)]
                losses.append(np.abs(reference.gram(found[layer]) - np.mean(whole, 0)).sum())
            else:
                losses.append(((per_position(found, layer) - goal) ** 2).mean())
        return np.array(losses)

    def style(found):
        return omega @ layer_losses(found)

    def content(found, wanted):
        squares = (found["block4_conv2"] - wanted["block4_conv2"]) ** 2
        return squares.sum() if form == "proposal" else squares.mean()

    unit = 0.5 * np.mean([style(found) for found in of_b])
    if weights_of_layers == "even":
        of_photographs = np.mean([layer_losses(found) for found in of_b], axis=0)
        omega = unit / 0.5 / len(layers) / of_photographs
    np.testing.assert_allclose(objective.omega, omega, rtol=1e-3)
    assert objective.unit == pytest.approx(unit, rel=1e-3)
    made = features(fake)
    total, parts, fakes = objective.generated(*crops)
    np.testing.assert_allclose(parts["style"], [style(found) for found in made], rtol=1e-3)
    contents = [content(found, wanted) for found, wanted in zip(made, of_b, strict=True)]
    np.testing.assert_allclose(parts["content"], contents, rtol=1e-3)
    deceived = per_picture((objective.networks["critic_A"](fake).numpy() - 1) ** 2)
    expected = (np.array(contents) + 0.5 * np.array(parts["style"])) / unit + 2 * deceived
    np.testing.assert_allclose(total, expected, rtol=1e-3)
    assert len(fakes) == 1


@pytest.mark.slow
def test_adapted_without_an_adversary_is_a_feed_forward_network(data):
    settings = AdaptedSettings(
        **{**TINY, "steps": 12, "learning_rate": 5e-3}, adversarial=0, backbone="embedded"
    )
    training = Training(data, settings)
    assert set(training.networks) == {"BtoA"}
    training.finish()
    losses = training.history
    assert set(losses) == {"content", "style"}
    total = losses["content"] + training.objective.lam * losses["style"]
    assert total[-3:].mean() < 0.8 * total[:3].mean()


def test_objectives_that_cannot_be_used(crops):
    settings = AdaptedSettings(**TINY, statistic="grm", backbone="embedded")
    with pytest.raises(InputError, match="unknown statistic 'grm'; did you mean 'gram'"):
        Adapted(settings, dtype="float32", paintings=list(crops[0]), photographs=[crops[1]])
    with pytest.raises(InputError, match="lam must be above 0"):
        AdaptedSettings(**TINY, lam=0.0)
    with pytest.raises(InputError, match="style_layers names a layer twice"):
        AdaptedSettings(**TINY, style_layers=("conv1_1", "block1_conv1"))
