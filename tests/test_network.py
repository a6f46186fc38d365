"""The loss network against a NumPy computation, and the mean activations that it is scaled by."""

import numpy as np
import pytest

from styletransfer import datasets, transfer, vgg
from styletransfer.backbones import load_weights
from styletransfer.errors import InputError
from styletransfer.vgg import loss_network, mean_activations

from . import reference

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv2", "block5_conv1")


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("scaled", [False, True])
def test_features_equal_those_of_numpy(pair, pooling, scaled):
    loaded = load_weights("embedded")
    picture = pair[0][:37, :45]  # sides that are not multiples of 32
    scales = mean_activations(loaded, pooling=pooling) if scaled else None
    expected = reference.features(picture, loaded.kernels, loaded.biases, pooling, scales)
    found = loss_network(loaded, LAYERS, pooling=pooling, scaled=scaled)(picture[None])
    for layer in LAYERS:
        np.testing.assert_allclose(found[layer][0], expected[layer], rtol=2e-4, atol=2e-5 * expected[layer].max())


def test_the_network_is_cut_and_frozen():
    network = loss_network(load_weights("embedded"), ("block2_conv1", "block1_conv1"), pooling="avg", scaled=False)
    assert [layer.name for layer in network.layers if "conv" in layer.name][-1] == "block2_conv1"
    assert network.trainable_weights == []
    with pytest.raises(InputError, match=r"unknown layer of vgg16 'block5_conv4'"):
        loss_network(load_weights("embedded"), ("block5_conv4",), pooling="avg", scaled=False)


def test_scaled_filters_have_mean_activation_one():
    """Over the photographs that the means were taken from, but for the filters under the floor."""
    loaded = load_weights("embedded")
    network = loss_network(loaded, ("block1_conv1", "block3_conv1"), pooling="avg", scaled=True)
    found = [network(photo.load(size=vgg.SCALING_SIZE)[None]) for photo in datasets.photos().values()]
    means = mean_activations(loaded, pooling="avg")
    for layer in ("block1_conv1", "block3_conv1"):
        per_filter = np.mean([np.mean(features[layer], axis=(0, 1, 2)) for features in found], axis=0)
        above = means[layer] >= 0.1 * means[layer].mean()
        np.testing.assert_allclose(per_filter[above], 1, rtol=1e-3)
        assert (per_filter[~above] < 1).all()


def test_the_floor_is_needed(pair):
    """Some filters hardly fire: without the floor their style loss drowns all others, and the optimiser stalls."""
    means = mean_activations(load_weights("embedded"), pooling="avg")
    assert any((mean < 0.1 * mean.mean()).any() for mean in means.values())

    def losses():
        record = transfer(*pair, size=64, steps=40, backbone="embedded", progress=False).record
        return record["history"][0]["loss"], record["history"][-1]["loss"]

    first, last = losses()
    assert last < 0.1 * first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg, "SCALING_FLOOR", 1e-7)
        loss_network.cache_clear()
        drowned, stuck = losses()
    loss_network.cache_clear()
    assert drowned > 1e5 * first
    assert stuck > 0.9 * drowned


def test_mean_activations_are_cached_and_mended(tmp_path, monkeypatch):
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    few = dict(list(datasets.photos().items())[:2])
    monkeypatch.setattr(datasets, "photos", lambda: few)
    loaded = load_weights("embedded")
    first = mean_activations(loaded, pooling="avg")
    expected = np.mean(
        [
            reference.features(photo.load(size=vgg.SCALING_SIZE), *_shallow(loaded), "avg")["block1_conv2"].mean((0, 1))
            for photo in few.values()
        ],
        axis=0,
    )
    np.testing.assert_allclose(first["block1_conv2"], expected, rtol=1e-3, atol=1e-5)
    (kept,) = (tmp_path / "cache").iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr(vgg, "tqdm", None)  # computing once more would call it
    np.testing.assert_array_equal(mean_activations(loaded, pooling="avg")["block4_conv2"], first["block4_conv2"])
    monkeypatch.undo()
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "photos", lambda: few)
    for broken in (b"", content[:1000], content[:-2000], b"nonsense"):
        kept.write_bytes(broken)
        again = mean_activations(loaded, pooling="avg")
        np.testing.assert_allclose(again["block4_conv2"], first["block4_conv2"], rtol=1e-5)
        assert len(kept.read_bytes()) == len(content)


def _shallow(loaded):
    names = ("block1_conv1", "block1_conv2")
    return {n: loaded.kernels[n] for n in names}, {n: loaded.biases[n] for n in names}


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch):
    one = dict(list(datasets.photos().items())[:1])
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", "/proc/none")
    monkeypatch.setattr(datasets, "photos", lambda: one)
    assert mean_activations(load_weights("embedded"), pooling="avg")["block1_conv1"].shape == (64,)
