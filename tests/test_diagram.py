"""The drawing of the method shows the features, Gram matrices and losses that NumPy finds."""

import numpy as np
import pytest

from styletransfer import Objective
from styletransfer.errors import InputError
from styletransfer.study.diagram import method


@pytest.fixture(scope="module")
def drawn(pair):
    photo, painting = pair
    objective = Objective(*pair, style_layers=["conv1_1", "conv2_1"], backbone="embedded")
    picture = np.clip(photo + 0.1, 0, 1)
    figure = method(objective, photo=photo, painting=painting, picture=picture)
    return objective, picture, figure


def test_losses_are_those_of_the_objective(drawn):
    objective, picture, figure = drawn
    losses = objective(picture).layers
    texts = [text.get_text() for text in figure.axes[0].texts]
    for layer in ("block1_conv1", "block2_conv1"):
        weight = objective.lam * objective.omega[objective.style_layers.index(layer)]
        assert f"λωE = {weight * losses['style'][layer]:,.0f}" in texts
    assert f"L = content + λ Σ ω E = {objective(picture).total:,.0f}" in texts
    assert f"content = {losses['content']['block4_conv2']:,.0f}" in texts
    assert [t for t in texts if t.startswith("conv")] == ["conv1_1", "conv2_1", "conv4_2"]


def test_thumbnails(drawn, pair, embedded_features):
    """Three pictures; a mean feature map of each at each layer; two Gram matrices a style layer."""
    _, picture, figure = drawn
    images = [axis.images[0].get_array() for axis in figure.axes[1:]]
    photo, painting = pair
    for image, expected in zip(images[:3], (painting, picture, photo), strict=True):
        np.testing.assert_allclose(image, expected)
    assert len(images) == 3 + 3 * 3 + 2 * 2
    found = embedded_features(painting)["block1_conv1"]
    np.testing.assert_allclose(images[3], found.mean(axis=-1), rtol=1e-3, atol=1e-2)
    strongest = np.sort(np.argsort(-found.mean(axis=(0, 1)))[:48])
    columns = found.reshape(-1, found.shape[-1])[:, strongest]
    expected = np.log1p(columns.T @ columns / len(columns))
    np.testing.assert_allclose(images[6], expected, rtol=1e-3, atol=1e-3)


def test_one_content_layer_is_needed(pair):
    photo, painting = pair
    for layers in ((), ("conv3_1", "conv4_2")):
        objective = Objective(*pair, content_layers=layers, backbone="embedded")
        with pytest.raises(InputError, match="one content layer"):
            method(objective, photo=photo, painting=painting, picture=photo)
