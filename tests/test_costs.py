"""What an evaluation costs: operations against Keras' own network, and the measurements."""

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer._tensorflow import keras
from styletransfer.fast import precision
from styletransfer.study import costs

OPTIONS = {"form": "gatys-code", "backbone": "embedded"}


@pytest.mark.parametrize(("architecture", "model"), [("vgg16", "VGG16"), ("vgg19", "VGG19")])
def test_operations_are_those_of_keras(architecture, model):
    """Products of every kernel at every position, from the shapes that Keras has."""
    shape = (64, 96, 3)
    network = getattr(keras.applications, model)(weights=None, include_top=False, input_shape=shape)
    expected = dict.fromkeys(range(1, 6), 0.0)
    for layer in network.layers:
        if layer.weights and (layer.name < "block5" or layer.name == "block5_conv1"):
            _, height, width, filters = layer.output.shape
            products = height * width * (layer.count_params() - filters)  # all but the biases
            if layer.name.endswith("conv1"):
                products += height * width * filters**2  # of the Gram matrix
            # forward and back, a product and a sum each
            expected[int(layer.name[5])] += 4 * products
    assert costs.operations_by_block(shape, architecture=architecture) == pytest.approx(expected)


def test_seconds_are_differences_of_what_the_clock_says(pair, monkeypatch):
    """By a clock that says the square of how many style layers were timed."""
    timed = []

    def clock(function, *, trials):
        function()
        objective = function.func.__self__
        timed.append((objective.content_layers, objective.style_layers))
        return [float(len(objective.style_layers) ** 2)]

    monkeypatch.setattr(costs, "fastest", clock)
    assert costs.seconds_by_block(*pair, **OPTIONS) == {1: 1, 2: 3, 3: 5, 4: 7, 5: 9}
    ends = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv1"]
    assert [content for content, _ in timed] == [(end,) for end in ends]
    assert [style[-1] for _, style in timed] == [f"block{i}_conv1" for i in range(1, 6)]


def test_matrix_rate(monkeypatch):
    monkeypatch.setattr(costs, "fastest", lambda function, *, trials: [function().sum() * 0 + 4.0])
    assert costs.matrix_rate(side=64) == 2 * 64**3 / 4


@pytest.mark.slow
def test_errors_of_the_gradient():
    content, style = (load_image(name, size=96) for name in ("petra", "night_cafe"))
    where, options = {"here": content}, OPTIONS
    gradient = costs.gradient_errors(content, style, where, **options)
    exact, rounded = (
        Objective(content, style, precision=name, **options).value_and_gradient(content)[1]
        for name in ("float32", "winograd")
    )
    expected = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert gradient["winograd"] == {"here": pytest.approx(expected, rel=1e-2)}
    if precision.has_bfloat16():
        assert gradient["mixed"]["here"] > gradient["winograd"]["here"]
