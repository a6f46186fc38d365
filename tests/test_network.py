"""The loss network against a NumPy computation, and the mean activations that it is scaled by."""

import h5py
import numpy as np
import pytest

from styletransfer import scaling, transfer
from styletransfer.errors import InputError
from styletransfer.layers import STYLE_LAYERS
from styletransfer.network import loss_network
from styletransfer.pictures import datasets
from styletransfer.scaling import floored, mean_activations, rescaled
from styletransfer.weights.backbones import load_weights

from . import reference

FIRST = "block1_conv1"
LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv2", "block5_conv1")


def assert_features(found, expected):
    for layer in LAYERS:
        tolerance = 2e-5 * expected[layer].max()
        np.testing.assert_allclose(found[layer][0], expected[layer], rtol=2e-4, atol=tolerance)


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("scaled", [False, True])
def test_features_equal_those_of_numpy(pair, scales, pooling, scaled):
    loaded = load_weights("embedded")
    picture = pair[0][:37, :45]  # sides that are not multiples of 32
    means = scales(pooling) if scaled else None
    expected = reference.features(picture, loaded.kernels, loaded.biases, pooling, means)
    used = rescaled(loaded, pooling=pooling) if scaled else loaded
    found = loss_network(used, LAYERS, pooling=pooling)(picture[None])
    assert_features(found, expected)


@pytest.mark.parametrize("precision", ["float32", "winograd"])
@pytest.mark.parametrize("padding", reference.AROUND)
def test_what_lies_beyond_the_border_is_as_numpy_has_it(pair, padding, precision):
    loaded = load_weights("embedded")
    picture = pair[0][:37, :45]
    kind = {"padding": padding, "precision": precision}
    found = loss_network(loaded, LAYERS, pooling="avg", **kind)(picture[None])
    given = picture, loaded.kernels, loaded.biases, "avg"
    by_padding = {each: reference.features(*given, padding=each) for each in reference.AROUND}
    assert_features(found, by_padding.pop(padding))
    for other in by_padding.values():  # which the comparison tells apart
        assert np.abs(found["block1_conv1"][0] - other["block1_conv1"]).max() > 1


def test_the_network_is_cut_and_frozen():
    network = loss_network(
        load_weights("embedded"), ("block2_conv1", "block1_conv1"), pooling="avg"
    )
    assert [layer.name for layer in network.layers if "conv" in layer.name][-1] == "block2_conv1"
    assert network.trainable_weights == []
    with pytest.raises(InputError, match=r"unknown layer of vgg16 'block5_conv4'"):
        loss_network(load_weights("embedded"), ("block5_conv4",), pooling="avg")


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_mean_activations_are_those_of_numpy(scales, pooling, tmp_path, monkeypatch):
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    found, expected = mean_activations(load_weights("embedded"), pooling=pooling), scales(pooling)
    assert len(found) == len(expected) == 13
    for layer, means in expected.items():
        np.testing.assert_allclose(found[layer], means, rtol=1e-3, atol=1e-5 * means.max())


@pytest.mark.usefixtures("scales")
def test_scaled_filters_have_mean_activation_one():
    """Over the photographs that the means were taken from, which are two here."""
    loaded = load_weights("embedded")
    layers = ("block1_conv1", "block3_conv1")
    network = loss_network(rescaled(loaded, pooling="avg"), layers, pooling="avg")
    photos = datasets.photos().values()
    found = [network(photo.load(size=scaling.SCALING_SIZE)[None]) for photo in photos]
    means = mean_activations(loaded, pooling="avg")
    for layer in layers:
        activations = [np.mean(features[layer], axis=(0, 1, 2)) for features in found]
        alive = means[layer] > 0
        assert alive.mean() > 0.9
        np.testing.assert_allclose(np.mean(activations, axis=0)[alive], 1, rtol=1e-3)


@pytest.mark.slow  # takes the means over all photographs
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_imagenets_network_needs_no_floor(pooling):
    means = mean_activations(load_weights("embedded"), pooling=pooling)
    for layer in STYLE_LAYERS:
        assert means[layer].min() > 0.01 * means[layer].mean()


def test_no_filter_counts_less_than_the_floor():
    means = np.array([0, 1e-6, 0.9, 1, 3.1], np.float32)  # 1 on average
    assert floored(means, 0.0) == pytest.approx([1, 1e-6, 0.9, 1, 3.1])
    assert floored(means, 0.1) == pytest.approx([0.1, 0.1, 0.9, 1, 3.1])
    assert floored(means, 1.0) == pytest.approx([1, 1, 1, 1, 3.1])
    assert floored(0 * means, 0.1).tolist() == [1] * 5


