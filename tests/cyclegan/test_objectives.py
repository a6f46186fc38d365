"""Losses of the two objectives against NumPy."""

import dataclasses
import math

import numpy as np
import pytest
from PIL import Image

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

    total, parts, fakes = objective.generated(*crops, tf.constant(0))
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
    assert set(without.generated(*crops, tf.constant(0)).parts) == {
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
    total, parts, fakes = objective.generated(*crops, tf.constant(0))
    np.testing.assert_allclose(parts["style"], [style(found) for found in made], rtol=1e-3)
    contents = [content(found, wanted) for found, wanted in zip(made, of_b, strict=True)]
    np.testing.assert_allclose(parts["content"], contents, rtol=1e-3)
    deceived = per_picture((objective.networks["critic_A"](fake).numpy() - 1) ** 2)
    expected = (np.array(contents) + 0.5 * np.array(parts["style"])) / unit + 2 * deceived
    np.testing.assert_allclose(total, expected, rtol=1e-3)
    assert len(fakes) == 1


def enlarged(picture):
    """Twice as many pixels a side, by Pillow."""
    height, width, _ = picture.shape
    bands = [Image.fromarray(band) for band in np.moveaxis(np.float32(picture), -1, 0)]
    size = 2 * width, 2 * height
    return np.stack([band.resize(size, Image.Resampling.BICUBIC) for band in bands], -1)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["proposal", "gatys-code"])
def test_close_ups_by_hand(form, crops, rng):
    """Losses of a quarter enlarged twofold, by NumPy and Pillow; the unit is of whole crops."""
    settings = AdaptedSettings(**TINY, form=form, adversarial=0, closeups=1, backbone="embedded")
    painting = rng.uniform(-1, 1, PAINTINGS[0]).astype(np.float32)
    options = {"paintings": [tf.constant(painting)], "photographs": [crops[1]]}
    objective = Adapted(settings, dtype="float32", **options)
    whole = Adapted(dataclasses.replace(settings, closeups=0), dtype="float32", **options)
    assert objective.unit == whole.unit
    weights, layers = load_weights("embedded"), settings.style_layers
    fake, photographs = objective.networks["BtoA"](crops[1]).numpy(), crops[1].numpy()

    def features(picture):
        picture = enlarged(picture) / 2 + 0.5
        return reference.features(picture, weights.kernels, weights.biases, FORMS[form].pooling)

    def gram(f, share=1.0):
        """For the proposal a sum, of a painting over as many positions as a crop has; or a mean."""
        return reference.gram(f) * (share if form == "proposal" else 1 / math.prod(f.shape[:2]))

    share = 32 * 32 / math.prod(enlarged(painting).shape[:2])
    goals = {layer: gram(f, share) for layer, f in features(painting).items()}

    def style(found):
        errors = [gram(found[layer]) - goals[layer] for layer in layers]
        losses = [np.abs(e).sum() if form == "proposal" else (e**2).mean() for e in errors]
        return np.dot(objective.omega, losses)

    _, parts, _ = objective.generated(*crops, tf.constant(5))
    drawn = tf.random.stateless_uniform((3,), (settings.seed, 5)).numpy()
    top, left = (drawn[1:] * 17).astype(int)
    part = slice(top, top + 16), slice(left, left + 16)
    for i in range(2):
        seen, wanted = features(fake[i][part]), features(photographs[i][part])
        assert parts["style"].numpy()[i] == pytest.approx(style(seen), rel=2e-3)
        squares = (seen["block4_conv2"] - wanted["block4_conv2"]) ** 2
        content = squares.sum() if form == "proposal" else squares.mean()
        assert parts["content"].numpy()[i] == pytest.approx(content, rel=2e-3)


@pytest.mark.slow
def test_a_share_of_the_steps_are_close_ups(crops):
    """At the others the losses are those of the whole crop; a step draws the same again."""
    settings = AdaptedSettings(**TINY, form="gatys-code", adversarial=0, backbone="embedded")
    options = {"dtype": "float32", "paintings": list(crops[0]), "photographs": [crops[1]]}
    whole = Adapted(settings, **options).generated(*crops, tf.constant(0)).total.numpy()
    objective = Adapted(dataclasses.replace(settings, closeups=0.25), **options)
    totals = [objective.generated(*crops, tf.constant(n)).total.numpy() for n in range(40)]
    different = [total for total in totals if not np.allclose(total, whole, rtol=1e-4)]
    assert 3 <= len(different) <= 18  # of 40 with a chance of 1/4: all but one time in 1,000
    assert len({float(total[0]) for total in different}) == len(different)  # at other places
    again = objective.generated(*crops, tf.constant(7)).total
    np.testing.assert_allclose(again, totals[7], rtol=1e-6)


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
