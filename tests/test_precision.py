"""Winograd's convolutions and bfloat16 against NumPy in float64 and TensorFlow's convolutions."""

from pathlib import Path

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer._tensorflow import keras, tf
from styletransfer.errors import InputError
from styletransfer.fast import precision
from styletransfer.fast.winograd import WinogradConv2D
from styletransfer.forms import FORMS
from styletransfer.loop import Run
from styletransfer.settings import settings_from

from . import reference

# What `tf.pad` calls them: to mirror one position with the border is to repeat it.
MODES = {"zero": "zero", "replicate": "SYMMETRIC", "reflect": "REFLECT"}
SHAPES = [(1, 1), (4, 4), (5, 7), (17, 30), (24, 32)]


@pytest.mark.parametrize(
    ("padding", "shape"),
    [(padding, shape) for padding in MODES for shape in SHAPES[padding == "reflect" :]],
)
def test_winograd_equals_numpy(rng, padding, shape):
    """Every number of rows and columns that a tile may lack; one alone cannot be mirrored."""
    x, kernel = rng.random((*shape, 5)), rng.standard_normal((3, 3, 5, 6))
    bias = rng.standard_normal(6)
    numbers = kernel.astype(np.float32), bias.astype(np.float32)
    layer = WinogradConv2D(*numbers, padding=MODES[padding], name="a")
    expected = np.maximum(reference.convolve(x, kernel, bias, around=padding), 0)
    np.testing.assert_allclose(layer(x[None].astype(np.float32))[0], expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("padding", MODES)
def test_the_gradient_of_winograd_equals_that_of_numpy(rng, padding):
    """The convolution with the turned kernel, and the same by the linear map's own transpose."""
    x, kernel = rng.random((6, 7, 2)), rng.standard_normal((3, 3, 2, 3))
    upstream = rng.standard_normal((6, 7, 3))
    bias = np.full(3, 100, np.float32)  # far from the ReLU's kink
    layer = WinogradConv2D(kernel.astype(np.float32), bias, padding=MODES[padding], name="a")
    image = tf.constant(x[None].astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(image)
        features = layer(image)
    found = tape.gradient(
        features, image, output_gradients=tf.constant(upstream[None].astype(np.float32))
    )[0]
    units = np.eye(x.size).reshape(-1, *x.shape)
    columns = [reference.convolve(unit, kernel, 0, around=padding).ravel() for unit in units]
    expected = (np.stack(columns) @ upstream.ravel()).reshape(x.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_that_of_float32(form):
    """Within 0.1 %, at the photograph and away from it; in bfloat16 only roughly."""
    content, style = load_image("petra", size=128), load_image("night_cafe", size=128)
    away = np.clip(
        content + 0.1 * np.random.default_rng(0).standard_normal(content.shape), 0, 1
    ).astype(np.float32)
    for picture in (content, away):
        found = {}
        for name in ("float32", "winograd", "mixed"):
            objective = Objective(content, style, form=form, backbone="embedded", precision=name)
            found[objective.precision] = objective.value_and_gradient(picture)
        losses, gradient = found["float32"]
        size = np.linalg.norm(gradient)
        assert np.linalg.norm(found["winograd"][1] - gradient) < 1e-3 * size
        assert found["winograd"][0].total == pytest.approx(losses.total, rel=1e-5)
        if "mixed" in found:
            assert 0 < np.linalg.norm(found["mixed"][1] - gradient) < 0.1 * size
            assert found["mixed"][0].total == pytest.approx(losses.total, rel=0.01)


def test_mixed_computes_the_later_blocks_in_bfloat16(monkeypatch, pair):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    objective = Objective(*pair, backbone="embedded", precision="mixed")
    network = objective._functions._network
    dtypes = {layer.name: layer.compute_dtype for layer in network.layers if "_conv" in layer.name}
    assert {int(name[5]): dtype for name, dtype in dtypes.items()} == {
        **dict.fromkeys((1, 2), "float32"),
        **dict.fromkeys((3, 4, 5), "bfloat16"),
    }


@pytest.mark.slow
def test_mixed_ends_in_float32(monkeypatch, pair):
    """Two thirds of the last size in bfloat16, the rest in the precision that auto means."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    settings = settings_from(
        {"sizes": (40, 64), "steps": (4, 9), "precision": "mixed", "backbone": "embedded"}
    )
    run = Run(*pair, settings)
    used = []
    for _ in run:
        used.append(run.objective.precision)
    assert used == ["mixed"] * (4 + 6) + ["float32"] * 3
    assert [stage["steps"] for stage in run.record()["plan"]] == [4, 6, 3]
    assert run.settings.precision == "mixed"
    assert run.history[-1]["loss"] < run.history[4]["loss"]


def test_a_processor_without_bfloat16_falls_back_with_a_word(monkeypatch, caplog, pair):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    run = Run(
        *pair,
        settings_from({"sizes": (64,), "steps": 2, "precision": "mixed", "backbone": "embedded"}),
    )
    assert "not faster in bfloat16" in caplog.text
    assert run.settings.precision == run.objective.precision == "float32"


def test_has_bfloat16_is_what_the_processor_says():
    """No convolution in bfloat16 is faster on a processor that does not name the feature."""
    if not Path("/proc/cpuinfo").exists():
        pytest.skip("this system does not name the features of its processor")
    flags = Path("/proc/cpuinfo").read_text()
    if precision.has_bfloat16():
        assert "avx512_bf16" in flags or "amx_bf16" in flags or "bf16" in flags


def test_a_graphics_card_is_left_to_its_own_library(monkeypatch):
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda kind=None: ["a card"] if kind == "GPU" else []
    )
    assert precision.resolve_precision("auto", size=512) == "float32"


def test_small_pictures_are_left_to_tensorflow():
    assert [precision.resolve_precision("auto", size=n) for n in (99, 100)] == [
        "float32",
        "winograd",
    ]


def test_an_unknown_precision_is_refused(pair):
    with pytest.raises(InputError, match="did you mean 'float32'"):
        Objective(*pair, precision="float23")


def test_winograd_holds_one_kernel_for_both_directions():
    layer = WinogradConv2D(np.zeros((3, 3, 8, 16), np.float32), np.zeros(16, np.float32), name="a")
    assert [tuple(weight.shape) for weight in layer.weights] == [(36, 8, 16), (16,)]
    assert layer.trainable_weights == []
    assert keras.Input((None, None, 8)).shape[:-1] == layer(keras.Input((None, None, 8))).shape[:-1]