@pytest.fixture
def drowsy(tmp_path, monkeypatch):
    """The path of a network whose first filter never fires, and whose second hardly ever does.

    The second is for a chessboard of single pixels, and asks for a clearer one than the photographs
    have of which means are taken here, but for the very clearest.
    """
    few = dict(list(datasets.photos().items())[:2])
    monkeypatch.setattr(datasets, "photos", lambda: few)
    loaded = load_weights("embedded")
    kernels, biases = dict(loaded.kernels), dict(loaded.biases)
    kernels[FIRST], biases[FIRST] = kernels[FIRST].copy(), biases[FIRST].copy()
    kernels[FIRST][..., 0], biases[FIRST][0] = 0, -1
    kernels[FIRST][..., 1] = (-1.0) ** np.add.outer(range(3), range(3))[..., None]
    biases[FIRST][1] = 0
    first = {FIRST: kernels[FIRST]}, {FIRST: biases[FIRST]}
    for photo in few.values():
        found = reference.features(photo.load(size=scaling.SCALING_SIZE), *first, "avg")[FIRST]
        biases[FIRST][1] = min(biases[FIRST][1], 1 - found[..., 1].max())
    with h5py.File(tmp_path / "drowsy.h5", "w") as file:
        for name, kernel in kernels.items():
            file[f"{name}/kernel"], file[f"{name}/bias"] = kernel, biases[name]
    return tmp_path / "drowsy.h5"


@pytest.mark.slow
@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_filters_that_hardly_fire_are_scaled_as_numpy_has_it(drowsy, rng, floor):
    loaded, layers = load_weights(str(drowsy)), (FIRST, "block1_conv2", "block2_conv1")
    scales = mean_activations(loaded, pooling="avg")
    assert scales[FIRST][0] == 0
    assert 0 < scales[FIRST][1] < 1e-4 * scales[FIRST].mean()
    picture = rng.random((16, 20, 3), np.float32)
    used = rescaled(loaded, pooling="avg", floor=floor)
    network = loss_network(used, layers, pooling="avg", activation="linear")
    found = network(picture[None])
    expected = reference.features(
        picture, loaded.kernels, loaded.biases, "avg", scales, activation="linear", floor=floor
    )
    for layer in layers:
        apart = np.abs(found[layer][0] - expected[layer]).max((0, 1))
        assert (apart < 1e-4 * np.abs(expected[layer]).max((0, 1))).all()  # filter by filter
    dead = found[FIRST][0, ..., 0] * (floor * scales[FIRST].mean() or 1)
    np.testing.assert_allclose(dead, -1, rtol=1e-5)  # the bias, whose factor is 1 without a floor


@pytest.mark.slow
def test_a_network_with_filters_that_hardly_fire_needs_a_floor(drowsy, pair, rng):
    """Without one their style loss drowns all others, and the optimiser stalls."""
    style = rng.random((60, 64, 3))  # has chessboards

    def losses(floor):
        options = {"form": "gatys", "lam": 1e3, "floor": floor, "backbone": str(drowsy)}
        record = transfer(pair[0], style, size=64, steps=40, progress=False, **options).record
        return record["history"][0]["loss"], record["history"][-1]["loss"]

    first, last = losses(0.1)
    assert last < 0.1 * first
    drowned, stuck = losses(0.0)
    assert drowned > 1e5 * first
    assert stuck > 0.9 * drowned


@pytest.mark.slow
def test_mean_activations_are_cached_and_mended(tmp_path, monkeypatch):
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    few = dict(list(datasets.photos().items())[:2])
    monkeypatch.setattr(datasets, "photos", lambda: few)
    loaded = load_weights("embedded")
    first = mean_activations(loaded, pooling="avg")
    (kept,) = (tmp_path / "cache").iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr(scaling, "tqdm", None)  # computing once more would call it
    np.testing.assert_array_equal(
        mean_activations(loaded, pooling="avg")["block4_conv2"], first["block4_conv2"]
    )
    monkeypatch.undo()
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "photos", lambda: few)
    for broken in (b"", content[:1000], content[:-2000], b"nonsense"):
        kept.write_bytes(broken)
        again = mean_activations(loaded, pooling="avg")
        np.testing.assert_allclose(again["block4_conv2"], first["block4_conv2"], rtol=1e-5)
        assert len(kept.read_bytes()) == len(content)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch):
    one = dict(list(datasets.photos().items())[:1])
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", "/proc/none")
    monkeypatch.setattr(datasets, "photos", lambda: one)
    assert mean_activations(load_weights("embedded"), pooling="avg")["block1_conv1"].shape == (64,)
