"""What an evaluation costs: counted operations against Keras' own network, and the measurements themselves."""

import time

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer._tensorflow import keras
from styletransfer.fast import precision
from styletransfer.study import costs


@pytest.mark.parametrize(("architecture", "model"), [("vgg16", "VGG16"), ("vgg19", "VGG19")])
def test_operations_are_those_of_keras(architecture, model):
    """Products of every kernel at every position, from the shapes that Keras has."""
    network = getattr(keras.applications, model)(
        weights=None, include_top=False, input_shape=(64, 96, 3)
    )
    expected = dict.fromkeys(range(1, 6), 0.0)
    for layer in network.layers:
        if layer.weights and (layer.name < "block5" or layer.name == "block5_conv1"):
            _, height, width, filters = layer.output.shape
            products = height * width * (layer.count_params() - filters)  # all but the biases
            if layer.name.endswith("conv1"):
                products += height * width * filters**2  # of the Gram matrix
            expected[int(layer.name[5])] += (
                4 * products
            )  # forward and back, a product and a sum each
    assert costs.operations_by_block((64, 96, 3), architecture=architecture) == pytest.approx(
        expected
    )


def test_measurements(pair):
    options = {"form": "gatys-code", "backbone": "embedded"}
    seconds = costs.seconds_by_block(*pair, **options)
    assert list(seconds) == [1, 2, 3, 4, 5]
    objective = Objective(*pair, content_layers=(), **options)
    objective.value_and_gradient(pair[0])
    began = time.perf_counter()
    objective.value_and_gradient(pair[0])
    whole = time.perf_counter() - began
    assert whole / 4 < sum(seconds.values()) < 4 * whole  # of all layers, by a clock of its own
    assert costs.matrix_rate(side=256) > 1e6
    content, style = (load_image(name, size=96) for name in ("petra", "night_cafe"))
    found = costs.errors_by_layer(
        content, style, {"here": content}, precisions=("winograd", "mixed"), **options
    )
    errors = {name: found[name, "here"] for name in ("winograd", "mixed")}
    assert errors["winograd"]["block1_conv2"] == 0  # the first block is TensorFlow's own
    assert 0 < max(errors["winograd"].values()) < 1e-2
    gradient = costs.gradient_errors(content, style, {"here": content}, **options)
    exact, rounded = (
        Objective(content, style, precision=each, **options).value_and_gradient(content)[1]
        for each in ("float32", "winograd")
    )
    expected = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert gradient["winograd"] == {"here": pytest.approx(expected, rel=1e-2)}
    if precision.has_bfloat16():
        assert gradient["mixed"]["here"] > gradient["winograd"]["here"]
        assert errors["mixed"]["block2_conv2"] == 0
        assert errors["mixed"]["block4_conv1"] > errors["winograd"]["block4_conv1"]
