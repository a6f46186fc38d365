"""Regions: the objective, and the guides that say which positions are a region's."""

import dataclasses
from types import MappingProxyType

import numpy as np
import pytest

from styletransfer import Objective
from styletransfer._tensorflow import tf
from styletransfer.errors import InputError
from styletransfer.forms import FORMS
from styletransfer.layers import receptive_field
from styletransfer.losses import STATISTICS, statistic
from styletransfer.network import loss_network
from styletransfer.pictures.images import resize
from styletransfer.regions import carried, matched, resized
from styletransfer.weights.backbones import load_weights

from . import reference


def simple(labels, layer):
    """The two regions' positions of a layer, those that lie in it, by counting pixels."""
    factor = 2 ** (int(layer[5]) - 1)
    rows, columns = (side // factor for side in labels.shape)
    cells = labels[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    shares = [(cells == region).mean((1, 3)) for region in (0, 1, -1)]
    return np.argmax(shares, axis=0) == np.arange(2)[:, None, None]


def guided_gram(features, guide, *, per_position):
    """Gatys et al. 2017, Eq. 7 and the scale of T that they give: its mean square is one."""
    T = guide / np.sqrt(max((guide.astype(float) ** 2).mean(), 1e-12))
    gram = reference.gram(T[..., None] * features)
    return gram / T.size if per_position else gram


@pytest.mark.parametrize("form", ["gatys-code", "proposal"])
def test_losses_and_gradient_of_regions(pair, paintings, labels, form, rng):
    """Against NumPy, and finite differences of it."""
    names, omega = ("block1_conv2", "block3_conv1"), (0.5, 0.25)
    weights = load_weights("embedded")
    kernels = {n: k for n, k in weights.kernels.items() if n <= "block3_conv1"}

    def features(picture):
        found = reference.features(picture, kernels, weights.biases, "avg", padding="replicate")
        return {name: found[name] for name in names}

    def grams(picture, labels):
        per = {"per_position": FORMS[form].per_position}
        return {
            name: [guided_gram(F, guide, **per) for guide in simple(labels, name)]
            for name, F in features(picture).items()
        }

    photo, image = pair[0], np.clip(pair[0] + rng.normal(0, 0.1, pair[0].shape), 0, 1)
    image = image.astype(np.float32)
    targets = [grams(p, own) for p, own in zip(paintings, labels[1:], strict=True)]

    def expected(picture):
        total, found = 0.0, grams(picture, labels[0])
        for weight, name in zip(omega, names, strict=True):
            for region in range(2):  # a painting for each
                apart = found[name][region] - targets[region][name][region]
                each = np.abs(apart).sum() if form == "proposal" else (apart**2).mean()
                total += weight * each / 2
        return total

    options = {"content_layers": (), "style_layers": names, "omega": omega, "guide": "simple"}
    options |= {"form": form, "lam": 1.0, "backbone": "embedded", "labels": labels}
    objective = Objective(photo, paintings, **options)
    losses, gradient = objective.value_and_gradient(image)
    assert losses.total == pytest.approx(expected(image), rel=2e-4)
    for direction in (gradient.astype(float), rng.normal(size=image.shape)):
        step = 1e-5 * direction / np.abs(direction).max()
        slope = (expected(image + step) - expected(image - step)) / 2
        scale = np.linalg.norm(gradient) * np.linalg.norm(step)
        assert abs(float((gradient * step).sum()) - slope) < 2e-3 * max(abs(slope), 0.05 * scale)


def test_one_region_of_all_is_no_region(pair):
    everything = [np.zeros(picture.shape[:2], int) for picture in pair]
    for guide in ("simple", "middle", "inside", "all"):
        guided = Objective(*pair, labels=everything, guide=guide, backbone="embedded")
        plain = Objective(*pair, backbone="embedded")
        (a, slope), (b, same) = (o.value_and_gradient(0.9 * pair[0]) for o in (guided, plain))
        assert a == b
        np.testing.assert_array_equal(slope, same)


def test_the_statistics_of_a_region_are_those_of_its_positions(rng):
    """Of any statistic, also where the form does not divide by the positions."""
    features = rng.random((1, 6, 7, 5)).astype(np.float32)
    guides = rng.random((3, 6, 7)) < 0.4
    for per_position in (True, False):
        options = {"per_position": per_position, "guides": tf.constant(guides)}
        each = {name: s(features, **options).numpy() for name, s in STATISTICS.items() if s.own}
        for region, guide in enumerate(guides):
            inside = features[0][guide].astype(float)
            gram = inside.T @ inside / len(inside) * (1 if per_position else guide.size)
            moments = np.stack([inside.mean(0), inside.std(0)])
            np.testing.assert_allclose(each["gram"][region], gram, rtol=1e-5)
            np.testing.assert_allclose(each["mean_std"][region], moments, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("guide", ["simple", "all"])
def test_tiles_equal_the_whole(pair, paintings, labels, guide):
    photo, own = resize(pair[0], (90, 121)), resized(labels[0], (90, 121))
    options = {"guide": guide, "backbone": "embedded", "labels": (own, *labels[1:])}
    (a, whole), (b, tiled) = (
        Objective(photo, paintings, tile=tile, **options).value_and_gradient(photo)
        for tile in (None, 64)
    )
    assert b.total == pytest.approx(a.total, rel=1e-5)
    assert b.layers["style"] == pytest.approx(a.layers["style"], rel=1e-5)
    assert np.abs(tiled - whole).max() < 1e-5 * np.abs(whole).max()


def test_another_mask_is_not_traced_again(pair, paintings, labels):
    first = Objective(pair[0], paintings, labels=labels, backbone="embedded")
    first.value_and_gradient(pair[0])
    before = first.traces
    other = Objective(
        pair[0], paintings, labels=(1 - labels[0], *labels[1:]), guide="all", backbone="embedded"
    )
    assert other(pair[0]).style != first(pair[0]).style
    other.value_and_gradient(pair[0])
    assert other.traces == before


def test_a_region_too_small_for_a_layer_is_left_out_there(pair, paintings, labels, caplog):
    small = np.zeros_like(labels[0])
    small[:20, :3] = 1
    whole = np.zeros_like(labels[1]), labels[2]
    objective = Objective(
        pair[0], paintings, labels=(small, *whole), guide="simple", backbone="embedded"
    )
    said = "no style is asked of the region 2 at block4_conv1, 2 at block5_conv1: it is too small"
    assert said in caplog.text
    losses, gradient = objective.value_and_gradient(pair[0])
    assert np.isfinite(gradient).all()
    # What is left is half of the first region's loss, which has all positions of these layers.
    first = Objective(pair[0], paintings[0], backbone="embedded")(pair[0]).layers["style"]
    assert losses.layers["style"]["block5_conv1"] == pytest.approx(first["block5_conv1"] / 2)


def test_labels_must_fit(pair, paintings, labels):
    for wrong in (labels[:2], (labels[0].T, *labels[1:]), (*labels, labels[0])):
        with pytest.raises(InputError, match="the labels must have the pictures' shapes"):
            Objective(pair[0], paintings, labels=wrong, backbone="embedded")
    try:

        @statistic(additive=False)
        def middle(features):
            return tf.sort(features, axis=1)[:, 0]

        with pytest.raises(InputError, match="cannot be that of a region"):
            Objective(pair[0], paintings, labels=labels, statistic="middle", backbone="embedded")
    finally:
        STATISTICS.pop("middle", None)


def test_guides_are_what_the_network_sees():
    """The receptive field of a position is where its gradient is not zero."""
    weights = load_weights("embedded")
    even = {n: np.full_like(k, 1 / k[..., 0].size) for n, k in weights.kernels.items()}
    zeros = {n: np.zeros_like(b) for n, b in weights.biases.items()}
    weights = dataclasses.replace(
        weights, kernels=MappingProxyType(even), biases=MappingProxyType(zeros)
    )
    layers = ("block1_conv2", "block2_conv1", "block3_conv3", "block4_conv2")
    network = loss_network(weights, layers, pooling="avg", padding="replicate")
    labels = np.zeros((25, 203), int)
    labels[:, 108:] = 1
    labels[5:7, 30:32] = 1
    labels[11:, 190:] = -1
    image = tf.ones((1, *labels.shape, 3))  # above the mean colour: no ReLU is silent
    for layer in layers:
        guides = {
            guide: carried(labels, layer, regions=2, guide=guide, architecture="vgg16")
            for guide in ("simple", "inside", "all")
        }
        assert (guides["simple"].sum(0) <= 1).all()
        np.testing.assert_array_equal(guides["simple"], simple(labels, layer))
        height, width = guides["all"].shape[1:]
        for row, column in {(0, 0), (height - 1, width - 1)} | {
            (height // 2, width * i // 9) for i in range(9)
        }:
            with tf.GradientTape() as tape:
                tape.watch(image)
                value = network(image)[layer][0, row, column, 0]
            seen = labels[(tape.gradient(value, image)[0].numpy() != 0).any(-1)]
            for region in range(2):
                at = region, row, column
                assert guides["all"][at] == (seen == region).any()
                assert guides["inside"][at] == (seen == region).all()


def test_the_middle_of_a_receptive_field():
    """Pixels are in their region where no other is nearer than an eighth of the field's side."""
    known = {"block1_conv1": 3, "block3_conv1": 24, "block5_conv1": 132}  # of VGG-16
    assert {layer: receptive_field(layer, "vgg16") for layer in known} == known
    assert receptive_field("block5_conv1", "vgg19") == 156
    labels = np.zeros((40, 50), int)
    labels[13:, 9:] = 1
    labels[30:, 40:] = -1
    far = np.zeros((2, *labels.shape), bool)
    for row, column in np.ndindex(labels.shape):
        near = labels[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4]
        for region in range(2):
            far[region, row, column] = (near == region).all()
    found = carried(labels, "block3_conv1", regions=2, guide="middle", architecture="vgg16")
    cells = far[:, :, :48].reshape(2, 10, 4, 12, 4).mean((2, 4))
    assert (found <= (cells > 0.3)).all()  # three classes: the largest has a third at least
    assert (found >= (cells > 0.5)).all()


def test_labels_are_resized_without_mixing():
    labels = np.repeat(np.array([[0, 2], [-1, 1]]), 50, 0).repeat(40, 1)
    found = resized(labels, (33, 21))
    assert set(np.unique(found)) == {-1, 0, 1, 2}
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [0, 2, -1, 1]
    np.testing.assert_array_equal(resized(found, found.shape), found)


def textures(rng, *, above, size=160):
    """Fine stripes and coarse blocks side by side, or one above the other in other colours."""
    stripes = np.tile((np.arange(size) // 2 % 2)[:, None], (1, size)).astype(float)
    blocks = rng.random((size // 16, size // 16)).repeat(16, 0).repeat(16, 1)
    truth = np.zeros((size, size), int)
    truth[:, size // 2 :] = 1
    truth = truth.T if above else truth
    grey = np.where(truth, blocks, stripes)[..., None]
    return (0.9 - 0.5 * grey * [1, 0.8, 0.3] if above else 0.1 + 0.8 * grey * [1, 1, 1]), truth


def test_matching_finds_what_is_alike_in_both(rng, monkeypatch):
    (photo, there), (painting, here) = (textures(rng, above=above) for above in (False, True))
    pictures = photo.astype(np.float32), [painting.astype(np.float32)]
    weights = load_weights("embedded")
    found = matched(*pictures, regions=2, weights=weights)
    again = matched(*pictures, regions=2, weights=weights)
    shares = []
    for labels, same, truth in zip(found, again, (there, here), strict=True):
        np.testing.assert_array_equal(labels, same)
        shares.append((resized(labels, truth.shape) == truth).mean())
    assert min(shares) > 0.85 or max(shares) < 0.15, shares  # numbers may be the other way round
    monkeypatch.setattr("styletransfer.regions.LEAST_SHARE", 0.9)
    with pytest.raises(InputError, match="photograph and painting have no two regions in common"):
        matched(*pictures, regions=2, weights=weights)
